"""Nightly loads in surroundings that are not ours: equal, or refused with one line."""

import pytest
from conftest import Cliniko, Warehouse
from matrix import Night, Row, environment, play
from matrix_files import clients

from sandbox import Account, Served

ROWS: list[Row] = [
    Row("nothing at all", lambda night: None),
    Row("nothing at all, on Postgres", lambda night: None, destination="postgres"),
    Row("a variable of another program", environment(SOME_PROGRAM="1")),
    *clients(),
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
