"""Files behind records: each once and whole, nothing elsewhere, and gone when it is to go."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness import Warehouse, settings_for
from storage_server import Storage, storage

from cliniko.errors import ConfigError
from cliniko.settings import ClinikoSettings
from cliniko_warehouse.erasure.forget import forget
from cliniko_warehouse.sandbox import Account, Served, redirect, replaced, serve
from cliniko_warehouse.sandbox.records.files import content

LIST = "patient_attachments"

MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
with open(sys.argv[1], "a") as took:
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=took)
sys.exit(code)
"""
"""Notes how many kB a command took at most: of a child begun by a large process that is its."""

DYING = """
import os, sys
from cliniko_warehouse import cli
from cliniko_warehouse.files.file_store import FileStore

left = [int(os.environ["DIES_AT"])]
def replacing(self, *given, written=FileStore._written):
    left[0] -= 1
    if not left[0]:
        os._exit(9)  # between files; the next one has begun
    if left[0] == 1:
        given = ((chunk for chunk in [next(iter(given[0])), os._exit(9)]), *given[1:])
    return written(self, *given)
FileStore._written = replacing
cli.main()
"""
"""A run that dies while it writes its file number `DIES_AT`, some of it on the disk."""


@dataclass
class Clinic:
    """A clinic with small files, and what is kept of them."""

    served: Served
    place: Warehouse
    sizes: dict[str, int]

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self.place.state_dir / "files"

    @property
    def settings(self) -> ClinikoSettings:
        """Settings that lead to the clinic."""
        return settings_for(self.served, max_attempts=1)

    def there(self) -> dict[str, bytes]:
        """All that is in the folder: path below it → content."""
        return {
            str(file.relative_to(self.folder)): file.read_bytes()
            for file in self.folder.rglob("*")
            if file.is_file()
        }

    def rows(self) -> dict[str, dict[str, Any]]:
        """The rows of attachments by id."""
        rows = self.place.rows(f"FROM cliniko._files WHERE endpoint = '{LIST}'")
        return {str(row["id"]): row for row in rows}


def _clinic(folder: Path, served: Served) -> Clinic:
    account, sizes = served.account, dict[str, int]()
    for at, record in enumerate(list(account.rows(LIST))):
        sizes[record["id"]] = 1 + at * 37 % 3_000
        account.update(LIST, record["id"], size=sizes[record["id"]])
    return Clinic(served, Warehouse(folder / "state"), sizes)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Storage]:
    with storage() as made:
        yield made


def _is_intact(clinic: Clinic, but: set[str]) -> None:
    """Each file is there once, as it is in the account, and nothing else."""
    rows = clinic.rows()
    assert rows.keys() == clinic.sizes.keys() - but
    expected = {}
    for number, row in rows.items():
        data = content(number, clinic.sizes[number])
        digest = hashlib.sha256(data).hexdigest()
        assert (row["sha256"], row["bytes"], row["_gone_at"]) == (digest, len(data), None)
        expected[f"{digest[:2]}/{digest}"] = data
    assert clinic.there() == expected
    assert {file.stat().st_mode & 0o777 for file in clinic.folder.rglob("*") if file.is_file()} == {
        0o600
    }
    folders = [clinic.folder, *(file for file in clinic.folder.rglob("*") if file.is_dir())]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}


@pytest.mark.parametrize("files", [60, 2_000], ids=["some", "two thousand"])
def test_each_file_is_fetched_once_and_whole_whatever_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: Storage, files: int
) -> None:
    with serve(Account(rows=100, only={LIST: files})) as served:
        clinic = _clinic(tmp_path, served)
        numbers = list(clinic.sizes)
        moved, odd = numbers[::20], numbers[1::20]
        elsewhere.files |= {f"/{n}": content(n, clinic.sizes[n]) for n in moved}
        targets = ("file:///etc/passwd", "http://10.0.0.1/x", "//[::1]/x", "../../../etc/passwd")
        served.faults.extend(
            redirect(f"{elsewhere.url}/{n}", path=f"{LIST}/{n}/content", times=99) for n in moved
        )
        served.faults.extend(
            redirect(targets[at % 4], path=f"{LIST}/{n}/content", times=99)
            for at, n in enumerate(odd)
        )
        short = numbers[2::20]
        served.faults.extend(
            replaced((content(n, 1), b""), path=f"/storage/{n}/", times=99) for n in short
        )
        for number in numbers[3::20]:  # names that lead somewhere are never a path
            served.account.update(LIST, number, filename="../../../../etc/cron.d/x\x00.pdf")
        given = {"api_key": served.api_key, "base_url": served.base_url}
        given |= {"contact_email": "tests@example.com", "requests_per_minute": "1000000"}
        for name, value in given.items():
            monkeypatch.setenv(f"SOURCES__CLINIKO__{name.upper()}", value)
        monkeypatch.setenv("SOURCES__CLINIKO__MAX_ATTEMPTS", "1")
        monkeypatch.setenv("CLINIKO__FILES", json.dumps([LIST]))
        monkeypatch.setenv("CLINIKO__FILES_REQUESTS", str(2 * files))
        took = tmp_path / "took"
        command = [sys.executable, "-c", MEASURED, str(took)]
        command += [sys.executable, "-c", DYING, "sync", LIST, "--json"]
        command += ["--state-dir", str(clinic.place.state_dir)]

        def run(dies_at: int) -> "subprocess.CompletedProcess[str]":
            env = os.environ | {"DIES_AT": str(dies_at)}
            return subprocess.run(command, check=False, capture_output=True, text=True, env=env)

        kills = (files // 3, files // 3) if files > 100 else (files // 2,)
        assert [run(at).returncode for at in kills] == [9] * len(kills)
        last = run(0)

        assert last.returncode == 3, last.stderr
        report = json.loads(last.stdout)["files"]
        bad = {*odd, *short}
        assert 0 < report["failed"] <= len(bad)  # what a killed run has noted waits a week
        _is_intact(clinic, but=bad)
        assert all("authorization" not in headers for _, headers in elsewhere.asked)
        assert served.api_key not in str(elsewhere.asked)
        served.faults.clear()
        log = len(served.log)
        assert json.loads(run(0).stdout)["files"] | {"first": ""} == {
            "fetched": 0, "bytes": 0, "failed": 0, "missing": 0, "left": 0, "full": 0, "first": "",
        }  # fmt: skip
        assert not [e for e in list(served.log)[log:] if "/content" in e.target]
        served.account.pass_seconds(86_400)
        for number in bad:
            served.account.update(LIST, number, description="mended")
        assert run(0).returncode == 0
        _is_intact(clinic, but=set())
    most = max(map(int, took.read_text().split())) / 1024
    print(f"{files} files: at most {most:.0f} MB in a run")  # noqa: T201
    assert most < 400


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """A clinic whose files and signatures are all there."""
    with (
        pytest.MonkeyPatch.context() as patch,
        serve(Account(rows=1_500, only={LIST: 12})) as served,
    ):
        clinic = _clinic(tmp_path_factory.mktemp("files"), served)
        patch.setenv("CLINIKO__FILES", json.dumps([LIST, "signatures"]))
        run = clinic.place.sync(clinic.settings, "patients", LIST, "patient_forms")
        assert run.status == "ok", run.error
        yield clinic


def test_signatures_are_kept_as_the_images_they_are(full: Clinic) -> None:
    rows = full.place.rows("FROM cliniko._files WHERE endpoint = 'signatures'")
    signed = full.place.rows("SELECT signature_id FROM cliniko.patient_forms__signatures")
    assert {row["id"] for row in rows} == {row["signature_id"] for row in signed} != set()
    assert {row["content_type"] for row in rows} == {"image/svg+xml"}
    [digest] = {row["sha256"] for row in rows}  # the sandbox's signatures are all alike
    assert full.there()[f"{digest[:2]}/{digest}"].startswith(b"<svg")


def test_a_quiet_night_asks_for_no_file_and_a_changed_or_lost_one_is_fetched_again(
    full: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINIKO__FILES", json.dumps([LIST, "signatures"]))
    [changed, lost, gone, *_] = full.sizes
    row = full.rows()[lost]
    (full.folder / row["sha256"][:2] / row["sha256"]).unlink()
    full.served.account.pass_seconds(86_400)
    full.sizes[changed] += 1
    full.served.account.update(LIST, changed, size=full.sizes[changed])
    full.served.account.delete(LIST, gone)
    full.served.log.clear()

    run = full.place.sync(full.settings, LIST, "patient_forms")

    asked = {e.target.split("?")[0] for e in full.served.log if "/content" in e.target}
    assert asked == {f"/v1/{LIST}/{n}/content" for n in (changed, lost)}
    assert not [e for e in full.served.log if "/signatures/" in e.target]
    assert run.files is not None
    assert run.files.fetched == 2
    rows = full.rows()
    assert rows[gone]["_gone_at"] is not None
    assert rows[changed]["bytes"] == full.sizes[changed]
    kept = {row["sha256"] for row in full.place.rows("SELECT sha256 FROM cliniko._files")}
    assert {name[3:] for name in full.there()} == kept  # what the changed one had is gone


def test_a_budget_and_a_bound_leave_files_for_another_night(
    full: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINIKO__FILES", json.dumps([LIST]))
    monkeypatch.setenv("CLINIKO__FILES_REQUESTS", "5")
    other = Clinic(full.served, Warehouse(tmp_path / "state"), full.sizes)
    run = other.place.sync(other.settings, LIST)
    assert run.files is not None
    assert (run.files.fetched, run.files.left) == (5, len(other.sizes) - 1 - 5)

    monkeypatch.setenv("CLINIKO__FILES_REQUESTS", "100")
    monkeypatch.setenv("CLINIKO__FILES_BYTES", str(sum(map(len, other.there().values())) + 1))
    run = other.place.sync(other.settings, LIST)
    assert run.files is not None
    assert run.files.full > 0
    assert sum(map(len, other.there().values())) <= int(os.environ["CLINIKO__FILES_BYTES"])


def test_what_belongs_to_a_forgotten_patient_goes_from_the_disk_and_all_of_it_under_a_profile(
    full: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINIKO__FILES", json.dumps([LIST, "signatures"]))
    number = list(full.sizes)[5]
    [row] = full.place.rows(f"SELECT patient_id FROM cliniko.{LIST} WHERE id = {number}")
    digest = full.rows()[number]["sha256"]
    assert f"{digest[:2]}/{digest}" in full.there()
    place = full.place

    forget(full.settings, [row["patient_id"]], "duckdb", place.state_dir, even_if_there=True)

    assert number not in full.rows()
    assert f"{digest[:2]}/{digest}" not in full.there()
    assert len(full.there()) > 3

    strict = settings_for(full.served, privacy_profile="minimal", account="main")
    run = place.sync(strict, LIST, "patient_forms")
    assert run.files is None
    assert full.there() == {}
    assert place.value("SELECT count(*) FROM cliniko._files") == 0


@pytest.mark.parametrize("warehouse", ["postgres"], indirect=True)
def test_a_warehouse_in_postgres_has_the_rows_and_forgets_them(
    full: Clinic, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINIKO__FILES", json.dumps([LIST]))
    other = Clinic(full.served, warehouse, full.sizes)
    run = warehouse.sync(other.settings, LIST)
    assert run.status == "ok", run.error
    assert run.files is not None
    rows = other.rows()
    assert len(rows) == run.files.fetched == len(other.there()) > 5
    number, row = next(iter(rows.items()))
    [patient] = warehouse.rows(f"SELECT patient_id FROM cliniko.{LIST} WHERE id = {number}")

    forget(
        other.settings, [patient["patient_id"]], "postgres", warehouse.state_dir, even_if_there=True
    )  # fmt: skip

    assert number not in other.rows()
    assert f"{row['sha256'][:2]}/{row['sha256']}" not in other.there()


def test_a_setting_that_names_no_files_is_refused(
    full: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("FILES", '["letters"]'), ("FILES_BYTES", "-1"), ("FILES_REQUESTS", "x")):
        with monkeypatch.context() as patch:
            patch.setenv(f"CLINIKO__{name}", value)
            with pytest.raises(ConfigError, match=name.lower()):
                Warehouse(tmp_path / "state").sync(full.settings, LIST)
