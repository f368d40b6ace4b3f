"""`count.py FILE TABLE SINCE`: rows, different ids, and rows changed since, as JSON."""

import json
import sys

import duckdb


def main() -> None:
    """Look into whatever schema the table is in."""
    file, table, since = sys.argv[1:]
    with duckdb.connect(file, read_only=True) as db:
        schemas = db.execute(
            "SELECT schema_name FROM duckdb_tables() WHERE table_name = $1 AND NOT contains("
            "schema_name, 'staging')",
            [table],
        ).fetchall()
        [[schema]] = schemas
        found = db.execute(
            f"SELECT count(*), count(DISTINCT id), count(*) FILTER (strftime("
            f"updated_at::TIMESTAMP, '%Y-%m-%dT%H:%M:%SZ') >= $1) FROM {schema}.{table}",
            [since],
        ).fetchall()
    print(json.dumps(dict(zip(("rows", "distinct", "changed"), found[0], strict=True))))


if __name__ == "__main__":
    main()
