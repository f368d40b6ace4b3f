# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""The clinic at a glance, on the published night; `cliniko dashboard` serves it."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="full", app_title="Clinic overview", css_file="style.css")

with app.setup:
    import marimo as mo

    from cliniko_warehouse.notebooks import (
        appointments,
        billing,
        charts,
        formatting,
        freshness,
        heatmaps,
        patients,
        reader,
    )
    from cliniko_warehouse.notebooks.components import (
        Card,
        cards,
        empty,
        heading,
        panel,
        side_by_side,
        title,
    )
    from cliniko_warehouse.notebooks.definitions import definitions
    from cliniko_warehouse.notebooks.filters import Selection
    from cliniko_warehouse.notebooks.periods import choices


@app.cell
def _():
    file = reader.file()
    kept = {"night": reader.night(file)}  # what has to outlive a new night: filters, too
    published, set_published = mo.state(kept["night"])
    poll = mo.ui.refresh(options=["1m", "5m", "15m"], default_interval="1m")
    return file, kept, poll, published, set_published


@app.cell
def _(file, kept, poll, set_published):
    poll.value
    if reader.night(file) != kept["night"]:
        kept["night"] = reader.night(file)
        set_published(kept["night"])
    return


@app.cell
def _(file, published):
    nothing = ""
    if published() is None:
        nothing = f"Nothing is published yet at {file}: run `cliniko sync`, or `cliniko demo`."
    else:
        connection = reader.opened(file)
        if not freshness.has_marts(connection):
            nothing = (
                "The marts are not built yet: pip install 'cliniko-warehouse[marts]', then "
                "`cliniko marts build`; every `cliniko sync` builds them from then on."
            )
        else:
            accounts = freshness.accounts(connection)
            if not any(freshness.night(connection, one) for one in accounts):
                nothing = "No list has been read yet: run `cliniko sync`."
    mo.stop(
        bool(nothing),
        mo.vstack([mo.Html(title("Clinic overview", "")), mo.Html(empty(nothing, tall=True))]),
    )
    return accounts, connection


@app.cell
def _(accounts, connection, kept):
    def keep(name):
        return lambda value: kept.__setitem__(name, value)

    read = [one for one in accounts if freshness.night(connection, one)]
    account = mo.ui.dropdown(
        read,
        value=kept["account"] if kept.get("account") in read else read[0],
        label="Account",
        on_change=keep("account"),
    )
    return account, keep, read


@app.cell
def _(account, connection):
    night = freshness.night(connection, account.value)
    return (night,)


@app.cell
def _(account, connection, keep, kept, night, poll, read):
    periods = choices(night.today)
    places = freshness.businesses(connection, night.account)
    people = freshness.practitioners(connection, night.account)

    period = mo.ui.dropdown(
        periods,
        value=next((n for n, p in periods.items() if p == kept.get("period")), "Last 90 days"),
        label="Period",
        on_change=keep("period"),
    )
    business = mo.ui.multiselect(
        places,
        value=[n for n, key in places.items() if key in kept.get("business", [])],
        label="Business",
        on_change=keep("business"),
    )
    practitioner = mo.ui.multiselect(
        people,
        value=[n for n, key in people.items() if key in kept.get("practitioner", [])],
        label="Practitioner",
        on_change=keep("practitioner"),
    )
    mo.vstack(
        [
            mo.hstack(
                [mo.Html(title("Clinic overview", freshness.sentence(night))), poll],
                align="start",
            ),
            mo.hstack(
                [*([account] if len(read) > 1 else []), period, business, practitioner],
                justify="start",
                gap=1.5,
                wrap=True,
            ),
        ],
        gap=1,
    )
    return business, period, practitioner


@app.cell
def _(business, night, period, practitioner):
    chosen = Selection(period.value, business.value, practitioner.value, night.account)
    unit = chosen.period.unit
    return chosen, unit


@app.cell
def _(chosen, connection, night):
    def money(amount):
        return formatting.money(amount, night.currency)

    _day = appointments.today(connection, chosen, night.today)
    _full = appointments.fullness(connection, chosen.on(night.today))
    _open = billing.open_total(connection, chosen)
    mo.vstack(
        [
            mo.Html(heading("Today at a glance", f"{night.today:%A, %-d %B %Y}")),
            mo.Html(
                cards(
                    Card(
                        "Appointments today",
                        formatting.whole(_day["appointments"]),
                        f"{formatting.whole(_day['to_come'])} still to come, "
                        f"{formatting.whole(_day['cancelled'])} cancelled",
                    ),
                    Card(
                        "Patients today",
                        formatting.whole(_day["patients"]),
                        f"{formatting.whole(_day['new_patients'])} for the first time",
                    ),
                    Card(
                        "Booked today",
                        formatting.percent(_full["utilisation"]),
                        f"{formatting.hours(_full['free_minutes'])} free "
                        f"of {formatting.hours(_full['offered_minutes'])}"
                        if _full["offered_minutes"]
                        else "no hours are offered",
                    ),
                    Card(
                        "Next seven days",
                        formatting.whole(_day["ahead"]),
                        "appointments booked",
                    ),
                    Card(
                        "Open invoices",
                        money(_open["owed"]),
                        f"{formatting.plural(_open['invoices'], 'invoice')}, with tax",
                    )
                    if not night.forbids("invoices")
                    else Card("Open invoices", formatting.NONE, "not permitted"),
                )
            ),
        ],
        gap=0.9,
    )
    return (money,)


@app.cell
def _(chosen, connection, money, night):
    _now = appointments.headline(connection, chosen, night.moment)
    _then = appointments.headline(connection, chosen.before, night.moment)
    _full = appointments.fullness(connection, chosen)["utilisation"]
    _fuller = appointments.fullness(connection, chosen.before)["utilisation"]
    _net = billing.revenue(connection, chosen)
    _before = billing.revenue(connection, chosen.before)

    def _against(said):
        return f"{said} on the {chosen.period.days} days before" if said else ""

    def _count(label, name):
        return Card(
            label,
            formatting.whole(_now[name]),
            _against(formatting.change(_now[name], _then[name])),
        )

    def _rate(label, name):
        return Card(
            label,
            formatting.percent(_now[name]),
            _against(formatting.points(_now[name], _then[name])),
        )

    mo.vstack(
        [
            mo.Html(heading("The period", formatting.stretch(chosen.period))),
            mo.Html(
                cards(
                    _count("Completed appointments", "completed"),
                    _count("Patients seen", "patients_seen"),
                    _count("New patients", "new_patients"),
                    Card(
                        "Revenue, net",
                        money(_net) if not night.forbids("invoices") else formatting.NONE,
                        _against(formatting.change(_net, _before)),
                    ),
                    Card(
                        "Utilisation",
                        formatting.percent(_full),
                        _against(formatting.points(_full, _fuller)),
                    ),
                    _rate("Did not arrive", "dna_rate"),
                    _rate("Cancelled", "cancellation_rate"),
                    _rate("Rebooked", "rebooking_rate"),
                )
            ),
        ],
        gap=0.9,
    )
    return


@app.cell
def _(chosen, night):
    WIDER = "in this period: choose a longer one, or fewer filters."

    def counted(*figures):
        """How figures are counted, to fold out."""
        return mo.md(definitions(*figures)).text if definitions(*figures) else ""

    def shown(rows, chart, otherwise, *lists):
        """The chart of a figure's rows, or why there is none and what to do."""
        if reason := night.forbids(*lists):
            return empty(reason)
        return mo.as_html(chart(rows)).text if rows.num_rows else empty(f"{otherwise}")

    scope = formatting.stretch(chosen.period)
    return WIDER, counted, scope, shown


@app.cell
def _(WIDER, chosen, connection, counted, night, scope, shown, unit):
    _attended = appointments.attendance(connection, chosen)
    _rates = appointments.rates(connection, chosen, night.moment)
    _reasons = appointments.reasons(connection, chosen)
    mo.vstack(
        [
            mo.Html(heading("Attendance and cancellations", scope)),
            mo.Html(
                side_by_side(
                    panel(
                        "Appointments by how they ended",
                        f"places in appointments, by {unit}",
                        shown(
                            _attended,
                            lambda rows: charts.attendance(rows, chosen.period),
                            f"No appointments {WIDER}",
                            "individual_appointments",
                        ),
                        counted("completed_appointments"),
                    ),
                    panel(
                        "Missed and cancelled",
                        f"share of appointments, by {unit}",
                        shown(
                            _rates,
                            lambda rows: charts.rates(rows, chosen.period),
                            f"No past appointments {WIDER}",
                            "individual_appointments",
                        ),
                        counted("dna_rate", "cancellation_rate"),
                    ),
                )
            ),
            mo.Html(
                panel(
                    "Why appointments were cancelled",
                    "cancelled places in appointments, by reason",
                    shown(
                        _reasons,
                        lambda rows: charts.bars(rows, unit="cancelled appointments"),
                        f"Nothing was cancelled {WIDER}",
                        "individual_appointments",
                    ),
                    counted("cancellation_reasons"),
                )
            ),
        ],
        gap=0.9,
    )
    return


@app.cell
def _(chosen, connection, counted, scope, shown):
    _week = appointments.week(connection, chosen)
    mo.vstack(
        [
            mo.Html(heading("Utilisation", scope)),
            mo.Html(
                panel(
                    "How full the week is",
                    "booked share of the offered time, by weekday and hour at the clinic",
                    shown(
                        _week,
                        heatmaps.utilisation,
                        "No hours are offered in this period: working hours are set up in "
                        "Cliniko, under the practitioner.",
                        "daily_availabilities",
                    ),
                    counted("utilisation", "offered_hours"),
                )
            ),
        ],
        gap=0.9,
    )
    return


@app.cell
def _(WIDER, chosen, connection, counted, night, scope, shown):
    _unit = f"net revenue, {night.currency or 'in the currency of the account'}"
    mo.vstack(
        [
            mo.Html(heading("Revenue", scope)),
            mo.Html(
                side_by_side(
                    panel(
                        "By practitioner",
                        "billed without tax, credit notes taken off",
                        shown(
                            billing.by_practitioner(connection, chosen),
                            lambda rows: charts.bars(rows, unit=_unit, currency=night.currency),
                            f"No invoices {WIDER}",
                            "invoices",
                        ),
                        counted("revenue_net"),
                    ),
                    panel(
                        "By service and product",
                        "lines of invoices, without tax",
                        shown(
                            billing.by_service(connection, chosen),
                            lambda rows: charts.bars(rows, unit=_unit, currency=night.currency),
                            f"No lines of invoices {WIDER}",
                            "invoices",
                            "invoice_items",
                        ),
                        counted("revenue_net"),
                    ),
                )
            ),
        ],
        gap=0.9,
    )
    return


@app.cell
def _(WIDER, chosen, connection, counted, night, scope, shown, unit):
    mo.vstack(
        [
            mo.Html(heading("Patients", scope)),
            mo.Html(
                side_by_side(
                    panel(
                        "New and returning",
                        f"patients with a completed visit, by {unit}",
                        shown(
                            patients.visitors(connection, chosen),
                            lambda rows: charts.visitors(rows, chosen.period),
                            f"No completed visits {WIDER}",
                            "individual_appointments",
                        ),
                        counted("new_patients"),
                    ),
                    panel(
                        "Who came back",
                        "of each month's new patients, the share with a visit in a month after; "
                        "the whole account, last twelve months",
                        shown(
                            patients.cohorts(connection, chosen, night.today),
                            heatmaps.cohorts,
                            "No month of new patients is over yet.",
                            "individual_appointments",
                        ),
                        counted("retention_rate"),
                    ),
                )
            ),
        ],
        gap=0.9,
    )
    return


@app.cell
def _(chosen, connection, counted, money, night, shown):
    _total = billing.open_total(connection, chosen)
    _credits = f"; open credits of {money(_total['credited'])} apart" if _total["credited"] else ""
    mo.vstack(
        [
            mo.Html(heading("Open invoices", f"on {night.today:%-d %B %Y}")),
            mo.Html(
                panel(
                    "By age",
                    f"days since issue; totals with tax{_credits}. Cliniko's API has no payments: "
                    "what is owed may be less",
                    shown(
                        billing.open_by_age(connection, chosen),
                        lambda rows: charts.bars(
                            rows, unit=f"total, {night.currency}", currency=night.currency
                        ),
                        "No invoice is open.",
                        "invoices",
                    ),
                    counted("open_invoices"),
                )
            ),
        ],
        gap=0.9,
    )
    return


@app.cell
def _(connection, night):
    mo.vstack(
        [
            mo.Html(heading("Freshness", freshness.sentence(night))),
            mo.ui.table(
                freshness.lists(connection, night),
                selection=None,
                page_size=10,
                show_download=False,
                show_column_summaries=False,
                show_data_types=False,
            ),
        ],
        gap=0.9,
    )
    return


if __name__ == "__main__":
    app.run()
