"""The baton: one thread works at a time, and nobody who waits keeps it."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from harness import settings_for

from cliniko.api.client import Client
from cliniko.api.cpu_lock import holding_cpu, waiting
from cliniko.api.rate_limiter import RateLimiter
from cliniko.endpoints import ENDPOINTS
from cliniko.extract.extractor import EndpointExtractor
from cliniko.extract.load_package import LoadPackage
from cliniko.extract.plan import ReadPlan
from cliniko.extract.progress import begin_reads
from cliniko.pagination.page import Page
from cliniko.pagination.parallel import Pages, together
from cliniko.settings import ClinikoSettings
from cliniko.transform.privacy import rules
from cliniko_warehouse.load.checkpoints import extract_all
from cliniko_warehouse.sandbox import (
    Account,
    Served,
    faults,
    serve,
)

PATIENCE = 10.0  # seconds for what comes sooner or later
IMPATIENCE = 0.2  # seconds after which what has not come will not


@pytest.fixture
def other() -> Iterator[Callable[[], bool]]:
    """Whether another thread can get to work now."""
    with ThreadPoolExecutor(1) as threads:

        def works(patience: float = IMPATIENCE) -> bool:
            there = threading.Event()

            def work() -> None:
                with holding_cpu():
                    there.set()

            threads.submit(work)
            return there.wait(patience)

        yield works


@pytest.fixture
def tiny() -> Iterator[Served]:
    """A clinic whose lists are a page each."""
    with serve(Account(rows=3)) as served:
        yield served


def test_one_thread_works_at_a_time(other: Callable[[], bool]) -> None:
    with holding_cpu():
        assert not other()

    assert other()


def test_who_waits_lets_another_work_and_then_goes_on_alone(other: Callable[[], bool]) -> None:
    with holding_cpu():
        with waiting():
            assert other()
        assert not other()


def test_who_is_at_work_may_begin_again(other: Callable[[], bool]) -> None:
    with holding_cpu():
        with holding_cpu(), waiting():
            assert other()
        assert not other()

    assert other()


def test_an_error_while_waiting_leaves_the_baton_where_it_was(other: Callable[[], bool]) -> None:
    with holding_cpu():
        with pytest.raises(ZeroDivisionError), waiting():
            1 / 0  # noqa: B018
        assert not other()

    assert other()


def test_who_holds_no_baton_waits_without_it(other: Callable[[], bool]) -> None:
    with waiting():
        assert other()


def read(client: Client, settings: ClinikoSettings, *names: str) -> list[str]:
    """Read lists as a run does; how that ended."""
    readings = begin_reads({name: ReadPlan(ENDPOINTS[name]) for name in names})
    extract_all(EndpointExtractor(settings, client, rules(settings), readings), {}, ())
    return [reading.status for reading in readings.values()]


@pytest.mark.parametrize("what", ["an answer", "its budget", "the next try"])
def test_reading_never_keeps_the_baton_while_it_waits(
    tiny: Served, other: Callable[[], bool], what: str
) -> None:
    """A key that waits for a minute must not hold up the lists of other accounts."""
    free: list[bool] = []

    def look(*_: object) -> None:
        free.append(other())

    settings = settings_for(tiny)
    if what == "an answer":
        tiny.account.before_answer.append(look)
    if what == "the next try":
        tiny.faults.append(faults.status(500, times=1))
    budget = RateLimiter(1, sleep=look)
    throttle = budget if what == "its budget" else None
    budget.wait()

    with Client(settings, throttle=throttle, sleep=look) as client:
        assert read(client, settings, "patients") == ["ok"]

    assert free
    assert all(free)


def test_reading_holds_the_baton_while_it_types(
    tiny: Served, other: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    free: list[bool] = []
    add = LoadPackage.add

    def watched(*given: Any) -> Any:
        free.append(other())
        return add(*given)

    monkeypatch.setattr(LoadPackage, "add", watched)
    settings = settings_for(tiny)

    with Client(settings) as client:
        assert read(client, settings, "patients") == ["ok"]

    assert free == [False]


def test_walks_side_by_side_work_while_who_takes_their_pages_waits() -> None:
    def walk() -> Pages:
        yield Page("/patients", [{}], datetime.now(UTC), None)

    def take() -> None:
        with holding_cpu():
            taken.extend(number for number, page in together([walk(), walk()]) if page)

    taken: list[int] = []
    thread = threading.Thread(target=take, daemon=True)  # it must not keep a broken test alive
    thread.start()
    thread.join(PATIENCE)

    assert sorted(taken) == [0, 1]


def test_lists_wait_for_their_answers_side_by_side(tiny: Served) -> None:
    """Two requests are at the server at once, though one thread works at a time."""
    both = threading.Barrier(2)

    def meet(*_: Any) -> None:
        both.wait(PATIENCE)

    tiny.account.before_answer.append(meet)
    settings = settings_for(tiny)

    with Client(settings) as client:
        assert read(client, settings, "patients", "contacts") == ["ok", "ok"]
