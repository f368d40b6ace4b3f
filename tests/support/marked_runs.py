"""Runs of an account in which every text is a marker, each in a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from markers import seed

from cliniko_warehouse.sandbox import Account, Served, serve

LISTS = (
    *("patients", "contacts", "relationships", "referral_sources", "practitioners"),
    *("communications", "individual_appointments", "attendees", "invoices", "invoice_items"),
    *("treatment_notes", "patient_forms", "stock_adjustments"),
)
FEW = (
    *("patients", "individual_appointments", "attendees", "invoices"),
    *("invoice_items", "communications", "patient_forms", "stock_adjustments"),
)
"""Some of them, with fields of each class, new fields, and rejected values."""
OUT = {
    "full": {"credential"},
    "pseudonymous": {"credential", "personal", "health", "words", "unknown"},
    "minimal": {"credential", "personal", "health", "words", "unknown"},
}
"""What each profile leaves out."""
IN = {
    "full": {"personal", "health", "financial", "none", "unknown"},
    "pseudonymous": {"financial", "none"},
    "minimal": {"financial", "none"},
}
"""What each profile keeps, so that a search has something to find."""
SALT = "0123456789abcdef0123456789abcdef"


def marked_account() -> Account:
    """A clinic of markers; two of its visits are of no shape that is understood."""
    account = Account(rows=300)
    seed(account, *LISTS)
    [one, other, *_] = [r["id"] for r in account.rows("individual_appointments")]
    account.update("individual_appointments", one, patient_name={"odd": "MARK-personal-odd"})
    account.put(
        "individual_appointments",
        account.record("individual_appointments", other) | {"ends_at": "MARK-health-no time"},
    )
    return account


def environment(server: Served, profile: str) -> dict[str, str]:
    """What leads a run to the clinic, and lets it say all that it can."""
    settings = {
        "api_key": server.api_key,
        "base_url": server.base_url,
        "contact_email": "tests@example.com",
        "requests_per_minute": "100000",
        "privacy_salt": SALT,
        "privacy_profile": profile,
    }
    found = {f"SOURCES__CLINIKO__{name.upper()}": value for name, value in settings.items()}
    return found | {"CLINIKO_DEBUG": "1", "RUNTIME__LOG_LEVEL": "DEBUG"}


@contextmanager
def serving(account: Account, profile: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The clinic, and settings that lead a run under a profile to it."""
    with serve(account) as server:
        for name, value in environment(server, profile).items():
            monkeypatch.setenv(name, value)
        yield server


def sync(tmp_path: Path, *more: str, names: tuple[str, ...] = LISTS) -> int:
    """A run; what it says is kept beside the state directory."""
    with begun(tmp_path, *more, names=names) as process:
        return process.wait(300)


def begun(tmp_path: Path, *more: str, names: tuple[str, ...] = LISTS) -> subprocess.Popen[bytes]:
    """A run that has started."""
    command = [sys.executable, "-m", "cliniko_warehouse", "sync", *names, *more]
    with (tmp_path / "said").open("ab") as said:
        return subprocess.Popen(
            [*command, "--state-dir", str(tmp_path / "state")], stdout=said, stderr=said
        )
