"""Single answers that leave records out, as a replica that lags does: a count notices each."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from harness import settings_for

from cliniko.api.client import Client
from cliniko.endpoints import ENDPOINTS
from cliniko.pagination.bisection import EACH, SPARE, RangeReader
from cliniko.pagination.list_request import ListRequest
from cliniko.pagination.page import UnorderedResponse
from cliniko.pagination.walk import ListReader
from cliniko_warehouse.sandbox import Account, Served, lie, wrong_total

LIST = "patients"
HOUR = timedelta(hours=1)
LASTING = 1_000  # times of a fault that does not pass

Asked = Callable[[list[tuple[str, str]]], bool]


@pytest.fixture
def account() -> Account:
    return Account(rows=300, only={LIST: 250})


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(settings_for(served, max_attempts=1)) as client:
        yield client


@pytest.fixture
def partitions(client: Client) -> RangeReader:
    return RangeReader(ListRequest(client, ENDPOINTS[LIST], f"/{LIST}", []), {})


def leave_out(account: Account, numbers: Sequence[str], asked: Asked) -> None:
    """Leave records out of the answers to the requests that `asked` picks."""
    are_out = [False]

    def hook(path: str, params: list[tuple[str, str]]) -> None:
        if asked(params) != are_out[0]:
            are_out[0] = not are_out[0]
            for number in numbers:
                if are_out[0]:
                    account.delete(LIST, number)
                else:
                    account.restore(LIST, number, touch=False)

    account.before_answer.append(hook)


def filtered(params: list[tuple[str, str]], start: str) -> bool:
    return any(name == "q[]" and value.startswith(start) for name, value in params)


def in_order(account: Account) -> list[str]:
    return sorted((record["id"] for record in account.rows(LIST)), key=int)


def ids(pages: Iterator[Any]) -> set[str]:
    return {record["id"] for page in pages for record in page.records}


def asked_for(served: Served) -> list[str]:
    return [unquote(entry.target) for entry in served.log]


def test_a_second_that_is_read_by_id_is_counted_on_each_page(
    account: Account, served: Served, client: Client
) -> None:
    everybody = in_order(account)
    for number in everybody[:230]:
        account.update(LIST, number, touch=False, updated_at=account.now - HOUR)
    for number in everybody[230:]:
        account.update(LIST, number)
    # The first answer counts nothing, so that only the pages of the second can notice.
    served.faults.append(lie(raw_total="null"))
    leave_out(account, everybody[150:153], lambda params: filtered(params, f"id:>{everybody[99]}"))

    found = ids(ListReader(client, ENDPOINTS[LIST], f"/{LIST}").pages())

    assert found >= set(everybody)


def test_ranges_of_one_field_that_leave_records_out_are_read_by_another(
    account: Account, served: Served, partitions: RangeReader
) -> None:
    everybody = in_order(account)
    leave_out(account, everybody[60:63], lambda params: filtered(params, "id:"))
    served.faults.last(lie(shuffled=True))

    assert ids(partitions.pages()) == set(everybody)
    assert len(partitions.seen) == 250


def test_a_page_that_is_held_back_counts_with_the_rest(
    account: Account, served: Served, partitions: RangeReader
) -> None:
    everybody = in_order(account)
    leave_out(account, everybody[50:51], lambda params: not filtered(params, "id:"))
    served.faults.append(wrong_total(1))

    assert ids(partitions.pages()) == set(everybody)
    assert not any("sort=created_at" in target for target in asked_for(served))


def test_ranges_that_never_fit_a_page_cost_a_bounded_number_of_requests(
    served: Served, partitions: RangeReader
) -> None:
    served.faults.last(lie(shuffled=True, endless=True, total=5))

    with pytest.raises(UnorderedResponse, match="more requests than"):
        ids(partitions.pages())

    assert len(served.log) <= SPARE + EACH * 3 + 1


def test_a_whole_list_whose_pages_count_nothing_is_confirmed_by_a_second_pass(
    account: Account, served: Served, client: Client
) -> None:
    """A deletion on the way pulls a record over the edge between two pages."""
    made = [account.create("appointment_types") for _ in range(150)]
    served.faults.last(lie("services", raw_total="null"))

    def delete(path: str, params: list[tuple[str, str]]) -> None:
        if ("page", "2") in params and made:
            account.delete("appointment_types", made[0])
            made.clear()

    account.before_answer.append(delete)

    [page] = ListReader(client, ENDPOINTS["services"], "/services").pages()

    assert page.records == list(account.rows("services"))
