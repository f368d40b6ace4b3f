"""The least that a load can cost: download every page, one `read_json`, a merge by key.

No retry, no drift, no comparison, no copy for readers: a floor to stand on, not a program
to use. With `equal` it makes the columns that we make.
"""

import json
from pathlib import Path
from typing import Any

import duckdb
import httpx

HEADERS = {"User-Agent": "floor (bench@example.com)", "Accept": "application/json"}
PAGES = Path("pages.json")
NEWEST = "SELECT strftime(max(updated_at) AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ') FROM {}"


def main() -> None:
    """One run, the first or a later one."""
    given = json.loads(Path("options.json").read_text())
    name = given["list"]
    columns = [c for c in given["columns"] if given.get("equal") or not c["nested"]]
    with duckdb.connect("out.duckdb") as db:
        made = db.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = $1", [name]).fetchall()
        since = db.execute(NEWEST.format(name)).fetchall() if made else []
        download(given["url"], name, since[0][0] if since else None)
        if not made:
            db.execute(f"CREATE TABLE {name} AS {rows(name, columns)}")
            return
        db.execute(f"CREATE TEMP TABLE fresh AS {rows(name, columns)}")
        db.execute(f"DELETE FROM {name} USING fresh WHERE {name}.id = fresh.id")
        db.execute(f"INSERT INTO {name} FROM fresh")


def download(url: str, name: str, since: str | None) -> None:
    """Every page of what changed, a line each."""
    filters = ["archived_at:*", "cancelled_at:*", "deleted_at:*"]
    if since is not None:
        filters.append(f"updated_at:>={since}")
    params: dict[str, Any] = {"per_page": "100", "sort": "updated_at:asc", "q[]": filters}
    with httpx.Client(auth=("bench", ""), headers=HEADERS) as client, PAGES.open("wb") as out:
        more, number = True, 1
        while more:
            answer = client.get(f"{url}/{name}", params=params | {"page": str(number)})
            out.write(answer.raise_for_status().content + b"\n")
            more, number = b'"next"' in answer.content[-500:], number + 1


def rows(name: str, columns: list[dict[str, Any]]) -> str:
    """The query that reads the pages."""
    fields: dict[str, str] = {}
    for column in columns:
        first, *inner = column["path"]
        kind = "VARCHAR" if column["link"] else column["type"]
        for part in reversed(inner):
            kind = f'STRUCT("{part}" {kind})'
        if first in fields and inner:  # two columns of one object
            kind = f"{fields[first][:-1]}, {kind.removeprefix('STRUCT(')}"
        fields[first] = kind
    struct = ", ".join(f'"{field}" {kind}' for field, kind in fields.items())
    return (
        f"SELECT {', '.join(map(value, columns))} FROM (SELECT unnest({name}) AS r FROM read_json("
        f"'{PAGES}', format = 'newline_delimited', maximum_object_size = 67108864, "
        f"columns = {{'{name}': 'STRUCT({struct})[]'}}))"
    )


def value(column: dict[str, Any]) -> str:
    """How a column is got out of a record; of a link, the number at its end."""
    place = ".".join(f'"{part}"' for part in ("r", *column["path"]))
    if column["link"]:
        place = f"CAST(regexp_extract({place}, '[0-9]+$') AS BIGINT)"
    return f'{place} AS "{column["name"]}"'


if __name__ == "__main__":
    main()
