# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""A first look at the warehouse: what is in it, and five questions with their SQL.

Open it with `marimo edit notebooks/first_look.py` and change the questions: the connection
only reads. The file is state/warehouse.duckdb, or the one that CLINIKO_WAREHOUSE names.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="A first look", css_file="style.css")

with app.setup:
    import marimo as mo

    from cliniko_warehouse.notebooks.tables import shown, tables
    from cliniko_warehouse.overview import night, reader


@app.cell
def _():
    file = reader.file()
    mo.stop(
        reader.night(file) is None,
        mo.md(f"Nothing is published yet at `{file}`: run `cliniko sync`, or `cliniko demo`."),
    )
    warehouse = reader.opened(file)
    mo.md(f"""
    # A first look

    `{file}`, opened to read only. What a run publishes later is seen when this notebook is run
    again.
    """)
    return (warehouse,)


@app.cell
def _():
    mo.md("""
    ## What is in my warehouse

    Each of Cliniko's lists is a table. *rows* are those in use, cancelled appointments among
    them; *hidden* ones are archived or no longer in the account. [docs/tables.md](../docs/tables.md) says what every
    column means.
    """)
    return


@app.cell
def _(warehouse):
    _what = tables(warehouse)
    shown(_what, page_size=15)
    return


@app.cell
def _(warehouse):
    has_marts = night.has_marts(warehouse)
    mo.md("""
    ## Five questions

    The first two ask the raw tables, the others the marts: tables that know about time zones,
    group classes and merged patients. `definitions.md`, beside the marts, says how each figure
    is counted.

    ### 1. How many patient records were made in each year?
    """)
    return (has_marts,)


@app.cell
def _(warehouse):
    made = mo.sql(
        """
        SELECT strftime(created_at, '%Y')                   AS "year",
               count(*)                                     AS "new records",
               count(*) FILTER (archived_at IS NOT NULL)    AS "of these archived"
        FROM cliniko.patients
        WHERE _gone_at IS NULL
        GROUP BY ALL ORDER BY ALL
        """,
        output=False,
        engine=warehouse,
    )
    return (made,)


@app.cell
def _(made):
    shown(made)
    return


@app.cell
def _():
    mo.md("""
    ### 2. Which appointment types are booked most?

    Tables are joined by `_account` and the id that a column names.
    """)
    return


@app.cell
def _(warehouse):
    booked = mo.sql(
        """
        SELECT t.name                                      AS "appointment type",
               count(*)                                    AS "appointments",
               round(avg(date_diff('minute', a.starts_at, a.ends_at))) AS "minutes"
        FROM cliniko.individual_appointments a
        JOIN cliniko.appointment_types t
          ON t._account = a._account AND t.id = a.appointment_type_id
        WHERE a._gone_at IS NULL AND a.archived_at IS NULL AND a.cancelled_at IS NULL
        GROUP BY ALL ORDER BY "appointments" DESC LIMIT 10
        """,
        output=False,
        engine=warehouse,
    )
    return (booked,)


@app.cell
def _(booked):
    shown(booked)
    return


@app.cell
def _(has_marts):
    mo.stop(
        not has_marts,
        mo.callout(
            mo.md(
                "The marts are not built yet: `pip install 'cliniko-warehouse[marts]'`, then "
                "`cliniko marts build`; every `cliniko sync` builds them from then on."
            )
        ),
    )
    marts_are_there = True
    mo.md("""
    ### 3. On which weekdays do patients not arrive?

    `local_date` and `weekday` are the clinic's, not those of UTC.
    """)
    return (marts_are_there,)


@app.cell
def _(marts_are_there, warehouse):
    marts_are_there
    missed = mo.sql(
        """
        SELECT any_value(dayname(local_date))                       AS "day",
               count(*) FILTER (status = 'completed')               AS "completed",
               count(*) FILTER (status = 'did_not_arrive')          AS "did not arrive",
               round(100 * count(*) FILTER (status = 'did_not_arrive')
                   / count(*), 1)                                   AS "did not arrive, %"
        FROM marts.fct_appointments
        WHERE status IN ('completed', 'did_not_arrive')
        GROUP BY weekday ORDER BY weekday
        """,
        output=False,
        engine=warehouse,
    )
    return (missed,)


@app.cell
def _(missed):
    shown(missed)
    return


@app.cell
def _(marts_are_there):
    marts_are_there
    mo.md(
        "### 4. What did each practitioner bring in the last three months, and how full were they?"
    )
    return


@app.cell
def _(marts_are_there, warehouse):
    marts_are_there
    months = mo.sql(
        """
        SELECT practitioner_name                                    AS "practitioner",
               month_start                                          AS "month",
               sum(completed)                                       AS "completed",
               sum(revenue_net)                                     AS "net revenue",
               round(100 * sum(booked_in_offered_hours)
                   / nullif(sum(offered_hours), 0), 1)              AS "utilisation, %"
        FROM marts.mart_practitioner_month
        WHERE month_start >= (SELECT max(month_start) - INTERVAL 2 MONTH
                              FROM marts.mart_practitioner_month WHERE completed > 0)
        GROUP BY ALL HAVING sum(completed) > 0
        ORDER BY "month" DESC, "net revenue" DESC
        """,
        output=False,
        engine=warehouse,
    )
    return (months,)


@app.cell
def _(months):
    shown(months, page_size=60)
    return


@app.cell
def _(marts_are_there):
    marts_are_there
    mo.md("""
    ### 5. Whom should we call?

    Patients who were here in the last half year and have nothing booked.
    """)
    return


@app.cell
def _(marts_are_there, warehouse):
    marts_are_there
    to_call = mo.sql(
        """
        SELECT CAST(patient_id AS VARCHAR) AS "id", patient_name AS "patient",
               last_visit_on AS "last visit",
               visits, did_not_arrive AS "did not arrive"
        FROM marts.dim_patients
        WHERE status = 'live' AND lifecycle = 'active' AND NOT has_future_appointment
        ORDER BY visits DESC, last_visit_on DESC LIMIT 20
        """,
        output=False,
        engine=warehouse,
    )
    return (to_call,)


@app.cell
def _(to_call):
    shown(to_call)
    return


if __name__ == "__main__":
    app.run()
