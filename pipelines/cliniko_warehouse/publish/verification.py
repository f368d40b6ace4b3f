"""The published file against the working file, read as any reader reads it."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import duckdb

from cliniko_warehouse.paths import (
    MARTS,
    marts_folder,
    published,
    restored,
    work,
    work_file,
)
from cliniko_warehouse.publish.content_hash import (
    Columns,
    Content,
    contents,
    stamps,
    tables,
)
from cliniko_warehouse.warehouse.duckdb_file import quoted

LOADED, PUBLISHED = "loaded", "published"
WEEK = timedelta(days=6.5)  # nights do not begin to the minute

Kind = Literal["missing", "extra", "value"]

WORDS: dict[Kind, str] = {
    "missing": "rows are missing",
    "extra": "rows too many",
    "value": "other values",
}


@dataclass(frozen=True)
class Difference:
    """Where one side is not what the other says; never a value of a row.

    table:   of another schema than the account's, with that schema
    id:      the row's; of a list inside a record, the record's; None for the whole table
    column:  None for the whole row
    kind:    missing or extra, on the side that is verified; or another value
    """

    table: str
    kind: Kind
    id: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        return f"{self.table} ({WORDS[self.kind]})"


@dataclass(frozen=True)
class Record:
    """What was published last, once it was verified.

    engine:  the version of DuckDB; another one has other hashes
    file:    what tells whether somebody has written into the published file
    source:  what tells the working file from one that was made anew
    whole:   when all tables were last hashed, ISO 8601
    tables:  table → columns, stamps and content
    """

    engine: str
    file: list[int]
    source: list[int]
    whole: str
    tables: dict[str, list[str]]


def verify_published(state_dir: Path, target: Path, *, whole: bool = False) -> list[Difference]:
    """Compare what readers see with what was loaded; empty if they are equal.

    Tables that have changed since the last time are hashed, of the others rows and stamps
    are compared; once a week, or if `whole`, all are hashed. Nobody may have the working
    file open.
    """
    last = _last(state_dir)
    source = work_file(state_dir)
    now = datetime.now(UTC)
    whole = whole or last is None or last.engine != duckdb.__version__ or _is_due(last, now)
    whole = whole or is_restored(state_dir) or (last is not None and last.source != _made(source))
    marts = _marts_stamp(state_dir)
    with both(source, target) as connection:
        here, there = tables(connection, LOADED, PUBLISHED)
        differences = _tables(here, there)
        alike = {name: columns for name, columns in here.items() if there.get(name) == columns}
        stamped = {name: some for name, columns in alike.items() if (some := stamps(columns))}
        ours, theirs = (contents(connection, side, stamped) for side in (LOADED, PUBLISHED))
        differences += _differ(ours, theirs)
        found: dict[str, list[str]] = {}
        for name, columns in alike.items():
            found[name] = [_text(columns), _stamp(name, ours.get(name), marts), ""]
        known = {} if whole or not last else last.tables
        same = {n for n, f in found.items() if f[1] and known.get(n, [])[:2] == f[:2]}
        changed = {name: columns for name, columns in alike.items() if name not in same}
        ours, theirs = (contents(connection, side, changed) for side in (LOADED, PUBLISHED))
        differences += _differ(ours, theirs)
    if not differences:
        for name in alike:
            found[name][2] = known[name][2] if name in same else _text(ours[name])
        since = last.whole if last and not whole else now.isoformat()
        record = Record(duckdb.__version__, identity(target), _made(source), since, found)
        _file(state_dir).write_text(json.dumps(asdict(record)))
        restored(state_dir).unlink(missing_ok=True)
    return list(dict.fromkeys(differences))


def changed_by_others(state_dir: Path) -> list[str]:
    """The tables of the published file that are not what was published, if that can be told.

    The file is read only where it was written to since.
    """
    file, last = published(state_dir), _last(state_dir)
    if not last or not file.exists() or last.engine != duckdb.__version__:
        return []
    if identity(file) == last.file:
        return []
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{quoted(file)}' AS {PUBLISHED} (READ_ONLY)")
        [there] = tables(connection, PUBLISHED)
        found = contents(connection, PUBLISHED, there)
    now = {name: [_text(columns), _text(found[name])] for name, columns in there.items()}
    then = {name: [known[0], known[2]] for name, known in last.tables.items()}
    return sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name))


def is_restored(state_dir: Path) -> bool:
    """Whether the working file was restored since the last night that was published.

    A file of its own says so: a new file may get the number of the one that was deleted.
    """
    return restored(state_dir).exists()


@contextmanager
def both(source: Path, target: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The two files in one connection, as readers open them.

    A connection of their own: within a process, DuckDB would give a file that is open
    already once more, though another one has its name now.
    """
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{quoted(source)}' AS {LOADED} (READ_ONLY)")
        connection.execute(f"ATTACH '{quoted(target)}' AS {PUBLISHED} (READ_ONLY)")
        yield connection


def identity(file: Path) -> list[int]:
    """What changes whenever a file is written or replaced."""
    status = file.stat()
    return [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns]


def _tables(here: Mapping[str, Columns], there: Mapping[str, Columns]) -> list[Difference]:
    """Tables that only one side has, or that have other columns."""
    found = [Difference(shown(name), "missing") for name in here.keys() - there.keys()]
    found += [Difference(shown(name), "extra") for name in there.keys() - here.keys()]
    for name in here.keys() & there.keys():
        if here[name] != there[name]:
            found.append(Difference(shown(name), "value"))
    return sorted(found, key=str)


def _differ(here: Mapping[str, Content], there: Mapping[str, Content]) -> list[Difference]:
    """Tables whose rows are others."""
    found: list[Difference] = []
    for name, content in here.items():
        if content != there[name]:
            fewer, more = there[name].rows < content.rows, there[name].rows > content.rows
            kind: Kind = "missing" if fewer else "extra" if more else "value"
            found.append(Difference(shown(name), kind))
    return found


def shown(table: str) -> str:
    """A table as it is told: those of the account without their schema."""
    schema, _, name = table.partition(".")
    return table if schema == MARTS else name


def _stamp(table: str, content: Content | None, marts: str) -> str:
    """What tells whether a table has changed; empty if nothing does."""
    if content:
        return _text(content)
    return marts if table.startswith(f"{MARTS}.") else ""


def _marts_stamp(state_dir: Path) -> str:
    """What the marts that are there were made of; empty if that is not known."""
    try:
        return _text((marts_folder(state_dir, "duckdb") / "built.json").read_text())
    except OSError:
        return ""


def _text(value: Any) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:32]


def _made(file: Path) -> list[int]:
    status = file.stat()
    return [status.st_dev, status.st_ino]


def _is_due(last: Record, now: datetime) -> bool:
    since = datetime.fromisoformat(last.whole)
    return not since <= now < since + WEEK  # a clock that went back counts too


def _file(state_dir: Path) -> Path:
    return work(state_dir) / "published.json"


def _last(state_dir: Path) -> Record | None:
    """What was verified last; None if that cannot be read."""
    try:
        return Record(**json.loads(_file(state_dir).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def in_words(differences: Sequence[Difference], most: int = 3) -> str:
    """Which tables differ, and how, in one line."""
    named = list(dict.fromkeys(map(str, differences)))
    more = f" and {len(named) - most} more" if len(named) > most else ""
    return ", ".join(named[:most]) + more
