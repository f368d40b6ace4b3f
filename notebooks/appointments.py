"""Figures of appointments: how they ended, why not, how full the week was."""

from datetime import date, datetime
from typing import Any

import duckdb
import pyarrow as pa

from cliniko_warehouse.notebooks.filters import (
    MINE,
    STARTS,
    Selection,
    row,
    rows,
)

IN_PERIOD = f"local_date BETWEEN $first AND $last AND {MINE}"

SETTLED = "count(*) FILTER (status IN ('completed', 'did_not_arrive', 'cancelled'))"

TODAY = f"""
SELECT count(*) FILTER (status <> 'cancelled')      AS appointments,
       count(*) FILTER (status = 'booked')          AS to_come,
       count(*) FILTER (status = 'cancelled')       AS cancelled,
       count(*) FILTER (status = 'did_not_arrive')  AS did_not_arrive,
       count(DISTINCT (_account, patient_id)) FILTER (status <> 'cancelled') AS patients,
       count(DISTINCT (_account, patient_id)) FILTER (
           status <> 'cancelled' AND (first_visit_on IS NULL OR first_visit_on = $today)
       )                                            AS new_patients
FROM marts.fct_appointments
LEFT JOIN (SELECT _account, patient_id, first_visit_on FROM marts.dim_patients)
    USING (_account, patient_id)
WHERE local_date = $today AND {MINE}"""

AHEAD = f"""
SELECT count(*) AS appointments
FROM marts.fct_appointments
WHERE status = 'booked' AND local_date BETWEEN $today + 1 AND $today + 7 AND {MINE}"""

FULLNESS = f"""
SELECT sum(booked_in_offered_minutes) / nullif(sum(offered_minutes), 0) AS utilisation,
       sum(offered_minutes) - sum(booked_in_offered_minutes)            AS free_minutes,
       sum(offered_minutes)                                             AS offered_minutes
FROM marts.mart_utilisation
WHERE local_date BETWEEN $first AND $last AND {MINE}"""

HEADLINE = f"""
SELECT count(*) FILTER (status = 'completed')                           AS completed,
       count(*) FILTER (status = 'did_not_arrive')                      AS did_not_arrive,
       count(*) FILTER (status = 'cancelled')                           AS cancelled,
       count(DISTINCT (_account, patient_id)) FILTER (status = 'completed') AS patients_seen,
       count(*) FILTER (is_first_visit)                                 AS new_patients,
       count(*) FILTER (status = 'did_not_arrive')
           / nullif(count(*) FILTER (status IN ('completed', 'did_not_arrive')), 0) AS dna_rate,
       count(*) FILTER (status = 'cancelled') / nullif({SETTLED}, 0)     AS cancellation_rate,
       count(*) FILTER (is_same_day_cancellation) / nullif({SETTLED}, 0) AS same_day_rate,
       count(*) FILTER (is_rebooked)
           / nullif(count(*) FILTER (status = 'completed'), 0)          AS rebooking_rate
FROM marts.fct_appointments
WHERE {IN_PERIOD} AND starts_at < $now"""

ATTENDANCE = f"""
SELECT {STARTS},
       CASE status WHEN 'booked' THEN 'Booked' WHEN 'did_not_arrive' THEN 'Did not arrive'
                   WHEN 'cancelled' THEN 'Cancelled' ELSE 'Attended' END AS status,
       CASE status WHEN 'booked' THEN 2 WHEN 'did_not_arrive' THEN 3
                   WHEN 'cancelled' THEN 4 ELSE 1 END AS rank,
       count(*) AS appointments
FROM marts.fct_appointments
WHERE {IN_PERIOD}
GROUP BY ALL ORDER BY ALL"""

RATES = f"""
WITH counted AS (
    SELECT {STARTS},
           count(*) FILTER (status = 'did_not_arrive')      AS missed,
           count(*) FILTER (status = 'completed')           AS completed,
           count(*) FILTER (status = 'cancelled')           AS cancelled,
           {SETTLED} AS settled
    FROM marts.fct_appointments
    WHERE {IN_PERIOD} AND starts_at < $now
    GROUP BY ALL
)
SELECT starts_on, said, 'Did not arrive' AS rate, missed / nullif(missed + completed, 0) AS share
FROM counted
UNION ALL
SELECT starts_on, said, 'Cancelled' AS rate, cancelled / nullif(settled, 0) AS share FROM counted
ORDER BY ALL"""

REASONS = f"""
SELECT coalesce(cancellation_reason, 'not given') AS name, count(*) AS amount
FROM marts.fct_appointments
WHERE status = 'cancelled' AND {IN_PERIOD}
GROUP BY ALL ORDER BY amount DESC, name"""

WEEK = f"""
SELECT ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][weekday] AS weekday,
       local_hour                                                 AS hour,
       sum(booked_in_offered_minutes) / sum(offered_minutes)      AS utilisation,
       sum(booked_in_offered_minutes) / 60                        AS booked_hours,
       sum(offered_minutes) / 60                                  AS offered_hours
FROM marts.mart_utilisation
WHERE {IN_PERIOD}
GROUP BY ALL HAVING sum(offered_minutes) > 0 ORDER BY ALL"""


def today(connection: duckdb.DuckDBPyConnection, chosen: Selection, today: date) -> dict[str, Any]:
    """One day's places in appointments, and what is booked in the seven days after it."""
    ahead = row(connection, AHEAD, chosen, today=today)["appointments"]
    return row(connection, TODAY, chosen, today=today) | {"ahead": ahead}


def headline(
    connection: duckdb.DuckDBPyConnection, chosen: Selection, now: datetime
) -> dict[str, Any]:
    """The period's counts and rates, of appointments whose start is past."""
    return row(connection, HEADLINE, chosen, now=now)


def fullness(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> dict[str, Any]:
    """The period's utilisation, with the minutes offered and still free."""
    return row(connection, FULLNESS, chosen)


def attendance(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> pa.Table:
    """Appointments by how they ended, over time."""
    return rows(connection, ATTENDANCE, chosen)


def rates(connection: duckdb.DuckDBPyConnection, chosen: Selection, now: datetime) -> pa.Table:
    """DNA rate and cancellation rate, over time."""
    return rows(connection, RATES, chosen, now=now)


def reasons(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> pa.Table:
    """Cancelled appointments by reason."""
    return rows(connection, REASONS, chosen)


def week(connection: duckdb.DuckDBPyConnection, chosen: Selection) -> pa.Table:
    """Utilisation by weekday and hour."""
    return rows(connection, WEEK, chosen)
