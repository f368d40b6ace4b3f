"""Cursors that are moved back or forgotten, and what the next run reads then."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from conftest import both
from harness import Warehouse

from cliniko.settings import ClinikoSettings
from cliniko_warehouse import cli
from cliniko_warehouse.paths import lock_file, work_file
from cliniko_warehouse.sandbox import Account
from cliniko_warehouse.warehouse.dlt_pipelines import pipeline
from cliniko_warehouse.warehouse.file_locks import hold
from cliniko_warehouse.warehouse.warehouse import warehouse as store

Call = Callable[..., tuple[int, str, str]]

pytestmark = both


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], warehouse: Warehouse
) -> Call:
    """`cliniko …` on the warehouse: code, stdout, stderr."""

    def called(*words: str) -> tuple[int, str, str]:
        place = ["--state-dir", str(warehouse.state_dir)]
        there = [] if "--destination" in words else ["--destination", warehouse.destination]
        arguments = ["cliniko", *words, *place, *there]
        monkeypatch.setattr(sys, "argv", arguments)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return (int(ended.value.code or 0), *capsys.readouterr())

    return called


def kept(warehouse: Warehouse) -> dict[str, Any]:
    """Endpoint → its state."""
    flow = pipeline(store(warehouse.destination, warehouse.state_dir), "main", warehouse.state_dir)
    resources = flow.state["sources"]["cliniko"]["resources"]
    return {name: accounts["main"] for name, accounts in resources.items() if "main" in accounts}


def emptied(warehouse: Warehouse, table: str) -> None:
    """Take the rows of a table away behind dlt's back; only a new load brings them again."""
    warehouse.change(f"DELETE FROM cliniko.{table}")


def counted(warehouse: Warehouse, table: str) -> int:
    return int(warehouse.value(f"SELECT count(*) FROM cliniko.{table}"))


def pipelines_of(warehouse: Warehouse) -> Path:
    return warehouse.state_dir / "work" / "pipelines"


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """No comparison with the account: it would mend what these tests are to see."""
    monkeypatch.setattr("cliniko_warehouse.run.context.reconcile", lambda *_, **__: None)


HELD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"


@contextmanager
def out_of_reach(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A file that another process writes to; a server that is not there."""
    if warehouse.destination == "postgres":
        nowhere = "postgresql://me:secret@127.0.0.1:9/none?connect_timeout=2"
        monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", nowhere)
        yield
        return
    command = [sys.executable, "-c", HELD, str(work_file(warehouse.state_dir))]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        yield
        holder.communicate("\n")


def test_what_is_known_here_is_shown_while_the_warehouse_cannot_be_asked(
    settings: ClinikoSettings, warehouse: Warehouse, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.begin(settings, "taxes")
    before = call("state", "show", "--json")

    with out_of_reach(warehouse, monkeypatch):
        meanwhile = call("state", "show", "--json")

    assert meanwhile == before
    assert json.loads(meanwhile[1])["main"]["taxes"]


@pytest.mark.usefixtures("blind")
@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "on a new machine"])
def test_after_a_reset_the_next_run_reads_and_loads_all_again(
    account: Account,
    settings: ClinikoSettings,
    warehouse: Warehouse,
    call: Call,
    elsewhere: bool,
) -> None:
    warehouse.begin(settings, "taxes", "services")
    for table in ("taxes", "services"):
        emptied(warehouse, table)

    codes = {call("state", "reset", table)[0] for table in ("taxes", "services")}
    if elsewhere:
        shutil.rmtree(pipelines_of(warehouse))
    run = warehouse.sync(settings, "taxes", "services")

    assert codes == {0}
    assert run.readings["taxes"].rows == account.count("taxes")
    assert counted(warehouse, "taxes") == account.count("taxes")
    assert counted(warehouse, "services") == account.count("services")


@pytest.mark.usefixtures("blind")
@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "on a new machine"])
def test_after_a_rewind_the_next_run_loads_what_changed_since_then(
    account: Account,
    settings: ClinikoSettings,
    warehouse: Warehouse,
    call: Call,
    elsewhere: bool,
) -> None:
    warehouse.begin(settings, "attendees")
    emptied(warehouse, "attendees")
    changes = sorted(datetime.fromisoformat(r["updated_at"]) for r in account.rows("attendees"))
    to = changes[-20]
    if elsewhere:
        shutil.rmtree(pipelines_of(warehouse))

    code, _, said = call("state", "rewind", "attendees", "--to", to.isoformat())
    shutil.rmtree(pipelines_of(warehouse))
    warehouse.sync(settings, "attendees")

    since = to - timedelta(minutes=settings.overlap_minutes)
    assert (code, "attendees" in said) == (0, True)
    assert counted(warehouse, "attendees") == sum(one >= since for one in changes) < len(changes)


def test_all_else_in_the_state_stays(
    settings: ClinikoSettings, warehouse: Warehouse, call: Call
) -> None:
    warehouse.begin(settings, "taxes", "users")
    before = kept(warehouse)

    call("state", "reset", "taxes")

    after = kept(warehouse)
    assert after["users"] == before["users"]
    assert after["taxes"] == {
        **{k: v for k, v in before["taxes"].items() if k != "recent"}, "cursors": {},
    }  # fmt: skip


def test_show_tells_the_cursor_that_was_rewound(
    settings: ClinikoSettings, warehouse: Warehouse, call: Call
) -> None:
    warehouse.begin(settings, "taxes")

    call("state", "rewind", "taxes", "--to", "2020-01-31T18:00")

    shown = json.loads(call("state", "show", "--json")[1])
    assert shown["main"]["taxes"] == {"/taxes": "2020-01-31T18:00:00+00:00"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("rewind", "taxes", "--to", "2999-01-01"), "a cursor only moves back"),
        (("rewind", "taxes", "--to", "yesterday"), "is no time"),
        (("rewind", "services", "--to", "2020-01-01"), "services has no cursor"),
        (("reset", "users"), "users has not been read yet"),
        (("reset", "taxs"), "did you mean taxes"),
        (("reset", "taxes", "--account", "second"), "--account may be main"),
        (("reset", "taxes", "--destination", "nowhere"), "there is no destination"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_2_and_changes_nothing(
    settings: ClinikoSettings,
    warehouse: Warehouse,
    call: Call,
    words: tuple[str, ...],
    says: str,
) -> None:
    warehouse.begin(settings, "taxes", "services")
    before = kept(warehouse)

    code, out, err = call("state", *words)

    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert says in err
    assert kept(warehouse) == before


@pytest.mark.parametrize("words", [("reset", "taxes"), ("rewind", "taxes", "--to", "2020-01-01")])
def test_before_a_first_run_there_is_nothing_to_change(call: Call, words: tuple[str, ...]) -> None:
    code, _, err = call("state", *words)

    assert code == 1
    assert err == "cliniko: nothing has been loaded yet: run `cliniko sync` first\n"


def test_while_a_run_is_at_work_it_is_75(
    settings: ClinikoSettings, warehouse: Warehouse, call: Call
) -> None:
    warehouse.begin(settings, "taxes")

    with hold(lock_file(warehouse.state_dir)):
        code, _, err = call("state", "reset", "taxes")

    assert code == 75
    assert "another run is at work" in err
