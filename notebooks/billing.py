"""Figures of invoices: what was billed, by whom, for what, and what is open."""

from typing import Any

import duckdb
import pyarrow as pa

from cliniko_warehouse.notebooks.filters import (
    MINE,
    Selection,
    row,
    rows,
)

SHOWN = 10  # names in a list; the rest is one bar

BILLED = f"issue_date BETWEEN $first AND $last AND {MINE}"

REVENUE = f"SELECT sum(net_amount) AS net FROM marts.fct_invoices WHERE {BILLED}"

BY_PRACTITIONER = f"""
SELECT coalesce(practitioner_name, 'no practitioner') AS name,
       CAST(sum(net_amount) AS DOUBLE)                AS amount
FROM marts.fct_invoices WHERE {BILLED}
GROUP BY ALL ORDER BY amount DESC, name"""

BY_SERVICE = f"""
WITH billed AS (
    SELECT coalesce(item_name, 'no name') AS name, CAST(sum(net_amount) AS DOUBLE) AS amount
    FROM marts.fct_invoice_items WHERE {BILLED}
    GROUP BY ALL
), ranked AS (
    SELECT *, row_number() OVER (ORDER BY amount DESC, name) AS place FROM billed
)
SELECT if(place <= $shown, name, 'all other lines') AS name, sum(amount) AS amount
FROM ranked GROUP BY ALL ORDER BY min(place)"""

OPEN = f"""
SELECT age AS name, CAST(sum(open_gross_amount) AS DOUBLE) AS amount, count(*) AS invoices
FROM marts.mart_open_invoices
WHERE NOT is_credit AND {MINE}
GROUP BY ALL ORDER BY min(days_open)"""

OPEN_TOTAL = f"""
SELECT coalesce(sum(open_gross_amount) FILTER (NOT is_credit), 0) AS owed,
       coalesce(sum(open_gross_amount) FILTER (is_credit), 0)     AS credited,
       count(*) FILTER (NOT is_credit)                            AS invoices
FROM marts.mart_open_invoices WHERE {MINE}"""


def revenue(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> Any:
    """What was billed without tax, credit notes taken off; None if nothing was."""
    return row(connection, REVENUE, chosen)["net"]


def by_practitioner(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> pa.Table:
    """Net revenue by practitioner."""
    return rows(connection, BY_PRACTITIONER, chosen)


def by_service(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> pa.Table:
    """Net revenue by what was billed; beyond the first ten, as one."""
    return rows(connection, BY_SERVICE, chosen, shown=SHOWN)


def open_by_age(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> pa.Table:
    """Open invoices by age, whenever they were issued; credits are left out."""
    return rows(connection, OPEN, chosen)


def open_total(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> dict[str, Any]:
    """What open invoices and open credits add up to."""
    return row(connection, OPEN_TOTAL, chosen)
