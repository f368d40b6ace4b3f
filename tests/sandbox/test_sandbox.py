"""The sandbox's API as a client meets it: lists, pages, single records, refusals."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sandbox_client import AGENT, client, id_of, ids, opt_ins, page
from sandbox_schema import validator

from cliniko_warehouse.sandbox import (
    Account,
    Served,
    pass_days,
    serve,
)
from cliniko_warehouse.sandbox.lists import BOOKINGS, LISTS, UNDOCUMENTED

DOCUMENTED = sorted(set(LISTS) - UNDOCUMENTED)


@pytest.fixture(scope="module")
def clinic() -> Account:
    account = Account(rows=2_500)
    pass_days(account, 3)
    return account


@pytest.fixture(scope="module")
def both(clinic: Account) -> Iterator[tuple[httpx.Client, Served]]:
    with client(clinic) as pair:
        yield pair


@pytest.fixture(scope="module")
def http(both: tuple[httpx.Client, Served]) -> httpx.Client:
    return both[0]


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_list_answers_as_documented(http: httpx.Client, name: str) -> None:
    check = validator(f"/{name}")

    answers = [page(http, f"/{name}", *opt_ins(name), per_page=100, page=n) for n in (1, 2, 3)]

    assert answers[0][name]
    assert [fault.message for answer in answers for fault in check.iter_errors(answer)] == []


@pytest.mark.parametrize(
    "path",
    ["/settings", "/settings/public", "/user", "/practitioners/inactive", "/patient_cases/active"],
)
def test_other_paths_answer_as_documented(http: httpx.Client, path: str) -> None:
    answer = page(http, path)

    assert [fault.message for fault in validator(path).iter_errors(answer)] == []


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        ("individual_appointments", "attendees"),
        ("individual_appointments", "conflicts"),
        ("patients", "invoices"),
        ("invoices", "invoice_items"),
        ("businesses", "practitioners"),
        ("businesses", "services"),
        ("appointment_types", "practitioners"),
        ("practitioners", "appointment_types"),
    ],
)
def test_links_to_lists_below_a_record_answer(http: httpx.Client, parent: str, child: str) -> None:
    record = page(http, f"/{parent}", per_page=1)[parent][0]

    answer = http.get(f"/{parent}/{record['id']}/{child}")

    documented = f"/{parent}/{{{parent[:-1].replace('businesse', 'business')}_id}}/{child}"
    assert answer.status_code == 200
    if child != "conflicts":
        assert [fault.message for fault in validator(documented).iter_errors(answer.json())] == []


def test_a_signature_is_found_by_the_link_of_its_form(http: httpx.Client) -> None:
    forms = page(http, "/patient_forms", per_page=100)["patient_forms"]
    link = next(form["signatures"]["links"]["self"] for form in forms if form["signatures"])

    answer = http.get(link)

    check = validator("/patient_forms/{patient_form_id}/signatures/{id}")
    assert [fault.message for fault in check.iter_errors(answer.json())] == []


@pytest.mark.parametrize("name", sorted(set(LISTS) - {"services"}))
def test_pages_hold_each_visible_row_once(http: httpx.Client, name: str) -> None:
    found = ids(http, f"/{name}", sort="created_at,id")

    assert len(found) == len(set(found)) == page(http, f"/{name}")["total_entries"]


def test_fifty_rows_a_page_unless_asked_otherwise(http: httpx.Client) -> None:
    assert len(page(http, "/patients")["patients"]) == 50
    assert len(page(http, "/patients", per_page=7)["patients"]) == 7


def test_links_keep_filters_and_end_with_the_list(http: httpx.Client) -> None:
    first = page(http, "/patients", "archived_at:*", per_page=60)
    second = http.get(first["links"]["next"]).json()
    third = http.get(second["links"]["next"]).json()

    assert "previous" not in first["links"]
    assert "archived_at" in second["links"]["self"]
    assert second["links"]["previous"] == first["links"]["self"]
    assert "next" not in third["links"]
    assert sum(len(one["patients"]) for one in (first, second, third)) == first["total_entries"]


def test_a_page_behind_the_last_is_empty(http: httpx.Client) -> None:
    answer = page(http, "/taxes", page=9)

    assert answer["taxes"] == []
    assert "next" not in answer["links"]


@pytest.mark.parametrize("wrong", [{"page": 0}, {"per_page": 0}, {"per_page": 101}, {"page": "x"}])
def test_refuses_page_numbers_out_of_range(http: httpx.Client, wrong: dict[str, Any]) -> None:
    assert http.get("/patients", params=wrong).status_code == 400


@pytest.mark.parametrize(
    ("sort", "key", "backwards"),
    [
        ("created_at", "created_at", False),
        ("updated_at:desc", "updated_at", True),
        ("last_name:asc", "last_name", False),
        ("id:desc", "id", True),
    ],
)
def test_sorts_by_a_column(http: httpx.Client, sort: str, key: str, backwards: bool) -> None:
    records = page(http, "/patients", sort=sort, per_page=100)["patients"]

    values = [int(record[key]) if key == "id" else record[key] for record in records]
    assert values == sorted(values, reverse=backwards)


def test_sorts_by_several_columns(http: httpx.Client) -> None:
    records = page(http, "/patients", sort="last_name:desc,first_name", per_page=100)["patients"]

    by_first = sorted(records, key=lambda record: record["first_name"])
    assert [r["last_name"] for r in records] == sorted(
        (r["last_name"] for r in records), reverse=True
    )
    smiths = [r["first_name"] for r in records if r["last_name"] == records[0]["last_name"]]
    assert smiths == [
        r["first_name"] for r in by_first if r["last_name"] == records[0]["last_name"]
    ]


def test_refuses_an_unknown_sort_column(http: httpx.Client) -> None:
    answer = http.get("/patients", params={"sort": "shoe_size"})

    assert answer.status_code == 400
    assert answer.json() == {"message": "Sort parameter must be a valid column name"}


def test_a_record_is_found_by_its_id(http: httpx.Client) -> None:
    record = page(http, "/invoices", per_page=1)["invoices"][0]

    assert http.get(f"/invoices/{record['id']}").json() == record


@pytest.mark.parametrize("path", ["/patients/1234567", "/nothing", "/referral_sources/9", "/a/b/c"])
def test_what_is_not_there_answers_404(http: httpx.Client, path: str) -> None:
    answer = http.get(path)

    assert answer.status_code == 404
    assert answer.json() == {"message": "The requested resource could not be found"}


def test_bookings_are_the_three_kinds_under_the_same_ids(http: httpx.Client) -> None:
    every = ids(http, "/bookings", *opt_ins("bookings"))
    kinds = [ids(http, f"/{name}", *opt_ins(name)) for name in BOOKINGS]
    one = page(http, "/bookings", per_page=1)["bookings"][0]

    assert sorted(every) == sorted(kinds[0] + kinds[1] + kinds[2])
    assert one["links"]["self"].endswith(f"/v1/bookings/{one['id']}")
    assert http.get(one["links"]["self"]).json() == one


def test_an_individual_appointment_has_the_size_of_a_real_one(http: httpx.Client) -> None:
    answer = http.get("/individual_appointments", params={"per_page": 100})

    assert 1_200 < len(answer.content) / len(answer.json()["individual_appointments"]) < 1_900


def test_inactive_practitioners_have_a_list_of_their_own(http: httpx.Client) -> None:
    active, inactive = ids(http, "/practitioners"), ids(http, "/practitioners/inactive")

    assert inactive
    assert not set(active) & set(inactive)
    assert sorted(ids(http, "/practitioners", "active:=false")) == sorted(inactive)
    assert http.get(f"/practitioners/{inactive[0]}").json()["active"] is False


def test_open_cases_have_a_list_of_their_own(http: httpx.Client) -> None:
    cases = page(http, "/patient_cases/active", per_page=100)["patient_cases"]

    assert cases
    assert {case["closed_at"] for case in cases} == {None}


@pytest.mark.parametrize("key", ["sandbox-au1", "sandbox"])
def test_takes_the_key_with_or_without_its_shard(both: tuple[Any, Served], key: str) -> None:
    answer = httpx.get(f"{both[1].base_url}/user", auth=(key, ""), headers=AGENT, trust_env=False)

    assert answer.status_code == 200


@pytest.mark.parametrize("auth", [("wrong-au1", ""), ("sandbox-au1", "password"), None])
def test_refuses_any_other_key(both: tuple[Any, Served], auth: Any) -> None:
    answer = httpx.get(f"{both[1].base_url}/user", auth=auth, headers=AGENT, trust_env=False)

    assert answer.status_code == 401


@pytest.mark.parametrize("agent", ["python-httpx/0.28", "name (no address)", "(a@example.com)"])
def test_refuses_a_user_agent_without_name_and_address(http: httpx.Client, agent: str) -> None:
    answer = http.get("/user", headers={"User-Agent": agent})

    assert answer.status_code == 400
    assert "User-Agent" in answer.json()["message"]


def test_serves_json_alone(http: httpx.Client) -> None:
    assert http.get("/user", headers={"Accept": "text/html"}).status_code == 406


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD"])
def test_serves_get_alone(http: httpx.Client, method: str) -> None:
    assert http.request(method, "/patients").status_code == 405


def test_a_forbidden_list_answers_403_without_a_body(clinic: Account, http: httpx.Client) -> None:
    clinic.forbidden.add("invoices")
    try:
        answers = [http.get(path) for path in ("/invoices", "/invoices/1", "/patients")]
    finally:
        clinic.forbidden.clear()

    assert [answer.status_code for answer in answers] == [403, 403, 200]
    assert answers[0].content == b""


def test_recalls_may_not_be_offered(clinic: Account, http: httpx.Client) -> None:
    offered = http.get("/recalls").status_code
    clinic.recalls = False
    try:
        missing = [http.get(path).status_code for path in ("/recalls", "/recall_types")]
    finally:
        clinic.recalls = True

    assert offered == 200
    assert missing == [404, 404]


def test_the_date_header_is_the_accounts_clock(clinic: Account, http: httpx.Client) -> None:
    before = clinic.now
    clinic.now = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
    try:
        answer = http.get("/user")
    finally:
        clinic.now = before

    assert answer.headers["Date"] == "Sat, 02 Jan 2027 03:04:05 GMT"


def test_the_log_holds_what_was_asked(both: tuple[httpx.Client, Served]) -> None:
    http, served = both

    http.get("/taxes", params={"per_page": 3})

    entry = served.log[-1]
    assert entry[:3] == ("GET", "/v1/taxes?per_page=3", 200)
    assert entry.headers["user-agent"] == AGENT["User-Agent"]
    assert entry.headers["authorization"].startswith("Basic ")


def test_links_lead_to_where_the_account_is_served_now() -> None:
    account = Account(rows=2_000)

    with serve(account) as first:
        before = next(account.rows("patients"))["links"]["self"]
    with serve(account) as second:
        after = next(account.rows("patients"))["links"]["self"]

    assert before.startswith(first.base_url + "/patients/")
    assert after.startswith(second.base_url + "/patients/")


def test_served_records_are_the_accounts_rows(clinic: Account, http: httpx.Client) -> None:
    served = page(http, "/treatment_notes", *opt_ins("treatment_notes"), per_page=100, sort="id")
    rows = {record["id"]: record for record in clinic.rows("treatment_notes")}

    assert served["total_entries"] == clinic.count("treatment_notes") == len(rows)
    assert served["treatment_notes"] == [rows[note["id"]] for note in served["treatment_notes"]]


def test_most_links_lead_to_records(clinic: Account) -> None:
    known = {name: {row["id"] for row in clinic.rows(name)} for name in LISTS if name != "services"}
    known["appointments"] = known["individual_appointments"]
    lost: list[str] = []

    for name in known:
        for row in clinic.rows(name) if name != "appointments" else ():
            for link, target in LISTS[name].links.items():
                if row.get(link) and id_of(row[link]) not in known[target]:
                    lost.append(f"{name}.{link}")

    assert lost == []
