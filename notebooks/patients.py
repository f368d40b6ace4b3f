"""Figures of patients: who came for the first time, who came back."""

from datetime import date

import duckdb
import pyarrow as pa

from cliniko_warehouse.notebooks.filters import (
    ACCOUNT,
    MINE,
    STARTS,
    Selection,
    rows,
)

COHORTS_SHOWN = 12  # months of first visits, and months after

VISITORS = f"""
WITH seen AS (
    SELECT {STARTS}, _account, patient_id,
           bool_or(is_first_visit) AS is_new
    FROM marts.fct_appointments
    WHERE status = 'completed' AND local_date BETWEEN $first AND $last AND {MINE}
    GROUP BY ALL
)
SELECT starts_on, said, if(is_new, 'New', 'Returning') AS kind, if(is_new, 1, 2) AS rank,
       count(*) AS patients
FROM seen GROUP BY ALL ORDER BY ALL"""

COHORTS = f"""
SELECT strftime(cohort_month, '%Y-%m-%d')            AS cohort,
       strftime(cohort_month, '%B %Y')               AS said,
       months_since                                  AS months,
       CAST(sum(retained_patients) AS BIGINT)        AS patients,
       CAST(sum(cohort_patients) AS BIGINT)          AS cohort_size,
       sum(retained_patients) / sum(cohort_patients) AS share
FROM marts.mart_patient_cohorts
WHERE {ACCOUNT} AND cohort_month >= date_trunc('month', $today) - to_months($shown)
  AND months_since BETWEEN 1 AND $shown
GROUP BY ALL ORDER BY ALL"""


def visitors(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> pa.Table:
    """Patients with a completed visit, new and returning, over time."""
    return rows(connection, VISITORS, chosen)


def cohorts(connection: duckdb.DuckDBPyConnection, chosen: Selection, today: date) -> pa.Table:
    """Of each month's new patients, the share that came in each month after; all businesses."""
    return rows(connection, COHORTS, chosen, today=today, shown=COHORTS_SHOWN)
