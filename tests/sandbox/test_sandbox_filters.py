"""What the sandbox finds: the filter language, hidden rows, and the order of ties."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sandbox_client import client, id_of, ids, opt_ins, page

from cliniko_warehouse.sandbox import Account
from cliniko_warehouse.sandbox.lists import LISTS

VISITS = "individual_appointments"
MIDDLE = "2025-06-01T00:00:00Z"


@pytest.fixture(scope="module")
def clinic() -> Account:
    return Account(rows=2_500)


@pytest.fixture(scope="module")
def http(clinic: Account) -> Iterator[httpx.Client]:
    with client(clinic) as (http, _):
        yield http


def visible(clinic: Account, name: str) -> list[dict[str, Any]]:
    marks = LISTS[name].unhiding
    return [row for row in clinic.rows(name) if not any(row.get(mark) for mark in marks)]


def _patient(clinic: Account) -> dict[str, Any]:
    return next(row for row in visible(clinic, "patients") if row["email"])


FOUND: list[tuple[str, str, Callable[[dict[str, Any]], bool]]] = [
    ("patients", f"created_at:>={MIDDLE}", lambda row: row["created_at"] >= MIDDLE),
    ("patients", f"created_at:<{MIDDLE}", lambda row: row["created_at"] < MIDDLE),
    ("patients", f"updated_at:>{MIDDLE}", lambda row: row["updated_at"] > MIDDLE),
    ("patients", f"updated_at:<={MIDDLE}", lambda row: row["updated_at"] <= MIDDLE),
    ("patients", "updated_at:!?", lambda row: False),
    (VISITS, f"starts_at:>={MIDDLE}", lambda row: row["starts_at"] >= MIDDLE),
    (VISITS, "did_not_arrive:=true", lambda row: row["did_not_arrive"] is True),
    (VISITS, "did_not_arrive:!=true", lambda row: row["did_not_arrive"] is False),
    ("patients", "date_of_birth:>=1980-01-01", lambda row: (row["date_of_birth"] or "") >= "1980"),
    ("patients", "date_of_birth:?", lambda row: row["date_of_birth"] is not None),
    ("patients", "date_of_birth:!?", lambda row: row["date_of_birth"] is None),
    (
        "patients",
        "date_of_birth:=****-05-**",
        lambda row: (row["date_of_birth"] or "")[5:7] == "05",
    ),
    ("patients", "last_name:=Nguyen", lambda row: row["last_name"] == "Nguyen"),
    ("patients", "last_name:!=Nguyen", lambda row: row["last_name"] != "Nguyen"),
    ("patients", "last_name:~SON", lambda row: "son" in row["last_name"].lower()),
    ("patients", "last_name:~~t%son", lambda row: row["last_name"] in ("Thompson",)),
    ("patients", "email:!?", lambda row: row["email"] is None),
    ("invoices", "status:=10,40", lambda row: row["status"] in (10, 40)),
    ("invoices", "status:!=20", lambda row: row["status"] != 20),
    ("invoices", "number:<1050", lambda row: row["number"] < 1050),
    ("invoices", "issue_date:=2025-**-**", lambda row: row["issue_date"].startswith("2025")),
    ("treatment_notes", "draft:=true", lambda row: row["draft"]),
    ("patient_cases", "referral_type:=dva", lambda row: row["referral_type"] == "dva"),
    ("patient_cases", "closed_at:!?", lambda row: row["closed_at"] is None),
]


@pytest.mark.parametrize(("name", "wanted", "passes"), FOUND, ids=[f"{n} {w}" for n, w, _ in FOUND])
def test_a_filter_finds_what_it_says(
    clinic: Account, http: httpx.Client, name: str, wanted: str, passes: Callable[..., bool]
) -> None:
    expected = {row["id"] for row in visible(clinic, name) if passes(row)}

    found = ids(http, f"/{name}", wanted)

    assert set(found) == expected
    assert len(found) == len(expected)


def test_an_id_filter_takes_one_id_or_several(clinic: Account, http: httpx.Client) -> None:
    first, second, third = [row["id"] for row in visible(clinic, "patients")][5:8]

    assert ids(http, "/patients", f"id:={second}") == [second]
    assert sorted(ids(http, "/patients", f"id:={first},{third}")) == sorted([first, third])
    assert ids(http, "/patients", f"id:>={first}", f"id:<{third}") == [first, second]


def test_links_are_filtered_by_the_id_behind_them(clinic: Account, http: httpx.Client) -> None:
    wanted = id_of(visible(clinic, VISITS)[3]["patient"])
    expected = {row["id"] for row in visible(clinic, VISITS) if id_of(row["patient"]) == wanted}

    assert set(ids(http, f"/{VISITS}", f"patient_id:={wanted}")) == expected


def test_an_array_filter_finds_a_member(clinic: Account, http: httpx.Client) -> None:
    group = visible(clinic, "group_appointments")[0]

    found = ids(http, "/group_appointments", f"patient_ids:~{group['patient_ids'][1]}")

    assert group["id"] in found


def test_filters_are_anded(clinic: Account, http: httpx.Client) -> None:
    both = (f"created_at:>={MIDDLE}", "updated_at:<2025-09-01T00:00:00Z")

    found = ids(http, "/patients", *both)

    expected = [r["id"] for r in visible(clinic, "patients") if r["created_at"] >= MIDDLE]
    expected = [i for i in expected if clinic.record("patients", i)["updated_at"] < "2025-09-01"]
    assert sorted(found) == sorted(expected)
    assert found


@pytest.mark.parametrize(
    ("name", "wrong", "says"),
    [
        ("patients", "shoe_size:=44", "shoe_size is not filterable"),
        ("patients", "merged_at:?", "merged_at is not filterable"),
        ("patients", "deleted_at:*", "deleted_at is not filterable"),
        ("taxes", "archived_at:*", "archived_at is not filterable"),
        ("recalls", f"updated_at:>={MIDDLE}", "updated_at is not filterable"),
        ("services", "id:=1", "id is not filterable"),
        ("invoices", "status:=paid", "Filter value for status must be a number"),
        ("patients", f"created_at:={MIDDLE}", None),
        ("patients", "created_at:>=2025-06-01T00:00:00+10:00", None),
        ("patients", "created_at:>=2025-13-01T00:00:00Z", None),
        ("patients", "created_at:>=yesterday", None),
        ("patients", "date_of_birth:>=****-05-**", None),
        ("patients", "accepted_privacy_policy:=maybe", None),
        ("patients", "accepted_privacy_policy:?", None),
        ("patients", "last_name:>A", None),
        ("patients", "archived_at:*2025", None),
        ("patients", "last_name", None),
    ],
)
def test_refuses_a_filter_it_does_not_know(
    http: httpx.Client, name: str, wrong: str, says: str | None
) -> None:
    answer = http.get(f"/{name}", params={"q[]": wrong})

    assert answer.status_code == 400
    assert answer.json()["message"] == (says or answer.json()["message"])


@pytest.mark.parametrize("name", [name for name, one in LISTS.items() if one.unhiding])
def test_hidden_rows_need_every_opt_in(clinic: Account, http: httpx.Client, name: str) -> None:
    every = {row["id"] for row in clinic.rows(name)}

    assert set(ids(http, f"/{name}", *opt_ins(name))) == every
    assert set(ids(http, f"/{name}")) == {row["id"] for row in visible(clinic, name)}


def test_a_row_in_two_states_needs_both_opt_ins() -> None:
    account = Account(rows=2_000)
    number = visible(account, VISITS)[0]["id"]
    account.cancel(VISITS, number)
    account.archive(VISITS, number)
    with client(account) as (http, _):
        found = {
            words: number in ids(http, f"/{VISITS}", *words.split(), f"id:={number}")
            for words in (
                "",
                "archived_at:*",
                "cancelled_at:*",
                "archived_at:* deleted_at:*",
                "archived_at:* cancelled_at:*",
                "archived_at:* cancelled_at:* deleted_at:*",
                "archived_at:? cancelled_at:? deleted_at:?",
                "archived_at:? cancelled_at:!? deleted_at:*",
            )
        }

    assert [words for words, there in found.items() if there] == [
        "archived_at:* cancelled_at:* deleted_at:*",
        "archived_at:? cancelled_at:? deleted_at:?",
    ]


def test_any_filter_on_a_mark_is_an_opt_in(clinic: Account, http: httpx.Client) -> None:
    cancelled = {
        row["id"]
        for row in clinic.rows(VISITS)
        if row["cancelled_at"] and not row["archived_at"] and row["cancelled_at"] >= MIDDLE
    }

    assert cancelled
    assert set(ids(http, f"/{VISITS}", f"cancelled_at:>={MIDDLE}")) == cancelled


def test_a_hidden_record_answers_404_unless_opted_in(clinic: Account, http: httpx.Client) -> None:
    hidden = next(row["id"] for row in clinic.rows("patients") if row["archived_at"])

    def status(*filters: str) -> int:
        return http.get(f"/patients/{hidden}", params={"q[]": list(filters)}).status_code

    assert [status(), status("archived_at:*"), status("archived_at:?")] == [404, 200, 200]
    assert [status("archived_at:!?"), status("last_name:~a")] == [404, 400]


def tied(rows: int, moment: str = "2026-05-01T01:02:03Z") -> Account:
    """An account in which `rows` patients changed in the same second."""
    account = Account(rows=2_000)
    for row in visible(account, "patients")[:rows]:
        account.update("patients", row["id"], updated_at=moment)
    return account


def test_ties_come_in_another_order_with_each_request() -> None:
    with client(tied(40)) as (http, _):
        asked = [
            ids(http, "/patients", "updated_at:>=2026-05-01T01:02:03Z", sort="updated_at")
            for _ in "123"
        ]

    assert len({tuple(order) for order in asked}) > 1
    assert len({frozenset(order) for order in asked}) == 1


def test_following_pages_through_ties_loses_rows() -> None:
    with client(tied(60)) as (http, _):
        pages = [
            page(
                http,
                "/patients",
                "updated_at:>=2026-05-01T01:02:03Z",
                sort="updated_at",
                page=n,
                per_page=10,
            )
            for n in range(1, 7)
        ]

    found = {row["id"] for one in pages for row in one["patients"]}
    assert pages[0]["total_entries"] >= 60
    assert len(found) < 60


def test_ties_are_ordered_by_a_second_column() -> None:
    with client(tied(30)) as (http, _):
        wanted = ("updated_at:>=2026-05-01T01:02:03Z", "updated_at:<=2026-05-01T01:02:03Z")
        asked = [ids(http, "/patients", *wanted, sort="updated_at,id") for _ in "12"]

    assert asked[0] == asked[1] == sorted(asked[0], key=int)


def test_the_same_requests_get_the_same_order_of_ties() -> None:
    orders = []
    for _ in "12":
        with client(tied(40)) as (http, _):
            orders.append(ids(http, "/patients", sort="updated_at"))

    assert orders[0] == orders[1]


@pytest.mark.parametrize("column", ["updated_at", "created_at", "id"])
def test_deep_pages_agree_with_the_whole_order(
    clinic: Account, http: httpx.Client, column: str
) -> None:
    every = sorted(
        clinic.rows("attendees"), key=lambda row: int(row["id"]) if column == "id" else row[column]
    )
    for backwards in ("", ":desc"):
        order = every[::-1] if backwards else every
        for number in (1, 3, len(every) // 17 + 1):
            rows = page(
                http,
                "/attendees",
                *opt_ins("attendees"),
                sort=column + backwards,
                per_page=17,
                page=number,
            )["attendees"]
            expected = [row[column] for row in order[(number - 1) * 17 : number * 17]]
            assert [row[column] for row in rows] == expected


def test_counts_of_hidden_states_add_up(clinic: Account, http: httpx.Client) -> None:
    def total(*filters: str) -> int:
        return int(page(http, f"/{VISITS}", *filters, per_page=1)["total_entries"])

    states = [
        total(f"archived_at:{a}", f"cancelled_at:{c}", "deleted_at:*")
        for a in ("?", "!?")
        for c in ("?", "!?")
    ]

    assert sum(states) == clinic.count(VISITS)
    assert min(states) > 0


def test_a_time_filter_may_have_fractions(clinic: Account, http: httpx.Client) -> None:
    row = visible(clinic, "patients")[4]
    second = row["updated_at"][:-1]
    here = datetime.fromisoformat(row["updated_at"]).astimezone(UTC)

    assert here.microsecond == 0
    assert row["id"] in ids(http, "/patients", f"updated_at:<{second}.5Z")
    assert row["id"] not in ids(http, "/patients", f"updated_at:>{second}.5Z")
    assert row["id"] not in ids(http, "/patients", f"updated_at:>{second}Z")


def test_a_row_of_year_one_lies_before_every_other() -> None:
    clinic = Account(rows=0, only={"contacts": 0})
    numbers = [clinic.create("contacts") for _ in range(3)]
    first = "0001-01-01T00:00:00Z"
    for number in numbers[1:]:
        clinic.put("contacts", clinic.record("contacts", number) | {"created_at": first})
    clinic.archive("contacts", numbers[2])

    with client(clinic) as (http, _):
        for window in (["created_at:<=2026-07-01T00:00:00Z"], []):
            asked = [*window, *opt_ins("contacts")]
            found = page(http, "/contacts", *asked, sort="created_at:asc")
            assert found["total_entries"] == 3
            assert {row["id"] for row in found["contacts"][:2]} == set(numbers[1:])
            assert found["contacts"][2]["id"] == numbers[0]
