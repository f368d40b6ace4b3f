"""Nightly loads in surroundings that are not ours: equal, or refused with one line."""

import pytest
from conftest import Cliniko
from harness import Warehouse
from matrix import Night, Row, clock, environment, play, server_date
from matrix_damage import damages
from matrix_files import clients
from matrix_postgres import ROWS as ON_POSTGRES

from cliniko_warehouse.sandbox import Account, Served

HARMFUL = [
    ("DEV_MODE", "true"),
    ("FULL_REFRESH", "true"),
    ("DATASET_NAME_LAYOUT", "x_%s"),
    ("REFRESH", "drop_sources"),
    ("REFRESH", "drop_data"),
    ("PROGRESS", "log"),
    ("WORKERS", "0"),
    ("STAGING", "1"),
]
"""What other programs may say under names that dlt resolves, each of which broke a night."""

FOREIGN_VARIABLES = {
    "ALERTS": "on",
    "CLINIKO": "1",
    "COLUMNS": "1",
    "CREDENTIALS": "duckdb:///other.duckdb",
    "DATA_WRITER__FILE_MAX_ITEMS": "1",
    "DESTINATION_TYPE": "postgres",
    "DESTINATION__DATASET_NAME_LAYOUT": "x_%s",
    "DLT_PROJECT_DIR": "/proc/none",
    "EXPORT_SCHEMA_PATH": "schemas",
    "FORCE_COLOR": "1",
    "IMPORT_SCHEMA_PATH": "schemas",
    "LOADER_FILE_FORMAT": "csv",
    "LOAD__WORKERS": "0",
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_ID": "true",
    "PIPELINES_DIR": "/proc/none",
    "PIPELINE_NAME": "other",
    "PROVIDERS": "all",
    "REPLACE_STRATEGY": "staging-optimized",
    "RESTORE_FROM_DESTINATION": "false",
    "RUNTIME": "production",
    "RUNTIME__LOG_LEVEL": "DEBUG",
    "SCHEMA__NAMING": "direct",
    "STAGING_TYPE": "filesystem",
    "TRUNCATE_STAGING_DATASET": "true",
    "TZ": "Pacific/Kiritimati",
    "WRITE_DISPOSITION": "replace",
}
"""The same of programs that all sit in one environment."""

ROWS: list[Row] = [
    Row("nothing at all", lambda night: None),
    Row("nothing at all, on Postgres", lambda night: None, destination="postgres"),
    Row("a variable of another program", environment(SOME_PROGRAM="1")),
    *clients(),
    *damages(),
    *(Row(f"{name}={value}", environment(**{name: value})) for name, value in HARMFUL),
    Row("variables of many other programs", environment(**FOREIGN_VARIABLES)),
    Row("the clock four years ahead, the night before", clock("+4y")),
    Row("the clock four years behind, the night before", clock("-4y")),
    Row("the server's clock years ahead", server_date("Wed, 01 Jan 2098 00:00:00 GMT")),
    Row("the server's clock years behind", server_date("Sat, 01 Jan 2000 00:00:00 GMT")),
    Row("a server's date that cannot be read", server_date("yesterday")),
    *ON_POSTGRES,
]
"""Every disturbance; a new one is a line."""


@pytest.fixture
def account() -> Account:
    return Account(rows=0, only={"contacts": 130, "referral_source_types": 5})


@pytest.fixture
def night(
    request: pytest.FixtureRequest,
    connected: Served,
    cliniko: Cliniko,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> Night:
    return Night(connected.account, connected, warehouse, cliniko, monkeypatch)


@pytest.mark.parametrize(
    ("row", "warehouse"),
    [pytest.param(row, row.destination, id=row.name) for row in ROWS],
    indirect=["warehouse"],
)
def test_a_night_is_equal_or_refused(row: Row, night: Night) -> None:
    play(row, night)
