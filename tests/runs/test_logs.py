"""The log: for a person or a machine, kept a month, and never with a key or a patient."""

import json
import logging
import stat
from datetime import UTC, datetime, timedelta
from functools import partial
from logging.config import dictConfig
from pathlib import Path

import pytest
from harness import settings_for

from cliniko.api.client import Client
from cliniko.endpoints import ENDPOINTS
from cliniko.errors import ConfigError
from cliniko.extract.plan import ReadPlan
from cliniko_warehouse.monitoring import notify
from cliniko_warehouse.monitoring.logs import DAYS, log, logged
from cliniko_warehouse.presentation.console import console
from cliniko_warehouse.run.sync import sync
from cliniko_warehouse.sandbox import Served, bad_json, status
from cliniko_warehouse.warehouse.warehouse import warehouse


def _file(state_dir: Path) -> Path:
    [file] = (state_dir / "logs").glob("cliniko-*.jsonl")
    return file


def test_a_line_is_one_json_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with logged(tmp_path, "json", console()):
        log.info("run ended", extra={"rows": 3})

    [kept] = _file(tmp_path).read_text().splitlines()
    assert json.loads(kept).items() >= {"level": "INFO", "message": "run ended", "rows": 3}.items()
    assert json.loads(kept)["at"].endswith("+00:00")
    assert capsys.readouterr().err.strip() == kept


def test_a_person_sees_warnings_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with logged(tmp_path, "human", console()):
        log.info("all is well")
        log.warning("trying again in 2 s")

    assert capsys.readouterr().err == "trying again in 2 s\n"
    assert len(_file(tmp_path).read_text().splitlines()) == 2


def test_only_the_owner_reads_the_file(tmp_path: Path) -> None:
    with logged(tmp_path / "state", "human", console()):
        log.info("hello")

    file = _file(tmp_path / "state")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_files_of_long_ago_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "cliniko-2001-01-01.jsonl").touch()
    (folder / f"cliniko-{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}.jsonl").touch()
    (folder / "notes.txt").touch()

    with logged(tmp_path, "human", console()):
        pass

    assert not (folder / "cliniko-2001-01-01.jsonl").exists()
    assert (folder / "notes.txt").exists()
    assert DAYS >= 14


def test_two_runs_write_to_one_file(tmp_path: Path) -> None:
    with logged(tmp_path, "human", console()), logged(tmp_path, "human", console()):
        log.info("hello")

    assert len(_file(tmp_path).read_text().splitlines()) == 2


def test_a_logger_that_another_tool_disabled_still_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "disabled", False)
    dictConfig({"version": 1})

    with logged(tmp_path, "human", console()):
        log.warning("a list was restored")

    assert "a list was restored" in capsys.readouterr().err
    assert log.disabled


def test_the_logger_is_as_before_at_the_end(tmp_path: Path) -> None:
    with logged(tmp_path, "json", console()):
        pass

    assert log.handlers == []
    assert log.level == logging.NOTSET


def test_nothing_is_made_where_nothing_is(tmp_path: Path) -> None:
    with logged(tmp_path / "state", "human", console(), made=False):
        log.info("in the wrong folder")

    assert not (tmp_path / "state").exists()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "logs").touch()

    with pytest.raises(ConfigError, match="log"), logged(tmp_path, "human", console()):
        pass


def test_a_run_with_faults_logs_neither_key_nor_patient(served: Served, tmp_path: Path) -> None:
    people = list(served.account.rows("patients"))
    served.faults.extend([status(503, path="/patients"), bad_json(path="/patients")])
    served.faults.append(status(422, path="/invoices", times=9))
    served.account.update("patients", people[0]["id"], date_of_birth="the day of Jane Doe")
    readings = {name: ReadPlan(ENDPOINTS[name]) for name in ("patients", "invoices")}
    settings = settings_for(served)

    with logged(tmp_path, "human", console()):
        store = warehouse("duckdb", tmp_path)
        connect = partial(Client, sleep=lambda seconds: None)
        run = sync(settings, readings, store, tmp_path, connect=connect)
        notify.tell([run], "duckdb", tmp_path)

    text = _file(tmp_path).read_text()
    assert "GET /patients: 503" in text
    assert "refused with 422): invoices" in text
    assert "records rejected, see _rejected: patients 1" in text
    secrets = {settings.api_key, "Jane Doe"}
    secrets |= {str(p[name]) for p in people for name in ("last_name", "email") if p[name]}
    assert {secret for secret in secrets if secret in text} == set()
