"""Assets for Apache Superset: a database, datasets with metrics, charts, one dashboard.

Metrics are those of the metric catalogue, so that Superset adds up before it divides, as
`metric` does; meanings are the marts' descriptions. Names of patients are left out.
Superset imports a ZIP file: `python -m cliniko_warehouse.metrics.superset URI FILE.zip`.
"""

import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cliniko_warehouse.metrics.catalogue import described
from cliniko_warehouse.metrics.superset_datasets import (
    Dataset,
    dataset_file,
    datasets,
    identifier,
    number_format,
)

NAME = "Cliniko"
URI = "duckdb:////srv/cliniko/state/warehouse.duckdb"
"""Where the published file may be; an import names the real place."""

STAMP = "2026-01-01T00:00:00+00:00"  # fixed, so that the same assets have the same bytes
HALF, WHOLE, QUARTER = 6, 12, 3  # of the dashboard's twelve columns


@dataclass(frozen=True)
class Chart:
    """A chart of the dashboard.

    kind:     Superset's name of its form
    metrics:  of the catalogue, all of one basis
    by:       columns that it is split by
    every:    how long the steps of a series are, ISO 8601; empty for none
    width:    columns of the dashboard
    """

    title: str
    kind: str
    metrics: tuple[str, ...]
    by: tuple[str, ...] = ()
    every: str = ""
    width: int = QUARTER


NUMBER, LINE, BAR, TABLE = (
    *("big_number_total", "echarts_timeseries_line", "echarts_timeseries_bar", "table"),
)
ROWS = (
    (
        Chart("Completed appointments", NUMBER, ("completed_appointments",)),
        Chart("Did not arrive", NUMBER, ("dna_rate",)),
        Chart("Utilisation", NUMBER, ("utilisation",)),
        Chart("Revenue, net", NUMBER, ("revenue_net",)),
    ),
    (
        Chart("Revenue by month", BAR, ("revenue_net",), every="P1M", width=HALF),
        Chart("Share that did not arrive", LINE, ("dna_rate",), every="P1M", width=HALF),
    ),
    (
        Chart(
            "Practitioners",
            TABLE,
            ("completed_appointments", "new_patients", "dna_rate", "rebooking_rate"),
            by=("practitioner_name",),
            width=WHOLE,
        ),
    ),
    (
        Chart(
            "Free hours, next four weeks",
            TABLE,
            ("capacity_free_hours", "capacity_utilisation"),
            by=("practitioner_name", "week_from"),
            width=HALF,
        ),
        Chart("Open by payer", TABLE, ("debtors", "debtors_over_90"), by=("payer",), width=HALF),
    ),
)
"""The dashboard, row by row. Several accounts are told apart by its filter."""


def assets(uri: str = URI) -> dict[str, str]:
    """File → text, as Superset imports them."""
    found = {"metadata.yaml": {"version": "1.0.0", "type": "Dashboard", "timestamp": STAMP}}
    found[f"databases/{NAME}.yaml"] = _database(uri)
    for dataset in datasets():
        found[f"datasets/{NAME}/{dataset.name}.yaml"] = dataset_file(dataset)
    for chart in _charts():
        found[f"charts/{_slug(chart.title)}.yaml"] = _chart(chart)
    found["dashboards/Clinic.yaml"] = _dashboard()
    return {
        name: yaml.safe_dump(one, sort_keys=False, allow_unicode=True, width=100)
        for name, one in found.items()
    }


def archive(file: Path, uri: str) -> None:
    """Write the assets as the ZIP file that Superset imports."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in assets(uri).items():
            made.writestr(f"cliniko/{name}", text)


def _charts() -> Iterator[Chart]:
    for row in ROWS:
        yield from row


def _slug(title: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in title)


def _database(uri: str) -> dict[str, Any]:
    given = {"connect_args": {"read_only": True}} if uri.startswith("duckdb") else {}
    return {
        "database_name": NAME,
        "sqlalchemy_uri": uri,
        "cache_timeout": None,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        "extra": {"engine_params": given, "metadata_params": {}},
        "uuid": identifier("database"),
        "version": "1.0.0",
    }


def _source(chart: Chart) -> Dataset:
    """The dataset that has all metrics and columns of a chart."""
    return next(one for one in datasets() if set(chart.metrics) <= one.formulas.keys())


def _chart(chart: Chart) -> dict[str, Any]:
    source = _source(chart)
    day = source.basis.day
    params: dict[str, Any] = {"viz_type": chart.kind, "adhoc_filters": [], "row_limit": 10_000}
    if chart.kind == NUMBER:
        params |= {"metric": chart.metrics[0], "subheader": "of all days"}
    elif chart.every:
        params |= {"metrics": list(chart.metrics), "x_axis": day, "time_grain_sqla": chart.every}
        params |= {"groupby": list(chart.by), "y_axis_format": number_format(chart.metrics[0])}
    else:
        params |= {"query_mode": "aggregate", "metrics": list(chart.metrics)}
        params |= {"table_timestamp_format": "%d %b %Y"}  # days have no hour
        params |= {"groupby": list(chart.by)}
    return {
        "slice_name": chart.title,
        "description": "; ".join(described()[name].meaning for name in chart.metrics),
        "viz_type": chart.kind,
        "params": params,
        "cache_timeout": None,
        "uuid": identifier("chart", chart.title),
        "version": "1.0.0",
        "dataset_uuid": identifier("dataset", source.name),
    }


def _dashboard() -> dict[str, Any]:
    return {
        "dashboard_title": "Clinic",
        "description": "What definitions.md says of the clinic, from the marts",
        "css": "",
        "slug": "clinic",
        "uuid": identifier("dashboard"),
        "position": _position(ROWS),
        "metadata": {"native_filter_configuration": [_account_filter()]},
        "version": "1.0.0",
    }


def _account_filter() -> dict[str, Any]:
    """Accounts are looked at one by one: their money may differ."""
    return {
        "id": "NATIVE_FILTER-account",
        "name": "Account",
        "type": "NATIVE_FILTER",
        "filterType": "filter_select",
        "targets": [
            {
                "column": {"name": "_account"},
                "datasetUuid": identifier("dataset", datasets()[0].name),
            }
        ],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": []},
        "controlValues": {
            "defaultToFirstItem": True,
            "multiSelect": False,
            "enableEmptyFilter": True,
        },
        "defaultDataMask": {"filterState": {}},
        "cascadeParentIds": [],
    }


def _position(rows: Sequence[Sequence[Chart]]) -> dict[str, Any]:
    """Where each chart stands."""
    grid = [f"ROW-{number}" for number in range(len(rows))]
    found: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": grid, "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": "Clinic"}},
    }
    numbers = {chart.title: number for number, chart in enumerate(_charts(), start=1)}
    for name, row in zip(grid, rows, strict=True):
        children = [f"CHART-{_slug(chart.title)}" for chart in row]
        found[name] = {
            "type": "ROW",
            "id": name,
            "children": children,
            "parents": ["ROOT_ID", "GRID_ID"],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        for key, chart in zip(children, row, strict=True):
            found[key] = {
                "type": "CHART",
                "id": key,
                "children": [],
                "parents": ["ROOT_ID", "GRID_ID", name],
                "meta": {
                    "chartId": numbers[chart.title],  # replaced by that of the import
                    "uuid": identifier("chart", chart.title),
                    "sliceName": chart.title,
                    "width": chart.width,
                    "height": 20 if chart.kind == NUMBER else 50,
                },
            }
    return found


def main(arguments: Sequence[str]) -> int:
    """Write the assets for the database that a URI names: a ZIP file, or files in a folder."""
    if len(arguments) != 2 or "://" not in arguments[0]:
        sys.stderr.write("give the database's URI, and a ZIP file or a folder to write\n")
        return 2
    uri, place = arguments[0], Path(arguments[1])
    if place.suffix == ".zip":
        archive(place, uri)
        return 0
    for name, text in assets(uri).items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
