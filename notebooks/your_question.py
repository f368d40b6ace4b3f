# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""Your own question: any figure of definitions.md, for a period, split and narrowed.

Open it with `marimo edit notebooks/your_question.py`, or look only with `marimo run`. The file
is state/warehouse.duckdb, or the one that CLINIKO_WAREHOUSE names; nothing is changed in it.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Your own question", css_file="style.css")

with app.setup:
    import duckdb
    import marimo as mo

    from cliniko.errors import ConfigError
    from cliniko_warehouse.metrics.answer import clock, metric
    from cliniko_warehouse.metrics.catalogue import described
    from cliniko_warehouse.notebooks.tables import shown, written
    from cliniko_warehouse.overview import night, reader


@app.cell
def _():
    file = reader.file()
    mo.stop(
        reader.night(file) is None,
        mo.md(f"Nothing is published yet at `{file}`: run `cliniko sync`, or `cliniko demo`."),
    )
    warehouse = reader.opened(file)
    mo.stop(
        not night.has_marts(warehouse),
        mo.md("The marts are not built yet: `cliniko marts build`, with the extra `marts`."),
    )
    mo.md("""
    # Your own question

    A figure is worked out as `definitions.md` says: counts are added up before anything is
    divided, and rows of two accounts are never added.
    """)
    return (warehouse,)


@app.cell
def _(warehouse):
    def ask(sql):
        return warehouse.sql(sql).to_arrow_table().to_pylist()

    signs = {account.currency for account in clock(ask).accounts}
    currency = signs.pop() if len(signs) == 1 else ""

    def answer(name, period="", by=(), filters=None):
        """The rows of a figure, or the line that says what exists."""
        try:
            found = metric(ask, name, period, by, filters)
        except (ConfigError, duckdb.CatalogException) as error:
            return mo.callout(mo.md(str(error)), kind="warn")
        notes = [mo.md(f"_{note}_") for note in found.notes]
        forms = {"value": written(found.unit, currency)}
        return mo.vstack([shown(list(found.rows), format_mapping=forms), *notes])

    return (answer,)


@app.cell
def _(warehouse):
    warehouse
    names = mo.ui.dropdown(sorted(described()), value="completed_appointments", label="figure")
    period = mo.ui.text("last_month", label="period")
    mo.hstack([names, period], justify="start")
    return names, period


@app.cell
def _(names):
    chosen = described()[names.value]
    by = mo.ui.multiselect(list(chosen.by), label="split by")
    mo.vstack([mo.md(chosen.definition or chosen.meaning), by])
    return by, chosen


@app.cell
def _(answer, by, chosen, names, period):
    answer(names.value, "" if chosen.grain == "build" else period.value, [*by.value, *chosen.needs])
    return


@app.cell
def _():
    mo.md("""
    ## In Python

    The same by one line each; `marimo edit` lets you change them. Filters take names or ids.

    ### Utilisation this year, Monday to Friday, by month and practitioner

    ```python
    answer("utilisation", "this_year", ["month", "practitioner"], {"weekday": [1, 2, 3, 4, 5]})
    ```
    """)
    return


@app.cell
def _(answer):
    answer("utilisation", "this_year", ["month", "practitioner"], {"weekday": [1, 2, 3, 4, 5]})
    return


@app.cell
def _():
    mo.md("""
    ### Open for over 90 days

    ```python
    answer("debtors_over_90")
    ```
    """)
    return


@app.cell
def _(answer):
    answer("debtors_over_90")
    return


if __name__ == "__main__":
    app.run()
