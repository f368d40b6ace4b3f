"""Primary keys and indexes in Postgres, which dlt does not make."""

from collections.abc import Collection, Iterator
from hashlib import blake2b

import dlt

from cliniko.endpoints.schema import Table
from cliniko_warehouse.postgres.session import lock_timeout
from cliniko_warehouse.publish.comments import tables
from cliniko_warehouse.warehouse.connection import connected

LONGEST = 63  # bytes of a name that Postgres keeps
WAIT = 10.0  # seconds for readers of a table; what cannot be made now is made next time

COLUMNS = """
SELECT relname, attname FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid
WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
"""
INDEXED = """
SELECT t.relname, i.indisprimary, array_agg(a.attname::text ORDER BY k.place)
FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
WHERE t.relnamespace = to_regnamespace(%s) AND i.indisvalid AND i.indpred IS NULL
GROUP BY i.indexrelid, t.relname, i.indisprimary
"""

Columns = tuple[str, ...]


def index(pipeline: dlt.Pipeline) -> int:
    """Make the keys and indexes that are missing; how many that were.

    The primary key is what tells two rows apart; every link to another table has an
    index on account and id. An index that begins with these columns counts, whoever made it.
    """
    with connected(pipeline) as client:
        dataset = client.fully_qualified_dataset_name()
        there: dict[str, set[str]] = {}
        for table, column in client.execute_sql(COLUMNS, dataset) or ():
            there.setdefault(table, set()).add(column)
        made: dict[str, set[tuple[bool, Columns]]] = {}
        for table, primary, columns in client.execute_sql(INDEXED, dataset) or ():
            made.setdefault(table, set()).add((primary, tuple(columns)))
        statements = [
            statement.format(table=client.make_qualified_table_name(table.name))
            for table in tables()
            for statement in _missing(table, there.get(table.name, ()), made.get(table.name, ()))
        ]
        wait = min(WAIT, lock_timeout())
        for statement in statements:
            with client.begin_transaction():
                client.execute_sql(f"SET LOCAL lock_timeout = {round(wait * 1000)}")
                client.execute_sql(statement)
    return len(statements)


def _missing(
    table: Table, there: Collection[str], made: Collection[tuple[bool, Columns]]
) -> Iterator[str]:
    """The statements that make what a table lacks, of what its columns allow."""
    if table.primary and there and not any(primary for primary, _ in made):
        yield f"ALTER TABLE {{table}} ADD PRIMARY KEY ({_quoted(table.primary)})"
    links = [column.name for column in table.columns if column.leads_to]
    for columns in (("_account", link) for link in links if link in there):
        if not any(known[: len(columns)] == columns for _, known in made):
            name = _name(table.name, columns[-1])
            yield f'CREATE INDEX IF NOT EXISTS "{name}" ON {{table}} ({_quoted(columns)})'


def _quoted(columns: Columns) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _name(table: str, column: str) -> str:
    """The name of an index; one that would be cut ends in a hash."""
    name = f"{table}_{column}_idx"
    if len(name) <= LONGEST:
        return name
    mark = blake2b(name.encode(), digest_size=4).hexdigest()
    return f"{name[: LONGEST - len(mark) - 1]}_{mark}"
