"""A state directory in which marts are built and things go wrong, for test_nightly_marts."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from kept_dbt import run_kept
from mart_builds import Place, empty_place, plans, settings_of

from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.marts import build as making
from cliniko_warehouse.marts import build_fingerprint, dbt_runner, inspect
from cliniko_warehouse.marts.data_warnings import sentences
from cliniko_warehouse.marts.nightly_step import build_marts_step
from cliniko_warehouse.marts.swap import session
from cliniko_warehouse.paths import marts_folder, published, work_file
from cliniko_warehouse.presentation.progress import console
from cliniko_warehouse.publish.publish import publish
from cliniko_warehouse.run.nightly import run_account
from cliniko_warehouse.sandbox import Account, serve
from cliniko_warehouse.warehouse.warehouse import warehouse


def mishaps(destination: str, folder: Path) -> dict[str, Any]:
    """A state directory in which things go wrong, and what is left of it each time."""
    account = Account(rows=1_000)
    with empty_place(destination, folder, real=True) as place, serve(account) as served:
        settings = settings_of(served, "main")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CLINIKO__MARTS", "false")
            run = run_account(settings, plans(), destination, place.state_dir, console())
        return _mishaps(place, account, run)


def _mishaps(place: Place, account: Account, run: Run) -> dict[str, Any]:
    state_dir, now = place.state_dir, account.now
    store = warehouse("duckdb", state_dir)
    seen: dict[str, Any] = {}

    def build(**how: Any) -> list[str]:
        return build_marts_step([run], store, state_dir, as_of=now, **how)

    with duckdb.connect(str(work_file(state_dir))) as db:
        db.execute(
            "UPDATE cliniko.individual_appointments SET ends_at = starts_at - INTERVAL 1 HOUR "
            "WHERE id = (SELECT min(id) FROM cliniko.individual_appointments "
            "WHERE coalesce(archived_at, deleted_at, _gone_at) IS NULL)"
        )
    with pytest.MonkeyPatch.context() as patch:
        seen["tried"] = _starved(patch)
        notes = build()
    seen["built"] = {
        "notes": notes,
        "status": run.status,
        "places": _places(state_dir),
        "warnings": run.report()["warnings"],
    }
    seen["unchanged"] = build()
    seen["current"] = _current(store, state_dir, now)
    outcome = inspect.test(store, state_dir)
    seen["tested"] = {
        "failed": outcome.failed,
        "built": outcome.built,
        "warned": sentences(inspect.warned(store, state_dir)),
    }
    page = inspect.docs(store, state_dir)
    seen["docs"] = {"name": page.name, "knows": "mart_practitioner_month" in page.read_text()}
    with duckdb.connect(str(work_file(state_dir))) as db:
        db.execute("ALTER TABLE cliniko.invoices ALTER closed_at TYPE VARCHAR")
        db.execute("UPDATE cliniko.invoices SET closed_at = 'one day'")
    seen["stopped"] = build(stop=lambda: True)
    notes = build()
    seen["failed"] = {
        "notes": notes,
        "status": run.status,
        "error": run.error,
        "places": _places(state_dir),
        "ledger": _asked(work_file(state_dir), "SELECT status, message FROM cliniko._runs"),
    }
    seen["published"] = _published(state_dir)
    seen["files"] = _files(state_dir)
    seen["history"] = _history(store, state_dir)
    return seen


def _starved(patch: pytest.MonkeyPatch) -> list[bool]:
    """Begin builds with too little memory; whether each try has said so, as they are made."""
    tried: list[bool] = []
    run, real = dbt_runner.run, dbt_runner._run

    def noted(*how: Any) -> dbt_runner.Outcome:
        # With other memory a process of its own would read the whole project again.
        patch.setattr(dbt_runner, "_run", real if tried else run_kept)
        outcome = run(*how)
        tried.append(outcome.starved)
        return outcome

    patch.setattr(dbt_runner, "run", noted)
    patch.setattr(making, "MEMORY", ("10MB", making.MEMORY[-1]))
    return tried


def _current(store: Any, state_dir: Path, now: datetime) -> dict[str, bool]:
    """Whether the marts would be the same at another time, or with another row."""
    kept = marts_folder(state_dir, "duckdb")
    with session(store, state_dir) as client:
        found = {
            "same day": build_fingerprint.is_current(client, kept, now + timedelta(hours=1)),
            "next day": build_fingerprint.is_current(client, kept, now + timedelta(days=1)),
        }
        client.execute_sql(
            "UPDATE cliniko.patients SET _gone_at = now() "
            "WHERE id = (SELECT min(id) FROM cliniko.patients)"
        )
        return found | {"a row gone": build_fingerprint.is_current(client, kept, now)}


def _asked(file: Path, sql: str) -> list[Any]:
    with duckdb.connect(str(file), read_only=True) as db:
        return db.execute(sql).fetchall()


def _places(state_dir: Path) -> int:
    [[number]] = _asked(work_file(state_dir), "SELECT count(*) FROM marts.fct_appointments")
    return int(number)


def _published(state_dir: Path) -> dict[str, Any]:
    """What a reader finds who opens the published file under another name."""
    file = publish(work_file(state_dir), state_dir)
    silent = _asked(
        file,
        "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'marts' "
        "AND table_name NOT LIKE '\\_dlt%' ESCAPE '\\' AND comment IS NULL",
    )
    with duckdb.connect() as db:
        db.execute(f"ATTACH '{file}' AS clinic (READ_ONLY)")
        schemas = db.execute(
            "SELECT DISTINCT schema_name FROM duckdb_tables() "
            "WHERE database_name = 'clinic' ORDER BY 1"
        ).fetchall()
        [[staged]] = db.execute("SELECT count(*) FROM clinic.marts_staging.stg_patients").fetchall()
        [[raw]] = db.execute("SELECT count(*) FROM clinic.cliniko.patients").fetchall()
    return {"schemas": [row[0] for row in schemas], "staged": staged, "raw": raw, "silent": silent}


def _files(state_dir: Path) -> dict[str, list[str]]:
    """Logs of dbt, and files of a build in which the name of a patient stands."""
    made = [file for file in (state_dir / "work" / "marts").rglob("*") if file.is_file()]
    names = _asked(
        work_file(state_dir), "SELECT first_name || ' ' || last_name FROM cliniko.patients"
    )
    texts = {file: file.read_bytes() for file in made}
    return {
        "logs": [file.name for file in made if file.suffix == ".log"],
        "names": [f.name for f, text in texts.items() if any(n.encode() in text for (n,) in names)],
    }


def _history(store: Any, state_dir: Path) -> dict[str, Any]:
    """What is brought over to a working file that was made anew."""
    count = "SELECT count(*), max(valid_from) FROM marts.snap_appointments"
    before = _asked(work_file(state_dir), count)
    work_file(state_dir).unlink()
    store = warehouse("duckdb", state_dir)
    with session(store, state_dir) as client:
        brought = making.keep(client, published(state_dir))
        again = making.keep(client, published(state_dir))
    return {
        "brought": brought,
        "again": again,
        "same": before == _asked(work_file(state_dir), count),
    }
