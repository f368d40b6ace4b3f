"""The least that a first load can cost: download every page, then one `read_json`.

`python benchmarks/floor.py URL LIST FILE`: no keys, no cursor, no merge, no second night.
"""

import sys
from pathlib import Path

import duckdb
import httpx

from sources.cliniko import catalogue
from sources.cliniko.endpoints import ENDPOINTS
from sources.cliniko.values import SQL


def main() -> None:
    """Load one list into a typed table of its own fields."""
    url, name, file = sys.argv[1:]
    endpoint = ENDPOINTS[name]
    pages = Path(file).with_suffix(".json")
    params = {"per_page": "100", "q[]": [f"{mark}:*" for mark in endpoint.hidden]}
    headers = {"User-Agent": "floor (bench@example.com)", "Accept": "application/json"}
    with httpx.Client(auth=("sandbox-au1", ""), headers=headers) as client, pages.open("wb") as out:
        number = 1
        while True:
            body = client.get(f"{url}/{name}", params=params | {"page": str(number)}).content
            out.write(body + b"\n")
            if b'"next"' not in body[-500:]:
                break
            number += 1
    [table, *_] = catalogue.tables(endpoint)
    plain = [c for c in table.columns if "__" not in c.name and c.name[0] != "_" and not c.leads_to]
    fields = ", ".join(f'"{c.name}" {SQL[c.kind]}' for c in plain)
    with duckdb.connect(file) as db:
        db.execute(
            f"CREATE TABLE {name} AS SELECT unnest({name}, max_depth := 2) FROM read_json("
            f"'{pages}', format = 'newline_delimited', maximum_object_size = 67108864, "
            f"columns = {{'{name}': 'STRUCT({fields})[]'}})"
        )
        print(db.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0])


if __name__ == "__main__":
    main()
