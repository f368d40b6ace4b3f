"""What goes wrong on the wire: each fault, the rate limit, and hooks before an answer."""

import time
from collections.abc import Iterator
from datetime import datetime

import httpx
import pytest
from sandbox_client import client, ids, page

from cliniko_warehouse import sandbox
from cliniko_warehouse.sandbox import Account, Served, pass_day


@pytest.fixture
def pair() -> Iterator[tuple[httpx.Client, Served]]:
    with client(Account(rows=2_000)) as both:
        yield both


@pytest.fixture
def http(pair: tuple[httpx.Client, Served]) -> httpx.Client:
    return pair[0]


@pytest.fixture
def served(pair: tuple[httpx.Client, Served]) -> Served:
    return pair[1]


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_a_status_comes_as_often_as_asked(http: httpx.Client, served: Served, code: int) -> None:
    served.faults.append(sandbox.status(code, times=2))

    codes = [http.get("/patients").status_code for _ in range(3)]

    assert codes == [code, code, 200]


def test_a_fault_waits_for_its_path(http: httpx.Client, served: Served) -> None:
    served.faults.append(sandbox.status(500, path="/invoices"))

    codes = [http.get(path).status_code for path in ("/patients", "/invoices", "/invoices")]

    assert codes == [200, 500, 200]
    assert len(served.faults) == 0


def test_the_connection_is_reset(http: httpx.Client, served: Served) -> None:
    served.faults.append(sandbox.reset())

    with pytest.raises(httpx.ReadError):
        http.get("/patients")

    assert http.get("/patients").status_code == 200
    assert [entry.status for entry in served.log] == [0, 200]


def test_a_body_ends_early(http: httpx.Client, served: Served) -> None:
    served.faults.append(sandbox.truncated())

    with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
        http.get("/patients")

    assert http.get("/patients").status_code == 200


def test_json_may_be_cut_and_bodies_foreign_or_empty(http: httpx.Client, served: Served) -> None:
    served.faults.extend([sandbox.bad_json(), sandbox.html(), sandbox.empty()])

    cut, page_of_html, nothing = [http.get("/patients") for _ in range(3)]

    assert [one.status_code for one in (cut, page_of_html, nothing)] == [200, 200, 200]
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        cut.json()
    assert page_of_html.headers["Content-Type"].startswith("text/html")
    assert nothing.content == b""


def test_an_answer_hangs_then_comes(http: httpx.Client, served: Served) -> None:
    served.faults.append(sandbox.hang(0.15))

    with pytest.raises(httpx.ReadTimeout):
        http.get("/patients", timeout=0.05)

    assert http.get("/patients").status_code == 200


@pytest.mark.parametrize("seconds", [30, -5, 365 * 86_400])
def test_a_429_names_its_reset(http: httpx.Client, served: Served, seconds: int) -> None:
    served.faults.append(sandbox.throttled(reset_in=seconds))

    answer = http.get("/patients")

    now = int(served.account.now.timestamp())
    assert answer.status_code == 429
    assert int(answer.headers["X-RateLimit-Reset"]) == now + seconds


def test_a_429_may_come_without_a_reset(http: httpx.Client, served: Served) -> None:
    served.faults.append(sandbox.throttled(reset_in=None))

    assert "X-RateLimit-Reset" not in http.get("/patients").headers


def test_redirects_to_another_place(http: httpx.Client, served: Served) -> None:
    served.faults.append(sandbox.redirect("http://127.0.0.1:9/v1/patients"))

    answer = http.get("/patients")

    assert answer.status_code == 302
    assert answer.headers["Location"] == "http://127.0.0.1:9/v1/patients"


def test_the_next_link_leads_astray(http: httpx.Client, served: Served) -> None:
    served.faults.extend(
        [sandbox.next_link("http://other.example.com/v1/x"), sandbox.next_link("{self}")]
    )

    away, itself = page(http, "/patients"), page(http, "/patients")

    assert away["links"]["next"] == "http://other.example.com/v1/x"
    assert itself["links"]["next"] == itself["links"]["self"]


def test_an_answer_is_huge(http: httpx.Client, served: Served) -> None:
    served.faults.append(sandbox.huge(3_000_000))

    answer = http.get("/patients")

    assert len(answer.content) > 3_000_000
    assert answer.json()


def test_rows_come_unsorted(http: httpx.Client, served: Served) -> None:
    served.faults.append(sandbox.unsorted())

    wrong, right = [
        [row["id"] for row in page(http, "/patients", sort="id")["patients"]] for _ in "12"
    ]

    assert wrong != right
    assert sorted(wrong, key=int) == right


def test_the_total_is_wrong(http: httpx.Client, served: Served) -> None:
    served.faults.append(sandbox.wrong_total(-3))

    wrong, right = [page(http, "/patients")["total_entries"] for _ in "12"]

    assert wrong == right - 3


def test_a_column_is_refused_where_it_is_used(http: httpx.Client, served: Served) -> None:
    served.faults.extend([sandbox.refused_sort("updated_at"), sandbox.refused_filter("updated_at")])

    plain = http.get("/patients").status_code
    by_sort = http.get("/patients", params={"sort": "updated_at"})
    by_filter = http.get("/patients", params={"q[]": "updated_at:>2020-01-01T00:00:00Z"})

    assert plain == 200
    assert (by_sort.status_code, by_sort.json()["message"]) == (
        400,
        "Sort parameter must be a valid column name",
    )
    assert (by_filter.status_code, by_filter.json()["message"]) == (
        400,
        "updated_at is not filterable",
    )


def test_requests_beyond_the_limit_wait_for_the_accounts_clock() -> None:
    account = Account(rows=2_000)
    with client(account, requests_per_minute=3) as (http, _):
        answers = [http.get("/user") for _ in range(4)]
        resets_at = int(answers[3].headers["X-RateLimit-Reset"])
        account.pass_seconds(resets_at - account.now.timestamp() - 1)
        early = http.get("/user").status_code
        account.pass_seconds(1)
        later = http.get("/user").status_code

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert resets_at == int(Account(rows=2_000).now.timestamp()) + 60
    assert (early, later) == (429, 200)


def test_a_hook_changes_the_account_between_two_pages(http: httpx.Client, served: Served) -> None:
    account = served.account
    asked: list[str] = []

    def hook(path: str, params: list[tuple[str, str]]) -> None:
        asked.append(path)
        if dict(params).get("page") == "2":
            account.create("taxes", name="Late tax", rate="1.0", amount="1.0")

    account.before_answer.append(hook)
    first = page(http, "/taxes", per_page=2)
    second = http.get(first["links"]["next"]).json()

    assert asked == ["/taxes", "/taxes"]
    assert (first["total_entries"], second["total_entries"]) == (3, 4)


def test_latency_is_real_time() -> None:
    with client(Account(rows=2_000), latency=40) as (http, _):
        began = time.monotonic()
        http.get("/user")

    assert time.monotonic() - began >= 0.04


def test_a_standing_clock_stands_and_a_running_one_runs() -> None:
    standing, running = Account(rows=2_000), Account(rows=2_000, running=True)
    before: tuple[datetime, datetime] = (standing.now, running.now)
    began = time.monotonic()
    while time.monotonic() - began < 0.002:
        pass

    assert standing.now == before[0]
    assert running.now > before[1]


def test_changes_while_serving_do_not_break_an_answer(http: httpx.Client, served: Served) -> None:
    def another_day(_path: str, _params: object) -> None:
        pass_day(served.account)

    served.account.before_answer.append(another_day)

    for _ in range(5):
        found = ids(http, "/attendees", "updated_at:>=2024-01-01T00:00:00Z", sort="updated_at")
        assert found
