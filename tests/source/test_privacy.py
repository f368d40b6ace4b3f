"""The privacy profiles: what becomes of each column's values."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cliniko.endpoints import ENDPOINTS, schema
from cliniko.endpoints.spec import Endpoint
from cliniko.errors import ConfigError
from cliniko.settings import resolve
from cliniko.transform import privacy
from cliniko.transform.column_builder import ConvertedPage
from cliniko.transform.privacy import PROFILES, Rules, stays
from cliniko.transform.tables import typed

READ_AT = datetime(2026, 6, 1, tzinfo=UTC)
SALT = "0123456789abcdef0123456789abcdef"
PSEUDONYMOUS = Rules("pseudonymous", salt=SALT)

each_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)
each_profile = pytest.mark.parametrize("profile", PROFILES)


def loaded(name: str, rules: Rules, *records: dict[str, Any]) -> ConvertedPage:
    endpoint = ENDPOINTS[name]
    return typed(endpoint, records, "main", READ_AT, {}, rules.treatment(endpoint))


def row(name: str, rules: Rules, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any]
    [found] = loaded(name, rules, {"id": "1"} | fields).tables[name].to_pylist()
    return found


def settings(**given: Any) -> Any:
    return resolve(api_key="MS0xLWtleQ-au1", contact_email="a@b.example", **given)


@each_endpoint
@each_profile
def test_tables_keep_their_shape_under_every_profile(endpoint: Endpoint, profile: Any) -> None:
    treatment = Rules(profile, salt=SALT).treatment(endpoint)

    found = typed(endpoint, [], "main", READ_AT, {}, treatment).tables

    usual = typed(endpoint, [], "main", READ_AT, {}).tables
    assert {n: t.schema for n, t in found.items()} == {n: t.schema for n, t in usual.items()}


@each_endpoint
@pytest.mark.parametrize("profile", ["pseudonymous", "minimal"])
def test_no_text_about_somebody_is_kept_as_it_is(endpoint: Endpoint, profile: Any) -> None:
    rules = Rules(profile)

    kept = [
        f"{table.name}.{column.name}"
        for table in schema.tables(endpoint)
        for column in table.columns
        if column.privacy in ("personal", "health", "credential")
        and column.kind in ("text", "json", "any")
        and rules.effect(table.name, column) == "keep"
    ]

    assert kept == []


@each_profile
def test_no_profile_keeps_a_link_that_works_for_its_holder(profile: Any) -> None:
    rules = Rules(profile)

    effects = {
        rules.effect(table.name, column)
        for endpoint in ENDPOINTS.values()
        for table in schema.tables(endpoint)
        for column in table.columns
        if column.privacy == "credential"
    }

    assert effects == {"drop"}


def test_a_name_becomes_the_same_hash_in_every_table() -> None:
    patient = row("patients", PSEUDONYMOUS, label="Ann Lee")
    appointment = row("individual_appointments", PSEUDONYMOUS, patient_name="Ann Lee")

    assert patient["label"] == appointment["patient_name"]
    assert len(patient["label"]) == 32
    assert "Ann" not in patient["label"]


def test_rules_for_as_many_columns_are_not_taken_for_each_other() -> None:
    first = Rules(columns={"patients.email": "drop"})
    second = Rules(columns={"patients.email": "hash"}, salt=SALT)
    third = Rules(columns={"patients.notes": "drop"})

    found = [rules.treatment(ENDPOINTS["patients"]).of("patients") for rules in (first, second)]
    other = third.treatment(ENDPOINTS["patients"]).of("patients")

    assert [effects["email"] for effects in found] == ["drop", "hash"]
    assert "email" not in other
    assert other["notes"] == "drop"


def test_another_salt_gives_other_hashes() -> None:
    other = Rules("pseudonymous", salt=SALT[::-1])

    assert (
        row("patients", PSEUDONYMOUS, label="Ann")["label"]
        != row("patients", other, label="Ann")["label"]
    )


def test_an_empty_name_stays_empty() -> None:
    found = row("patients", PSEUDONYMOUS, first_name="", last_name=None)

    assert (found["first_name"], found["last_name"]) == ("", None)


def test_a_birthday_becomes_its_year() -> None:
    found = row("patients", PSEUDONYMOUS, date_of_birth="1984-07-13")

    assert found["date_of_birth"].isoformat() == "1984-01-01"


def test_words_of_cliniko_s_own_stay_and_others_go() -> None:
    known = row("patients", PSEUDONYMOUS, reminder_type="SMS & Email")
    other = row("patients", PSEUDONYMOUS, reminder_type="call Ann's mother")

    assert (known["reminder_type"], other["reminder_type"]) == ("SMS & Email", None)


def test_ids_and_times_stay() -> None:
    patient = {"links": {"self": "https://x/patients/7"}}
    found = row("attendees", PSEUDONYMOUS, patient=patient, arrived=True)

    assert (found["id"], found["patient_id"], found["arrived"]) == (1, 7, True)


def test_a_field_that_nobody_described_is_named_but_not_kept() -> None:
    found = loaded("taxes", PSEUDONYMOUS, {"id": "1", "note": "Ann", "empty": None})

    assert found.left_out == {"note"}
    assert "note" not in found.tables["taxes"].column_names


@pytest.mark.parametrize("profile", ["pseudonymous", "minimal"])
def test_a_value_that_does_not_fit_is_not_kept_either(profile: Any) -> None:
    rules = Rules(profile)
    record = {"id": "1", "starts_at": "when Ann comes"}

    [rejection] = loaded("individual_appointments", rules, record).rejected

    endpoint = ENDPOINTS["individual_appointments"]
    assert rules.treatment(endpoint).raw(endpoint, rejection.raw) is None
    assert "Ann" not in rejection.reason


def test_a_rejected_record_is_kept_without_its_credentials() -> None:
    endpoint = ENDPOINTS["attendees"]
    record = {"id": "1", "cancellation_url": "https://x/secret", "notes": "late"}

    kept = Rules().treatment(endpoint).raw(endpoint, record)

    assert kept == {"id": "1", "notes": "late"}


def test_a_link_that_nobody_described_is_not_kept_of_a_rejected_record() -> None:
    endpoint = ENDPOINTS["patients"]
    links = {"self": "https://api.example/patients/1", "download_url": "https://files.example/k"}

    kept = Rules().treatment(endpoint).raw(endpoint, {"id": "x", "links": links})

    assert kept == {"id": "x", "links": links | {"download_url": "[withheld]"}}


def test_a_column_s_own_rule_goes_before_the_profile() -> None:
    rules = Rules("pseudonymous", {"patients.email": "hash", "patients.label": "keep"}, SALT)

    found = row("patients", rules, email="ann@x.example", label="Ann")

    assert (len(found["email"]), found["label"]) == (32, "Ann")


def test_minimal_reads_calendar_and_money_alone() -> None:
    read = {name for name, one in ENDPOINTS.items() if Rules("minimal").reads(one)}

    assert {"individual_appointments", "attendees", "invoices", "invoice_items"} <= read
    assert not read & {"patients", "contacts", "communications", "treatment_notes", "users"}


@pytest.mark.parametrize(
    ("name", "effect", "words"),
    [
        ("patients.emial", "hash", "did you mean patients.email"),
        ("patients.email", "burn", "may be keep, hash or drop"),
        ("patients.id", "drop", "is needed"),
        ("patients__patient_phone_numbers.patient_id", "drop", "is needed"),
        ("patients.updated_at", "drop", "is needed"),
        ("patients.date_of_birth", "hash", "cannot be hashed"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(name: str, effect: str, words: str) -> None:
    given = settings(privacy_columns={name: effect}, privacy_salt=SALT)

    with pytest.raises(ConfigError, match=words):
        privacy.rules(given)


@pytest.mark.parametrize(
    "given",
    [
        {"privacy_profile": "pseudonymous"},
        {"privacy_profile": "pseudonymous", "privacy_salt": "short"},
        {"privacy_columns": {"patients.email": "hash"}},
    ],
)
def test_hashes_need_a_salt_that_cannot_be_guessed(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="openssl rand -hex 32"):
        settings(**given)


def test_the_salt_is_in_no_representation() -> None:
    given = settings(privacy_profile="pseudonymous", privacy_salt=SALT)
    rules = privacy.rules(given)

    said = f"{given!r} {given} {rules!r} {rules.mark(ENDPOINTS['patients'])}"

    assert SALT not in said


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, Rules(), True),
        (Rules(), Rules("minimal"), True),
        (Rules(), PSEUDONYMOUS, False),
        (PSEUDONYMOUS, Rules(), False),
        (PSEUDONYMOUS, Rules("pseudonymous", salt=SALT[::-1]), False),
        (PSEUDONYMOUS, PSEUDONYMOUS, True),
        (Rules(), Rules(columns={"patients.notes": "drop"}), True),
        (Rules(columns={"patients.notes": "drop"}), Rules(), False),
        (Rules("minimal"), Rules(), False),
    ],
)
def test_rows_are_read_again_unless_values_only_go(
    before: Rules | None, after: Rules, expected: bool
) -> None:
    endpoint = ENDPOINTS["patients"]
    mark = before.mark(endpoint) if before else None

    assert stays(mark, after.mark(endpoint)) is expected
