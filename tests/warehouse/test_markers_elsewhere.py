"""No value that is left out is where a run's rows and words go besides its own files.

A Postgres server's data directory, messages to a chat, logs for a machine, and marts.
"""

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from listener import Listener, listening
from marked_runs import FEW, IN, OUT, marked_account, serving, sync
from markers import found, seed
from postgres_server import VERSION, Server, execute, on_disk

from cliniko_warehouse.overview.night import HASHED, LEFT_OUT
from cliniko_warehouse.sandbox import (
    Account,
    Served,
    faults,
    pass_day,
)

LEFT = [f"MARK-{kind}" for kind in OUT["pseudonymous"]]
HASH = r"\b[0-9a-f]{32}\b"
WHY = {"pseudonymous": HASHED, "minimal": LEFT_OUT}

each_profile = pytest.mark.parametrize("profile", OUT)


@pytest.fixture
def account() -> Account:
    return marked_account()


@pytest.fixture(autouse=True)
def served(account: Account, profile: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with serving(account, profile, monkeypatch) as server:
        monkeypatch.setenv("SOURCES__CLINIKO__MAX_ATTEMPTS", "1")
        yield server


def classes(lines: set[str]) -> set[str]:
    """Which classes of markers were found, wherever."""
    return {line.partition(" ")[0] for line in lines}


# Postgres


@each_profile
def test_nothing_that_is_left_out_is_in_the_files_of_a_server(
    own_server: Server, account: Account, served: Served, profile: str, tmp_path: Path
) -> None:
    first = sync(tmp_path, "--destination", "postgres", names=FEW)
    pass_day(account)
    seed(account, "patients", "attendees")
    served.faults.append(faults.bad_json(path="invoices", times=99))
    second = sync(tmp_path, "--destination", "postgres", names=FEW)
    execute(own_server.url, "ANALYZE")

    assert (first, second) == (0, 3)
    assert found(OUT[profile], on_disk(own_server), tmp_path, own_server.url) == set()
    assert classes(found(IN[profile], on_disk(own_server) / "base")) == IN[profile]
    assert classes(found(IN[profile], on_disk(own_server) / "pg_wal")) == IN[profile]


@pytest.mark.parametrize("profile", ["full"])
@pytest.mark.parametrize("stricter", ["pseudonymous", "minimal"])
def test_a_stricter_profile_leaves_nothing_in_the_files_of_a_server(
    own_server: Server, stricter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if stricter == "minimal" and VERSION < 18:
        pytest.skip("an older server keeps samples of a table that was emptied")
    first = sync(tmp_path, "--destination", "postgres", names=FEW)
    execute(own_server.url, "ANALYZE")
    before = classes(found(OUT[stricter], on_disk(own_server) / "base"))
    monkeypatch.setenv("SOURCES__CLINIKO__PRIVACY_PROFILE", stricter)

    second = sync(tmp_path, "--destination", "postgres", names=FEW)

    assert (first, second) == (0, 0)
    assert before == OUT[stricter] - {"credential"}
    assert found(OUT[stricter], on_disk(own_server) / "base", tmp_path) == set()


# Alerts and logs


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    with listening() as listener:
        monkeypatch.setenv("ALERTS__WEBHOOK_URL", f"{listener.url}/hook")
        monkeypatch.setenv("ALERTS__PING_URL", f"{listener.url}/ping")
        yield listener


def well(tmp_path: Path, _: Served) -> int:
    return sync(tmp_path, "--log-format", "json", names=("patients", "invoices"))


def with_rejected(tmp_path: Path, _: Served) -> int:
    return sync(tmp_path, "--log-format", "json", names=FEW)


def failing(tmp_path: Path, served: Served) -> int:
    served.faults.append(faults.bad_json(path="patients", times=99))
    served.faults.append(faults.truncated(path="invoices", times=99))
    served.faults.append(faults.status(422, path="attendees", times=99))
    return sync(tmp_path, "--log-format", "json", names=FEW)


def breaking(tmp_path: Path, _: Served) -> int:
    """A night after which neither file is a database."""
    sync(tmp_path, "--log-format", "json", names=FEW)
    (tmp_path / "state" / "work" / "load.duckdb").write_bytes(b"no database")
    (tmp_path / "state" / "warehouse.duckdb").write_bytes(b"no database")
    return sync(tmp_path, "--log-format", "json", names=FEW)


@pytest.mark.parametrize("profile", ["full"])
@pytest.mark.parametrize(
    ("night", "code", "says"),
    [
        (well, 0, b"new fields"),
        (with_rejected, 0, b"rejected"),
        (failing, 3, b"not read"),
        (breaking, 2, b"no run"),
    ],
)
def test_no_message_and_no_log_holds_anything_of_a_patient_or_the_key(
    chat: Listener,
    served: Served,
    night: Callable[[Path, Served], int],
    code: int,
    says: bytes,
    tmp_path: Path,
) -> None:
    ended = night(tmp_path, served)

    key = served.api_key.encode()
    logs = [file.read_bytes() for file in (tmp_path / "state" / "logs").iterdir()]
    told = b"\n".join([*chat.bodies, *logs, (tmp_path / "said").read_bytes()])
    assert ended == code
    assert says in b"".join(chat.bodies)
    assert b'"level": "INFO"' in b"".join(logs)
    if night is not breaking:
        assert b"MARK-" in (tmp_path / "state" / "warehouse.duckdb").read_bytes()
    assert [s for s in (b"MARK-", key, base64.b64encode(key + b":")) if s in told] == []


# Marts


@pytest.mark.parametrize("profile", ["pseudonymous", "minimal"])
def test_nothing_that_is_left_out_is_in_marts(
    account: Account, profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINIKO__MARTS", "true")
    seed(account, "products")

    ended = sync(tmp_path, names=())

    assert ended == 0
    assert found(OUT[profile], tmp_path) == set()
    with duckdb.connect(str(tmp_path / "state" / "warehouse.duckdb"), read_only=True) as db:
        stock = db.execute("SELECT CAST(m AS VARCHAR) FROM marts.mart_stock m").fetchall()
        [(visits,)] = db.execute("SELECT count(*) FROM marts.fct_appointments").fetchall()
    assert "MARK-none" in str(stock)
    assert visits > 50
    _overview_says_why_names_are_missing(tmp_path / "state" / "warehouse.duckdb", profile)


def _overview_says_why_names_are_missing(file: Path, profile: str) -> None:
    """Here, since such a night is costly: every page, list and download, and the digest."""
    pytest.importorskip("altair", reason="the extra notebooks is not installed")
    from overview_pages import client, digest, everything, in_sight

    with client(file) as browser:
        seen = everything(browser)
    week = digest(file)

    assert len(seen) > 40
    assert [where for where, text in seen.items() if any(m in text for m in LEFT)] == []
    assert not any(mark in week for mark in LEFT)
    pages = {where: in_sight(text) for where, text in seen.items() if "?" in where}
    assert [where for where, text in pages.items() if WHY[profile] not in text] == []
    assert [w for w, text in (pages | {"digest": week}).items() if re.search(HASH, text)] == []
    files = [text.splitlines() for where, text in seen.items() if where.endswith(".csv")]
    heads = {head for head, *rows in files if rows for head in head.split(",")}
    assert ("Patient" in heads) == (profile == "pseudonymous")
    assert "Patient no." in heads
    told = [week, *(t for w, t in pages.items() if w.startswith(("/practitioners?", "/money?")))]
    shown = r"no\. \d" if profile == "minimal" else r"[0-9a-f]{8}(…|\\u2026)"
    assert [bool(re.search(shown, text)) for text in told] == [True] * 3
