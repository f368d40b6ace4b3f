"""What each mart and column means, as the project's descriptions say it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from cliniko_warehouse.marts.project import DEFINITIONS, PROJECT
from cliniko_warehouse.paths import MARTS

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the first needs libyaml
FILES = ("models/marts/*.yml", "snapshots/*.yml")
THERE = {
    "duckdb": "SELECT table_name, column_name, comment FROM duckdb_columns() "
    f"WHERE schema_name = '{MARTS}' UNION ALL "
    f"SELECT table_name, NULL, comment FROM duckdb_tables() WHERE schema_name = '{MARTS}'",
    "postgres": "SELECT c.relname, a.attname, col_description(c.oid, a.attnum) FROM pg_class c "
    "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
    f"WHERE c.relnamespace = '{MARTS}'::regnamespace AND c.relkind = 'r' UNION ALL "
    "SELECT relname, NULL, obj_description(oid) FROM pg_class "
    f"WHERE relnamespace = '{MARTS}'::regnamespace AND relkind = 'r'",
}
"""By destination: the marts and columns there, with the comments that they have."""


@dataclass(frozen=True)
class MartColumn:
    """A column of a mart.

    privacy:  whom the value is about, as in the catalogue
    kpi:      the heading in definitions.md of what it holds; empty for none
    unit:     what a value is a number of, or how it is to be read
    cliniko:  what Cliniko shows it as, or none
    """

    name: str
    kind: str
    meaning: str
    privacy: str
    kpi: str
    unit: str
    cliniko: str


@dataclass(frozen=True)
class Mart:
    """A table that analysts use."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[MartColumn, ...]


@cache
def marts() -> tuple[Mart, ...]:
    """Every mart, in the order of the project; read once."""
    return tuple(
        _mart(described)
        for pattern in FILES
        for file in sorted(PROJECT.glob(pattern))
        for described in _described(file)
    )


def _described(file: Path) -> Sequence[Mapping[str, Any]]:
    found = parsed(file)
    return [*found.get("models", ()), *found.get("snapshots", ())]


def parsed(file: Path) -> Any:
    """What a file of the project says; libyaml reads it in a tenth of the time."""
    return yaml.load(file.read_text(), Loader=LOADER)


def _mart(described: Mapping[str, Any]) -> Mart:
    columns = tuple(_column(one) for one in described["columns"])
    key = tuple(described["config"]["meta"]["key"])
    return Mart(described["name"], described["description"], key, columns)


def _column(described: Mapping[str, Any]) -> MartColumn:
    meta = described.get("config", {}).get("meta", {})
    name, kind, kpi = described["name"], described["data_type"], meta.get("kpi", "")
    return MartColumn(
        name,
        kind,
        described["description"],
        meta.get("privacy", "none"),
        kpi,
        meta.get("unit") or unit(name, kind),
        meta.get("cliniko") or counterparts().get(kpi, "none"),
    )


UNITS = (
    ("varchar", r"", "text"),
    ("boolean", r"", "yes or no"),
    ("timestamptz", r"", "moment, UTC"),
    ("timestamp", r"", "moment, local"),
    ("time", r"", "time of day, local"),
    ("date", r"", "day"),
    ("decimal(18,2)", r"", "money of the account"),
    ("decimal(18,3)", r"", "pieces"),
    ("double", r"_per_\w*hour$", "money of the account an hour"),
    ("", r"(^|_)id$", "number of a record"),
    ("", r"(^|_)minutes(_|$)", "minutes"),
    ("", r"(^|_)hours(_|$)", "hours"),
    ("", r"(^|_)days(_|$)", "days"),
    ("double", r"(_rate|^utilisation|_rate_of_\w+|_share)$", "share: 1 is all"),
    ("bigint", r"", "count"),
    ("integer", r"", "count"),
)
"""Type, a part of the name, and the unit that both give; the first that fits."""


def unit(name: str, kind: str) -> str:
    """The unit of a column, by the names that units have here; empty for none."""
    return next((said for t, part, said in UNITS if t in ("", kind) and re.search(part, name)), "")


@cache
def counterparts() -> Mapping[str, str]:
    """Figure → what Cliniko shows it as, as definitions.md says."""
    return dict(
        re.findall(r"^## (\w+)$.*?^Cliniko: ([^.;]+)", DEFINITIONS.read_text("utf-8"), re.M | re.S)
    )


def comment(client: Any, destination: str) -> int:
    """Write the meanings into the database where it lacks them; how many that were."""
    there = {(t, c): said for t, c, said in client.execute_sql(THERE[destination]) or ()}
    lacking = [(place, said) for place, said in _all() if place in there and there[place] != said]
    with client.begin_transaction():
        for (table, column), said in lacking:
            place = f"COLUMN {MARTS}.{table}.{column}" if column else f"TABLE {MARTS}.{table}"
            text = said.replace("'", "''")
            client.execute_sql(f"COMMENT ON {place} IS '{text}'")
    return len(lacking)


def _all() -> Iterator[tuple[tuple[str, str | None], str]]:
    for mart in marts():
        yield (mart.name, None), mart.meaning
        for column in mart.columns:
            yield (mart.name, column.name), column.meaning
