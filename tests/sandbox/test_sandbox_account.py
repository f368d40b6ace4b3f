"""A sandbox account without HTTP: what it holds, how it changes, and how it stays the same."""

import json
from collections import Counter
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from sandbox_client import client, id_of, ids, opt_ins, page

from cliniko_warehouse.sandbox import Account, pass_days
from cliniko_warehouse.sandbox.lists import LISTS

VISITS = "individual_appointments"
ALIKE = [name for name in LISTS if name not in ("services", "bookings")]


def state(account: Account) -> dict[str, list[dict[str, Any]]]:
    return {name: list(account.rows(name)) for name in LISTS}


@pytest.fixture(scope="module")
def clinic() -> Account:
    return Account(rows=10_000)


def test_the_same_seed_gives_the_same_bytes() -> None:
    accounts = [Account(seed=7, rows=2_000) for _ in "12"]
    for account in accounts:
        pass_days(account, 4)

    assert json.dumps(state(accounts[0])) == json.dumps(state(accounts[1]))
    assert json.dumps(state(accounts[0])) != json.dumps(state(Account(seed=8, rows=2_000)))


@pytest.mark.parametrize("rows", [2_000, 10_000, 60_000])
def test_an_account_has_about_as_many_rows_as_asked(rows: int) -> None:
    account = Account(rows=rows)

    assert 0.75 < sum(account.count(name) for name in ALIKE) / rows < 1.25


def test_one_list_can_be_big_alone() -> None:
    account = Account(rows=2_000, only={VISITS: 30_000, "invoices": 700})

    assert account.count(VISITS) == 30_000
    assert account.count("invoices") == 700
    assert account.count("attendees") < 1_000


def test_ids_are_numbers_of_up_to_19_digits_that_grow_with_creation(clinic: Account) -> None:
    for name in ("patients", VISITS, "invoices", "treatment_notes"):
        rows = list(clinic.rows(name))
        numbers = [int(row["id"]) for row in rows]
        created = [row["created_at"] for row in rows]

        assert numbers == sorted(set(numbers))
        assert created == sorted(created)
        assert 0.5 < sum(number > 10**17 for number in numbers) / len(numbers) < 1
        assert max(numbers) < 2**63


def test_nothing_happened_after_now_or_before_its_creation(clinic: Account) -> None:
    now = clinic.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    for name in ALIKE:
        for row in clinic.rows(name):
            assert row["created_at"] <= row["updated_at"] <= now, (name, row["id"])
            for mark in ("archived_at", "cancelled_at", "deleted_at"):
                assert not row.get(mark) or row["created_at"] <= row[mark] <= row["updated_at"]


def test_the_clinic_is_believable(clinic: Account) -> None:
    visits = list(clinic.rows(VISITS))
    share = Counter(
        "missed" if row["did_not_arrive"] else "arrived" if row["patient_arrived"] else "other"
        for row in visits
    )
    zones = {row["time_zone_identifier"] for row in clinic.rows("businesses")}
    reasons = {row["cancellation_reason"] for row in visits if row["cancelled_at"]}

    assert 0.02 < share["missed"] / len(visits) < 0.1
    assert 0.75 < share["arrived"] / len(visits) < 0.95
    assert zones == {"Australia/Melbourne", "Australia/Perth"}
    assert reasons == {10, 20, 30, 31, 40, 50, 60}
    assert any(row["starts_at"] > clinic.now.isoformat() for row in visits)
    assert any(row["merged_at"] for row in clinic.rows("patients"))
    assert any("repeated_from" in row for row in visits)


def test_every_individual_appointment_has_one_attendee_in_its_state(clinic: Account) -> None:
    attendees: dict[str, list[Any]] = {}
    for row in clinic.rows("attendees"):
        attendees.setdefault(id_of(row["booking"]), []).append(row)

    for visit in clinic.rows(VISITS):
        (attendee,) = attendees[visit["id"]]
        for mark in ("archived_at", "cancelled_at", "deleted_at", "patient", "invoice_status"):
            assert attendee[mark] == visit[mark]
    for group in clinic.rows("group_appointments"):
        seats = [id_of(row["patient"]) for row in attendees[group["id"]]]
        assert sorted(seats) == sorted(group["patient_ids"])


def test_an_invoice_is_the_sum_of_its_lines(clinic: Account) -> None:
    lines: dict[str, list[dict[str, Any]]] = {}
    for line in clinic.rows("invoice_items"):
        lines.setdefault(id_of(line["invoice"]), []).append(line)

    for invoice in clinic.rows("invoices"):
        mine = lines[invoice["id"]]
        totals = [Decimal(str(line["total_including_tax"])) for line in mine]
        assert sum(totals) == Decimal(invoice["total_amount"])
        assert sum(Decimal(line["net_price"]) for line in mine) == Decimal(invoice["net_amount"])
        assert isinstance(mine[0]["total_including_tax"], float)


def test_a_line_is_taxed_to_the_cent_at_its_rate(clinic: Account) -> None:
    taxed = [line for line in clinic.rows("invoice_items") if line["tax_rate"]]

    assert taxed
    for line in taxed:
        exact = Decimal(line["net_price"]) * Decimal(line["tax_rate"]) / 100
        assert Decimal(line["tax_amount"]) == exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
        net, tax = Decimal(line["net_price"]), Decimal(line["tax_amount"])
        assert Decimal(str(line["total_including_tax"])) == net + tax


def test_what_is_prepared_is_what_is_served() -> None:
    plain, prepared = Account(rows=2_000), Account(rows=2_000)

    prepared.prepare(VISITS, "patients")

    for name in (VISITS, "patients"):
        assert list(prepared.rows(name)) == list(plain.rows(name))


def test_notes_hold_every_kind_of_question(clinic: Account) -> None:
    asked: Counter[str] = Counter()
    for note in clinic.rows("treatment_notes"):
        for section in note["content"]["sections"]:
            asked.update(question["type"] for question in section["questions"])
        assert note["draft"] == (note["finalized_at"] is None)

    kinds = {"text", "paragraph", "date", "bodycharts", "checkboxes", "radiobuttons"}
    assert set(asked) == kinds
    assert {note["draft"] for note in clinic.rows("treatment_notes")} == {True, False}


def test_quirks_are_an_option(clinic: Account) -> None:
    odd = Account(rows=2_000, quirks=True)

    patients = [row["archived_at"] for row in odd.rows("patients")]
    visits = list(odd.rows(VISITS))
    assert "" in patients
    assert {} in [row["repeat_rule"] for row in visits]
    assert any(row.get("patient_case", "") is None for row in visits)
    assert "" not in [row["archived_at"] for row in clinic.rows("patients")]


def test_create_gives_a_believable_row_with_the_fields_that_were_set() -> None:
    account = Account(rows=2_000)
    account.pass_seconds(10)
    patient = next(account.rows("patients"))["id"]

    number = account.create("invoices", patient_id=patient, attendee_id=None, status=30)

    invoice = account.record("invoices", number)
    assert invoice["created_at"] == invoice["updated_at"] == "2026-06-01T03:30:10Z"
    assert id_of(invoice["patient"]) == patient
    assert "attendee" not in invoice
    assert invoice["status"] == 30
    assert int(number) > int(list(account.rows("invoices"))[-2]["id"])


CHANGES: list[tuple[str, Callable[[Account, str], None], dict[str, Any]]] = [
    ("update", lambda a, n: a.update("patients", n, notes="new"), {"notes": "new"}),
    ("archive", lambda a, n: a.archive("patients", n), {"archived_at": "2026-06-01T03:30:09Z"}),
]


@pytest.mark.parametrize(("what", "change", "fields"), CHANGES, ids=[one[0] for one in CHANGES])
def test_a_change_moves_updated_at(what: str, change: Any, fields: dict[str, Any]) -> None:
    account = Account(rows=2_000)
    account.pass_seconds(9)
    number = next(row["id"] for row in account.rows("patients") if not row["archived_at"])

    change(account, number)

    record = account.record("patients", number)
    assert record["updated_at"] == "2026-06-01T03:30:09Z"
    assert fields.items() <= record.items()


def test_a_change_without_touch_leaves_updated_at() -> None:
    account = Account(rows=2_000)
    account.pass_seconds(9)
    before = next(row for row in account.rows(VISITS) if not row["archived_at"])

    account.archive(VISITS, before["id"], touch=False)
    account.cancel(VISITS, before["id"], reason=31, touch=False)
    account.update(VISITS, before["id"], touch=False, notes="silent")

    after = account.record(VISITS, before["id"])
    assert after["updated_at"] == before["updated_at"]
    assert after["archived_at"] == after["deleted_at"] == "2026-06-01T03:30:09Z"
    assert after["cancellation_reason_description"] == "COVID-19 related"
    assert after["notes"] == "silent"


def test_what_was_hidden_can_be_shown_again() -> None:
    account = Account(rows=2_000)
    number = next(row["id"] for row in account.rows(VISITS) if not row["archived_at"])
    before = account.record(VISITS, number)
    account.archive(VISITS, number)
    account.cancel(VISITS, number)

    account.unarchive(VISITS, number)
    account.uncancel(VISITS, number)

    after = account.record(VISITS, number)
    with client(account) as (http, _):
        assert number in ids(http, f"/{VISITS}")
    assert {key for key in after if after[key] != before[key]} <= {
        "updated_at",
        "cancellation_note",
        "cancelled_at",
        "cancellation_reason",
        "cancellation_reason_description",
    }


def test_a_list_without_the_state_refuses_it() -> None:
    account = Account(rows=2_000)

    with pytest.raises(ValueError, match="taxes"):
        account.archive("taxes", "1")
    with pytest.raises(KeyError, match="no record 12345"):
        account.update("taxes", "12345")


def test_delete_leaves_no_trace_and_restore_brings_the_same_back() -> None:
    account = Account(rows=2_000)
    before = list(account.rows("patients"))
    number = before[7]["id"]

    account.delete("patients", number)

    with client(account) as (http, _):
        assert number not in ids(http, "/patients", "archived_at:*")
        assert http.get(f"/patients/{number}").status_code == 404
        account.restore("patients", number, touch=False)
        assert number in ids(http, "/patients", "archived_at:*")
    assert [row["id"] for row in account.rows("patients")] == [row["id"] for row in before]


def test_put_serves_a_record_unchanged_however_odd() -> None:
    account = Account(rows=2_000)
    odd = {
        "id": "9223372036854775807123",
        "created_at": "",
        "updated_at": "2026-05-30T00:00:00Z",
        "archived_at": "",
        "new_field": {"deep": [1, "2"]},
    }

    account.put("patients", odd)
    account.put("patients", {"no": "id", "updated_at": "2026-05-31T00:00:00Z"})

    with client(account) as (http, _):
        found = page(
            http, "/patients", "updated_at:>=2026-05-30T00:00:00Z", per_page=100, sort="updated_at"
        )
        whole = page(http, "/patients", *opt_ins("patients"), per_page=1)["total_entries"]
    assert odd in found["patients"]
    assert {"no": "id", "updated_at": "2026-05-31T00:00:00Z"} in found["patients"]
    assert whole == account.count("patients")


def test_put_takes_the_place_of_the_record_with_its_id() -> None:
    account = Account(rows=2_000)
    record = list(account.rows("patients"))[3]
    count = account.count("patients")

    account.put("patients", record | {"last_name": "Put", "archived_at": "2026-01-01T00:00:00Z"})

    with client(account) as (http, _):
        assert record["id"] not in ids(http, "/patients")
        assert ids(http, "/patients", "archived_at:?", "last_name:=Put") == [record["id"]]
    assert account.count("patients") == count


def test_a_row_put_in_out_of_order_is_found_by_every_index() -> None:
    account = Account(rows=2_000)
    account.put(
        "taxes",
        {"id": "3", "created_at": "2031-01-01T00:00:00Z", "updated_at": "2001-01-01T00:00:00Z"},
    )

    with client(account) as (http, _):
        assert ids(http, "/taxes", sort="created_at")[-1] == "3"
        assert ids(http, "/taxes", sort="updated_at")[0] == "3"
        assert "3" in ids(http, "/taxes", "id:<=3")
        assert ids(http, "/taxes", "id:<=3", sort="created_at,id") == ["1", "3"]


def test_a_practitioner_who_leaves_changes_lists() -> None:
    account = Account(rows=2_000)
    with client(account) as (http, _):
        number = ids(http, "/practitioners")[0]
        account.update("practitioners", number, active=False)

        assert number not in ids(http, "/practitioners")
        assert number in ids(http, "/practitioners/inactive")


def test_days_bring_all_that_a_clinic_brings() -> None:
    account = Account(rows=4_000)
    before, now = state(account), account.now

    summary = pass_days(account, 12)

    after = state(account)
    assert (account.now - now).days == 12
    assert {
        "created",
        "completed",
        "missed",
        "cancelled",
        "uncancelled",
        "moved",
        "archived",
    } <= set(summary[VISITS])
    assert {"created", "changed", "archived", "unarchived"} <= set(summary["patients"])
    assert {"created", "paid", "archived"} <= set(summary["invoices"])
    assert summary["practitioner_reference_numbers"]["deleted"] == 2
    for name, events in summary.items():
        assert len(after[name]) - len(before[name]) == events.get("created", 0) - events.get(
            "deleted", 0
        )


def test_what_a_day_changes_can_be_found_by_updated_at() -> None:
    account = Account(rows=4_000)
    before, began = state(account), account.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    pass_days(account, 4)

    for name in ALIKE:
        known = {row["id"]: row for row in before[name]}
        for row in account.rows(name):
            assert row == known.get(row["id"]) or row["updated_at"] >= began, name


def test_all_indexes_agree_after_many_changes() -> None:
    account = Account(rows=2_000)
    account.count(VISITS)
    with client(account) as (http, _):
        for column in ("id", "created_at", "updated_at"):
            ids(http, f"/{VISITS}", sort=column)
        pass_days(account, 5)
        every = {row["id"] for row in account.rows(VISITS)}

        for column in ("id", "created_at", "updated_at"):
            found = ids(
                http,
                f"/{VISITS}",
                *opt_ins(VISITS),
                f"{column}:>{'0' if column == 'id' else '2000-01-01T00:00:00Z'}",
                sort=f"{column},id",
            )
            assert len(found) == len(every)
            assert set(found) == every


def test_a_reader_who_stops_in_the_middle_does_not_block_the_server() -> None:
    account = Account(rows=2_000)
    reader = account.rows("patients")
    next(reader)

    with client(account) as (http, _):
        answer = http.get("/patients", timeout=2)

    assert answer.status_code == 200
    assert next(reader)
