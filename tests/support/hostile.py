"""The way of an answer: its bytes, typed tables, DuckDB. Whatever comes, it has to end well."""

import functools
import re
from collections.abc import Callable
from datetime import datetime

import duckdb
import httpx

from cliniko.api.client import Client
from cliniko.api.rate_limiter import RateLimiter
from cliniko.endpoints import ENDPOINTS
from cliniko.errors import ClinikoError
from cliniko.extract.batches import Batch
from cliniko.extract.load_package import LoadPackage
from cliniko.pagination.walk import ListReader, Page
from cliniko.settings import ClinikoSettings
from cliniko.transform.privacy import Rules
from cliniko.transform.types import ARROW

SALT = "0123456789abcdef0123456789abcdef"
PROFILES = (Rules(), Rules("pseudonymous", salt=SALT))
NAMES = ("patients", "attendees", "treatment_notes", "invoices", "settings", "services")
PLAIN = re.compile(r"[a-z0-9_]{1,63}")
MOST = 60  # requests until a walk has to end, when every answer is the same
SETTINGS = ClinikoSettings(
    api_key="MS0xLWtleQ-au1",
    contact_email="fuzz@example.com",
    base_url="http://127.0.0.1/v1",
    requests_per_minute=1_000_000,
    max_attempts=2,
    max_answer_bytes=2**20,
)


def swallow(body: bytes, name: str, rules: Rules = PROFILES[0]) -> int:
    """Take the same answer to every request as a list; how many rows it became.

    Raises nothing but AssertionError, if something came out that must not.
    """
    endpoint = ENDPOINTS[name]
    pages: list[Page] = []
    with _client(body) as client:
        walk = ListReader(client, endpoint, endpoint.paths[0])
        try:
            for page in walk.pages():
                pages.append(page)
                if len(pages) > MOST:
                    break
        except ClinikoError:
            pass  # said in words; what was read before is kept
    rows = 0
    for page in pages[:4]:
        package = LoadPackage(endpoint, "main", "run", {}, rules)
        rejected = package.add(page)
        assert all(PLAIN.fullmatch(one.field.rpartition(".")[2]) or one.id for one in rejected)
        for batch in package.batches(least=0):
            rows += stored(batch, package)
    return rows


def stored(batch: Batch, package: LoadPackage) -> int:
    """Put rows into DuckDB as a table, and see that it is the one that is described."""
    table, name = batch.rows, batch.table.name
    described = {column.name: column for column in package.tables[name].columns}
    for column in table.column_names:
        assert PLAIN.fullmatch(column), column
        assert column in described or not re.match(r"_\D", column), column
        if column in described:
            kind = table.schema.field(column).type
            assert kind == ARROW[described[column].kind], column
    if package._treatment.known:
        assert set(table.column_names) <= described.keys()
    with _database().cursor() as db:
        db.register("rows", table)
        db.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS SELECT * FROM rows')
        counted = db.execute(f'SELECT count(*) FROM "{name}"').fetchall()[0][0]
    assert counted == table.num_rows
    return int(counted)


@functools.cache
def _database() -> duckdb.DuckDBPyConnection:
    """One for all tables: to open one takes longer than to fill it."""
    return duckdb.connect()


def _client(body: bytes) -> Client:
    """A client whose every answer is the same; it never sleeps."""
    asked = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        assert asked <= MOST, "the walk does not end"
        return httpx.Response(200, content=body)

    nothing: Callable[[float], object] = lambda seconds: None  # noqa: E731
    return Client(
        SETTINGS,
        throttle=RateLimiter(1_000_000, sleep=nothing),
        transport=httpx.MockTransport(answer),
        sleep=nothing,
    )


def fields(name: str) -> list[str]:
    """Every field of a list's records that the description speaks of."""
    endpoint = ENDPOINTS[name]
    own = [field.name.partition("__")[0] for field in endpoint.columns]
    links = [link.name for link in endpoint.links]
    inner = [children.steps[0] for children in endpoint.children]
    return sorted({*own, *links, *inner, *endpoint.many})


def when() -> str:
    """A time as Cliniko writes it."""
    return datetime(2026, 6, 1).isoformat() + "Z"
