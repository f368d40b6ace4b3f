"""What a user of Postgres lacks to load a dataset."""

from typing import Any

from cliniko.errors import Unavailable

SCHEMAS = "(VALUES (%(dataset)s), (%(dataset)s || '_staging')) AS wanted (name)"
LACKS = f"""
SELECT format('the server is read-only') WHERE current_setting('transaction_read_only') = 'on'
UNION ALL
SELECT format('%%I may not make the schema %%I: GRANT CREATE ON DATABASE %%I TO %%I',
              current_user, name, current_database(), current_user)
FROM {SCHEMAS}
WHERE to_regnamespace(quote_ident(name)) IS NULL
  AND NOT has_database_privilege(current_database(), 'CREATE')
UNION ALL
SELECT format('%%I may not make tables in the schema %%I: GRANT ALL ON SCHEMA %%I TO %%I',
              current_user, name, name, current_user)
FROM {SCHEMAS}
WHERE to_regnamespace(quote_ident(name)) IS NOT NULL
  AND NOT (has_schema_privilege(to_regnamespace(quote_ident(name)), 'CREATE')
           AND has_schema_privilege(to_regnamespace(quote_ident(name)), 'USAGE'))
UNION ALL
SELECT format('%%I does not own the table %%s, and only an owner may add a column or a key',
              current_user, min(oid::regclass::text))
FROM pg_class
WHERE relkind = 'r' AND NOT pg_has_role(relowner, 'USAGE')
  AND relnamespace IN (SELECT to_regnamespace(quote_ident(name)) FROM {SCHEMAS})
HAVING count(*) > 0
"""
"""A row for each right, with the line that grants it."""


ROOM = """
SELECT least(
         nullif(r.rolconnlimit, -1) - count(*) FILTER (WHERE a.usename = current_user),
         nullif(d.datconnlimit, -1) - count(*) FILTER (WHERE a.datname = current_database()),
         current_setting('max_connections')::int
           - current_setting('superuser_reserved_connections')::int
           - coalesce(current_setting('reserved_connections', true), '0')::int - count(*)
       ),
       current_user, nullif(r.rolconnlimit, -1)
FROM pg_roles r CROSS JOIN pg_database d CROSS JOIN pg_stat_activity a
WHERE r.rolname = current_user AND d.datname = current_database()
  AND a.backend_type = 'client backend'
GROUP BY r.rolconnlimit, d.datconnlimit
"""
"""How many connections more the user may have, and the user's own limit."""


def spare(cursor: Any, needed: int) -> int:
    """How many connections more the user may have now. Raises Unavailable if these are too few."""
    cursor.execute(ROOM)
    [(more, user, limit)] = cursor.fetchall()
    if more < needed:
        allowed = f"it may have {limit} at once" if limit is not None else "the server is full"
        raise Unavailable(
            f"postgres: {user} can have {max(more, 0)} connections besides this one, and a run "
            f"needs {needed}: {allowed}; ALTER ROLE {user} CONNECTION LIMIT {needed + 1} or more, "
            "or end other sessions"
        )
    return int(more)


def lacking(cursor: Any, dataset: str) -> list[str]:
    """What the user may not do there and has to, in words, with what to do about it."""
    cursor.execute(LACKS, {"dataset": dataset})
    return [row[0] for row in cursor.fetchall()]
