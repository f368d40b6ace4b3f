"""What a real account shows: opt in with `-m live -s -n 0` and a key in the environment."""

import os

import pytest
from live import differences
from live_files import attachment, signature

from cliniko.settings import ClinikoSettings, resolve
from cliniko_warehouse.sandbox import Account, serve

KEY, MAIL = "SOURCES__CLINIKO__API_KEY", "SOURCES__CLINIKO__CONTACT_EMAIL"
ASKED = "CLINIKO_LIVE_FILES"
FILES = os.environ.get(ASKED)
GIVEN = {name: os.environ.get(name) for name in (KEY, MAIL)}  # tests see none of them


@pytest.mark.live
def test_prints_how_a_real_account_differs(capsys: pytest.CaptureFixture[str]) -> None:
    if not all(GIVEN.values()):
        pytest.skip(f"needs {KEY} and {MAIL} of a trial account")
    settings = resolve(api_key=GIVEN[KEY], contact_email=GIVEN[MAIL])

    lines = list(differences(settings))

    with capsys.disabled():
        print("", *lines, sep="\n")  # noqa: T201  # to be read is what this test is for
    assert lines


@pytest.mark.live
def test_prints_how_a_real_file_comes(capsys: pytest.CaptureFixture[str]) -> None:
    if not (all(GIVEN.values()) and FILES):
        pytest.skip(f"needs {KEY} and {MAIL} of a trial account with a file, and {ASKED}")
    settings = resolve(api_key=GIVEN[KEY], contact_email=GIVEN[MAIL])

    lines = [*attachment(settings), *signature(settings)]

    with capsys.disabled():
        print("", *lines, sep="\n")  # noqa: T201  # to be read is what this test is for
    assert lines


def test_says_how_the_sandbox_s_files_come_and_no_value(settings: ClinikoSettings) -> None:
    lines = [*attachment(settings), *signature(settings)]

    assert lines[:2] == ["content: 302 to another address", "file: as long as the record says"]
    assert lines[2:] == ["signature: a data URI, image/svg+xml, percent-encoded"]


def test_says_nothing_of_a_sandbox_that_keeps_to_the_documents(settings: ClinikoSettings) -> None:
    lines = list(differences(settings))

    assert [line for line in lines if "new field" in line or " is no " in line] == []
    assert any("opt-ins → total_entries" in line for line in lines)


def test_tells_a_new_field_and_no_value() -> None:
    account = Account(rows=2_000)
    patient = next(account.rows("patients"))
    account.update("patients", patient["id"], shoe_size="forty-two", date_of_birth="long ago")

    with serve(account) as served:
        settings = resolve(
            api_key=served.api_key,
            base_url=served.base_url,
            contact_email="tests@example.com",
            requests_per_minute=100_000,
        )
        lines = list(differences(settings))

    assert "patients: new field patients.shoe_size (text)" in lines
    assert "patients: date_of_birth: a text is no day" in lines
    assert not any("forty-two" in line or "long ago" in line for line in lines)
    assert not any(patient["last_name"] in line for line in lines)
