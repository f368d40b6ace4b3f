"""The assets for Superset are what the catalogue and the marts' descriptions make of them."""

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import yaml

from cliniko_warehouse.marts.descriptions import marts
from cliniko_warehouse.metrics import superset
from cliniko_warehouse.metrics.catalogue import METRICS

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "bi" / "superset"
FILES = superset.assets()
COMMAND = f"python -m cliniko_warehouse.metrics.superset {superset.URI} docs/bi/superset"


def _loaded(kind: str) -> list[dict[str, Any]]:
    return [yaml.safe_load(text) for name, text in FILES.items() if name.startswith(kind)]


def test_the_files_are_what_the_catalogue_makes() -> None:
    there = {str(f.relative_to(FOLDER)): f.read_text() for f in FOLDER.rglob("*.yaml")}

    assert there == FILES, f"make them anew: {COMMAND}"


def test_every_metric_is_in_a_dataset_and_every_column_is_a_mart_s() -> None:
    datasets = _loaded("datasets/")
    known = {column.name for mart in marts() for column in mart.columns}

    assert {m["metric_name"] for one in datasets for m in one["metrics"]} == METRICS.keys()
    assert {c["column_name"] for one in datasets for c in one["columns"]} <= known
    assert not {"patient_name", "email", "phone"} & {
        c["column_name"] for one in datasets for c in one["columns"]
    }


def test_every_chart_finds_its_metrics_and_columns() -> None:
    datasets = {one["uuid"]: one for one in _loaded("datasets/")}
    placed = {
        part["meta"]["uuid"]
        for part in _loaded("dashboards/")[0]["position"].values()
        if isinstance(part, dict) and part["type"] == "CHART"
    }

    charts = _loaded("charts/")
    assert {chart["uuid"] for chart in charts} == placed
    for chart in charts:
        source, params = datasets[chart["dataset_uuid"]], chart["params"]
        metrics = params.get("metrics") or [params["metric"]]
        assert set(metrics) <= {m["metric_name"] for m in source["metrics"]}
        columns = {*params.get("groupby", ()), *filter(None, [params.get("x_axis")])}
        assert columns <= {c["column_name"] for c in source["columns"]}


def test_the_command_writes_an_archive_for_a_place(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cliniko_warehouse.metrics.superset"]
    uri, file = "duckdb:////srv/here/warehouse.duckdb", tmp_path / "made.zip"

    wrong = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
    superset.main([superset.URI, str(tmp_path / "files")])
    made = subprocess.run([*command, uri, str(file)], capture_output=True, text=True, check=False)

    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert (made.returncode, made.stderr) == (0, "")
    written = {
        str(one.relative_to(tmp_path / "files")): one.read_text()
        for one in (tmp_path / "files").rglob("*.yaml")
    }
    assert written == FILES
    with zipfile.ZipFile(file) as archive:
        database = yaml.safe_load(archive.read("cliniko/databases/Cliniko.yaml"))
    assert database["sqlalchemy_uri"] == uri
    assert database["extra"]["engine_params"]["connect_args"] == {"read_only": True}
