"""`dlt init cliniko duckdb --location <repository>`: what it copies runs by itself."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from cliniko_warehouse.sandbox import Account, serve

ROOT = Path(__file__).resolve().parents[2]
DLT = Path(sys.executable).with_name("dlt")
READ = """
import dlt
rows = dlt.attach("cliniko_pipeline").dataset().patients.fetchall()
print("dataset", len(rows))
"""


def _project(folder: Path) -> Path:
    """A user's project, with folders of its own of the repository's names."""
    for name in ("sources", "pipelines", "notebooks", "sandbox"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("OWN = True\n")
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return kept | {
        "HOME": str(tmp_path / "home"),
        "DLT_DATA_DIR": str(tmp_path / "dlt"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }


def test_the_copied_source_runs_twice_without_a_warning(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    _project(project)

    def run(*command: str, **more: str) -> str:
        done = subprocess.run(
            command,
            cwd=project,
            env=environment | more,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    run(str(DLT), "--non-interactive", "init", "cliniko", "duckdb", "--location", str(ROOT))
    account = Account(seed=3, rows=300)
    with serve(account) as at:
        settings = {
            "SOURCES__CLINIKO__API_KEY": at.api_key,
            "SOURCES__CLINIKO__BASE_URL": at.base_url,
            "SOURCES__CLINIKO__CONTACT_EMAIL": "tests@example.com",
            "SOURCES__CLINIKO__REQUESTS_PER_MINUTE": "100000",
        }
        said = [run(sys.executable, "cliniko_pipeline.py", **settings) for _ in range(2)]
    read = run(sys.executable, "-c", READ)

    assert [text for text in said if "WARNING" in text] == []
    [file] = project.rglob("cliniko_pipeline.duckdb")
    with duckdb.connect(str(file), read_only=True) as database:
        patients = database.execute("FROM cliniko.patients SELECT count(*)").fetchall()
    assert patients == [(len(list(account.rows("patients"))),)]
    assert f"dataset {patients[0][0]}" in read
    assert "OWN" in (project / "sources" / "__init__.py").read_text()
