"""An account in which every text is a marker that is nowhere else, and a search for them.

A marker says the class of the field that it stands in. The search reads files as bytes,
and what is packed (DuckDB's blocks, parquet, gzip) unpacked as well.
"""

import gzip
import itertools
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as parquet
from harness import connected, fetched

from cliniko.endpoints import ENDPOINTS
from cliniko.endpoints.spec import Endpoint, Field
from cliniko_warehouse.sandbox import Account

TEXTS = ("text", "any", "json")
FIRST = 10_000_000
_numbers = itertools.count(FIRST)


def numbers_again() -> None:
    """Begin with the first number: clinics of two tests, seeded alike, are equal to the letter."""
    global _numbers
    _numbers = itertools.count(FIRST)


def marker(what: str) -> str:
    """A text that is nowhere else."""
    return f"MARK-{what}-{next(_numbers)}"


def seed(account: Account, *names: str, beyond: bool = True) -> None:
    """Make every text of the lists a marker; with fields beyond the description too."""
    for name in names:
        endpoint = ENDPOINTS[name]
        for record in list(account.rows(name)):
            account.put(name, marked(endpoint, record, beyond=beyond))


def marked(endpoint: Endpoint, record: dict[str, Any], *, beyond: bool = True) -> dict[str, Any]:
    """The record with a marker in every text."""
    record = dict(record)
    for field in endpoint.fields:
        if field.kind in TEXTS:
            step, _, name = field.name.partition("__")
            if name:
                inner = record.get(step)
                record[step] = (dict(inner) if isinstance(inner, dict) else {}) | {
                    name: value(field)
                }
            else:
                record[step] = value(field)
    for children in endpoint.children:
        if children.link:
            continue
        own = [f for f in children.fields if not f.source]
        element = {f.name: value(f) for f in own if f.kind in TEXTS}
        if beyond and not children.path:
            element["surprise"] = marker("unknown")
        if not children.path:
            record[children.name] = [element, dict(element)]
            continue
        around = {f.source.rpartition(".")[2]: value(f) for f in children.fields if f.source}
        top, _, inner = children.path
        record[top] = {"sections": [around | {inner: [element]}]}
    if beyond:
        record["surprise"] = marker("unknown")
        record["surprises"] = {"deep": [{"deeper": marker("unknown")}]}
    return record


def value(field: Field) -> Any:
    """A marker of the field's class, in the field's shape."""
    text = marker(field.privacy if field.reveals != "words" else "words")
    return text if field.kind != "json" else [text] if field.array else {"what": text}


def everything(*places: Path | str) -> Iterator[tuple[Path, bytes]]:
    """All that is in the files, as it lies there and unpacked, and in databases at URLs."""
    for folder in places:
        if isinstance(folder, str):
            yield from ((Path("postgres"), rows) for rows in served(folder))
            continue
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            content = path.read_bytes()
            yield path, content
            if path.suffix == ".gz":
                yield path, gzip.decompress(content)
            # A run that is killed may leave one without its end, which nothing can unpack.
            if path.suffix == ".parquet" and content.endswith(b"PAR1"):
                yield path, json.dumps(parquet.read_table(path).to_pylist(), default=str).encode()
            if path.suffix == ".duckdb":
                yield from ((path, rows) for rows in stored(path))


def stored(file: Path) -> Iterator[bytes]:
    """Every row of every table of a DuckDB file, in all its schemas, and every comment."""
    with duckdb.connect(str(file)) as db:
        tables = db.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        for schema, table in tables:
            rows = db.execute(f'SELECT CAST(t AS VARCHAR) FROM "{schema}"."{table}" t').fetchall()
            yield "\n".join(row for (row,) in rows).encode()
        yield str(db.execute("SELECT comment FROM duckdb_columns()").fetchall()).encode()


def served(url: str) -> Iterator[bytes]:
    """Every row of every table of a Postgres database."""
    with connected(url) as db:
        named = fetched(
            db,
            "SELECT table_schema AS schema, table_name AS name FROM information_schema.tables "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema')",
        )
        for table in named:
            rows = fetched(db, 'SELECT t::text AS line FROM "{schema}"."{name}" t'.format(**table))
            yield "\n".join(row["line"] for row in rows).encode()


def found(whats: Collection[str], *folders: Path | str) -> set[str]:
    """Of these classes of markers, those that are anywhere, with the file's name."""
    return {
        f"{what} in {path.name}"
        for path, content in everything(*folders)
        for what in whats
        if f"MARK-{what}".encode() in content
    }
