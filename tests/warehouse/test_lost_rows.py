"""Rows that somebody deleted from the tables come back with the next run."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from conftest import both
from harness import Warehouse, settings_for

from cliniko.endpoints import ENDPOINTS
from cliniko.extract.plan import ReadPlan
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.presentation.progress import console
from cliniko_warehouse.run import nightly
from cliniko_warehouse.sandbox import Account, Served, serve_all

LIST, EMPTY = "contacts", "relationships"
SWAPPED, CHILD = "services", "services__practitioners"
NAMES = (LIST, EMPTY, SWAPPED)

pytestmark = both


@dataclass
class Nights:
    """Two accounts of one warehouse."""

    warehouse: Warehouse
    served: Collection[Served]

    def sync(self) -> list[Run]:
        """A run of both."""
        named = zip(self.served, ("north", "south"), strict=True)
        accounts = [settings_for(served, account=name) for served, name in named]
        work = [(one, {name: ReadPlan(ENDPOINTS[name]) for name in NAMES}) for one in accounts]
        place = self.warehouse.destination, self.warehouse.state_dir
        return nightly.run_accounts(work, *place, console())

    def rows(self) -> list[dict[str, Any]]:
        """How many rows each of them has in each table."""
        counts = (
            f"SELECT '{table}' AS name, _account, count(*) AS n FROM cliniko.{table} GROUP BY 2"
            for table in (*NAMES, CHILD)
        )
        return self.warehouse.rows(" UNION ALL ".join(counts) + " ORDER BY 1, 2")


@pytest.fixture
def nights(warehouse: Warehouse) -> Iterator[Nights]:
    """Two clinics that are alike."""
    lists = {LIST: 250, "practitioners": 3, "appointment_types": 2}
    keys = ("MS0xLW5vcnRo-au1", "MS0yLXNvdXRo-au1")
    with serve_all({key: Account(rows=300, only=lists) for key in keys}) as served:
        yield Nights(warehouse, served.values())


def notes(run: Run) -> dict[str, str]:
    """What a run says of its lists, as far as it says something."""
    return {name: one.message for name, one in run.readings.items() if one.message}


def test_lists_whose_tables_lost_rows_are_read_again_once(nights: Nights) -> None:
    nights.sync()
    loaded = nights.rows()
    nights.warehouse.change(f"DELETE FROM cliniko.{LIST} WHERE id % 10 > 0 OR _account = 'south'")
    nights.warehouse.change(f"DELETE FROM cliniko.{SWAPPED} WHERE _account = 'north'")
    nights.warehouse.change(f"TRUNCATE cliniko.{CHILD}")

    north, south = nights.sync()

    assert (north.status, south.status, nights.rows()) == ("ok", "ok", loaded)
    assert notes(north).keys() == notes(south).keys() == {LIST, SWAPPED}
    assert f"{LIST} had 0 of the 250 rows that were loaded: read again" in notes(south)[LIST]
    assert f"{SWAPPED} had 0 of the " in notes(north)[SWAPPED]
    assert SWAPPED + " had" not in notes(south)[SWAPPED]
    assert f"{CHILD} had 0 of the " in notes(south)[SWAPPED]

    quiet = nights.sync()

    assert [notes(run) for run in quiet] == [{}, {}]
    assert quiet[0].requests < north.requests
