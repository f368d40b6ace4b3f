"""What tests drive: settings for a served clinic, nights, and what lies there afterwards."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import dlt
import duckdb
import psycopg2
from first_nights import KEPT, likeness
from psycopg2.extras import register_default_jsonb

from cliniko.endpoints import ENDPOINTS
from cliniko.extract.plan import ReadPlan
from cliniko.settings import ClinikoSettings, resolve
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.paths import work_file
from cliniko_warehouse.presentation.progress import console
from cliniko_warehouse.run import nightly
from cliniko_warehouse.run import sync as run
from cliniko_warehouse.sandbox import Account, Served
from cliniko_warehouse.warehouse import warehouse as warehouses
from cliniko_warehouse.warehouse.dlt_pipelines import pipeline

SERVED: WeakValueDictionary[tuple[str, str], Account] = WeakValueDictionary()
"""Where a clinic is served and by which key → the clinic."""


def settings_for(served: Served, **more: Any) -> ClinikoSettings:
    """Settings that lead to a served clinic; a budget that no test waits for."""
    SERVED[served.base_url, served.api_key] = served.account
    usual: dict[str, Any] = {"requests_per_minute": 100_000, "contact_email": "tests@example.com"}
    return resolve(api_key=served.api_key, base_url=served.base_url, **usual | more)


def chosen(*names: str, **how: Any) -> dict[str, ReadPlan]:
    """How to read the named endpoints, or all that are read by default."""
    found = [e for e in ENDPOINTS.values() if (e.name in names if names else e.by_default)]
    return {endpoint.name: ReadPlan(endpoint, **how) for endpoint in found}


class Warehouse:
    """A state directory, and a destination with what readers see there.

    url:  of the database; empty for DuckDB
    """

    def __init__(self, state_dir: Path, url: str = "") -> None:
        self.state_dir = state_dir
        self.url = url
        self.destination = "postgres" if url else "duckdb"

    def sync(self, settings: ClinikoSettings, *names: str, **how: Any) -> Run:
        """One whole run of the named endpoints, or of all."""
        plans = chosen(*names, **how)
        return nightly.run_account(settings, plans, self.destination, self.state_dir, console())

    def begin(self, settings: ClinikoSettings, *names: str, **how: Any) -> None:
        """A first night of the named endpoints, or of all, that nobody looks at.

        It went well, and if another test of this worker had the same it is a copy.
        """
        account = SERVED[settings.root, settings.api_key]
        server = urlsplit(self.url)._replace(path="").geturl()
        like = likeness(account, settings, names, type(self).__name__, server, how)
        KEPT.bring(self.state_dir, self.url, like, lambda: self.sync(settings, *names, **how))

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """What a reader gets; in DuckDB of the published file."""
        with connected(self.url or self.state_dir / "warehouse.duckdb", read_only=True) as db:
            return fetched(db, sql)

    def value(self, sql: str) -> Any:
        """The one value of a query."""
        [row] = self.rows(sql)
        [value] = row.values()
        return value

    def change(self, sql: str) -> None:
        """Change what runs write, behind the back of everybody."""
        with self.connected() as db:
            db.execute(sql)

    def connected(self) -> AbstractContextManager[Any]:
        """What takes SQL, where runs write."""
        return connected(self.url or work_file(self.state_dir))


class Place(Warehouse):
    """The same without publishing: what runs fill is looked at where they fill it."""

    @property
    def file(self) -> Path:
        """The file that runs write."""
        return work_file(self.state_dir)

    def sync(
        self, settings: ClinikoSettings, *names: str, stop: Any = lambda: False, **how: Any
    ) -> Run:
        """Read and load the named endpoints, or all."""
        made = self.store
        with made.opened():
            return run.sync(settings, chosen(*names, **how), made, self.state_dir, stop=stop)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """What runs have written."""
        with self.connected() as db:
            return fetched(db, sql)

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Everything that is there, by table."""
        with self.connected() as db:
            return {name: fetched(db, f"FROM cliniko.{name}") for name in tables(db)}

    @property
    def store(self) -> warehouses.Warehouse:
        """The destination."""
        return warehouses.warehouse(self.destination, self.state_dir)

    @property
    def flow(self) -> dlt.Pipeline:
        """The pipeline of the one account."""
        return pipeline(self.store, "main", self.state_dir)


TYPES = {
    "character varying": "VARCHAR",
    "jsonb": "JSON",
    "timestamp with time zone": "TIMESTAMPTZ",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ",
    "time without time zone": "TIME",
}
"""Types that a database names in its own way."""


@contextmanager
def connected(place: str | Path, **how: Any) -> Iterator[Any]:
    """What takes SQL: a DuckDB file, or Postgres at a URL. Time is in UTC, JSON a text."""
    if isinstance(place, Path):
        with duckdb.connect(str(place), **how) as db:
            db.execute("SET TimeZone = 'UTC'")
            yield db
        return
    with closing(psycopg2.connect(place)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        register_default_jsonb(connection, loads=str)
        cursor.execute("SET TIME ZONE 'UTC'")
        yield cursor


def fetched(db: Any, sql: str) -> list[dict[str, Any]]:
    """Rows by their columns' names. In either database, `FROM` alone selects all."""
    db.execute(f"SELECT * {sql}" if sql.startswith("FROM") else sql)
    names = [column[0] for column in db.description or ()]
    return [dict(zip(names, row, strict=True)) for row in db.fetchall()]


def tables(db: Any) -> dict[str, dict[str, str]]:
    """Every table of the dataset: column → type, as the catalogue names it."""
    found: dict[str, dict[str, str]] = {}
    for row in fetched(
        db,
        "SELECT table_name, column_name, data_type, numeric_precision, numeric_scale "
        "FROM information_schema.columns WHERE table_schema = 'cliniko' ORDER BY ordinal_position",
    ):
        table, column, kind, *size = row.values()
        if kind == "numeric":
            kind = f"DECIMAL({size[0]},{size[1]})"
        found.setdefault(table, {})[column] = TYPES.get(kind, kind.upper())
    return found
