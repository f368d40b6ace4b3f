"""Patients: who is new, who came back, who may be lost, and where they come from."""

from datetime import timedelta
from typing import Any

from cliniko_warehouse.metrics.periods import Period
from cliniko_warehouse.overview.charts import charts, heatmaps
from cliniko_warehouse.overview.charts.axes import even_steps
from cliniko_warehouse.overview.figures.call_lists import LAPSED
from cliniko_warehouse.overview.figures.catalogue import FIGURES
from cliniko_warehouse.overview.figures.queries import Question
from cliniko_warehouse.overview.layout import formatting, panels
from cliniko_warehouse.overview.layout.blocks import Cell, Chart, Page, Panel, Section, Table
from cliniko_warehouse.overview.layout.cards import compared, noted, whole
from cliniko_warehouse.overview.selection import rows_behind
from cliniko_warehouse.overview.targets import Targets

SHOWN = 12  # months of first visits, and months after

COHORTS = """
SELECT cohort_month, months_since, sum(retained_patients), sum(cohort_patients)
FROM marts.mart_patient_cohorts
WHERE _account = $account AND months_since BETWEEN 1 AND $shown
  AND cohort_month >= date_trunc('month', $today) - to_months($shown)
GROUP BY ALL ORDER BY ALL"""


def page(question: Question, targets: Targets) -> Page:
    """Patients, by their completed visits."""
    scope = formatting.stretch(question.chosen.period)
    keys = ("patients_seen", "new_patients", "returning")
    came = compared(question, targets, *(FIGURES[key] for key in keys))
    lost = [whole(question, figure) for figure in LAPSED]
    sources = FIGURES["referred"]
    return Page(
        "patients",
        "Patients",
        scope,
        [
            Section("Who came", noted(question, scope), came),
            Section("", panels=[_visitors(question), _cohorts(question)]),
            Section(
                "Where they come from",
                scope,
                panels=[
                    panels.panel(
                        question,
                        sources,
                        "New patients by source of referral",
                        "by the first source that was written down",
                        panels.bars(question, sources, "source", "new patients", most=15),
                        f"No new patients {panels.WIDER}",
                    )
                ],
            ),
            Section("Who may be lost", "now", lost),
        ],
    )


def _visitors(question: Question) -> Panel:
    """New and returning patients: who is both in a stretch is new in it."""
    seen = panels.over_time(question, FIGURES["patients_seen"])
    new = {p[0].start: p for p in panels.over_time(question, FIGURES["new_patients"])}
    points: list[panels.Point] = []
    for stretch, _, value, _ in seen:
        within = question.chosen.over(stretch.within)
        count = new[stretch.start][2] or 0
        rest = int(value or 0) - int(count)
        if count:
            points.append((stretch, "New", count, rows_behind("new_patients", within)))
        if rest:
            points.append((stretch, "Returning", rest, rows_behind("returning", within)))
    unit = question.chosen.period.unit
    return panels.panel(
        question,
        FIGURES["new_patients"],
        "New and returning",
        f"patients with a completed visit, by {unit}; pale where the {unit} is incomplete",
        panels.stacked(question, charts.VISITORS, "patients", points),
        f"No completed visits {panels.WIDER}",
    )


def _cohorts(question: Question) -> Panel:
    panel = panels.panel(
        question.of(question.chosen.only("type")),
        FIGURES["new_patients"],
        "Who came back",
        "of each month's new patients, the share with a visit in a month after; the whole "
        "account, last twelve months",
        _cohort_chart(question),
        "No month of new patients is over yet.",
    )
    return Panel(
        panel.name, panel.note, panel.chart, empty=panel.empty, definitions=("retention_rate",)
    )


def _cohort_chart(question: Question) -> Chart | None:
    found = question.ask(COHORTS, today=question.night.today, shown=SHOWN).fetchall()
    whole = question.chosen.only("business").only("practitioner").only("type")
    rows: list[dict[str, Any]] = []
    for month, after, patients, size in found:
        last = (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        href = rows_behind("new_patients", whole.over(Period(month, last)))
        rows.append(
            {
                "cohort": month.isoformat(),
                "label": f"{month:%b %Y}: {int(size):,}",
                "said": f"{month:%B %Y}",
                "months": after,
                "patients": int(patients),
                "size": int(size),
                "share": float(patients / size),
                "href": href,
            }
        )
    if not rows:
        return None
    by = {(row["cohort"], row["months"]): row for row in rows}
    cohorts = {row["cohort"]: row for row in rows}
    lines = [
        [Cell(row["said"])]
        + [Cell(formatting.whole(row["size"]), row["href"], number=True)]
        + [
            Cell(formatting.percent(one["share"]) if one else "", number=True)
            for after in range(1, SHOWN + 1)
            for one in [by.get((cohort, after))]
        ]
        for cohort, row in cohorts.items()
    ]
    heads = ["first visit in", "new patients", *(f"{n} after" for n in range(1, SHOWN + 1))]
    spec = charts.drawn(
        heatmaps.cohorts(),
        rows,
        steps=even_steps(row["share"] for row in rows),
        height=heatmaps.CELL * len(cohorts),
    )
    return Chart(spec, Table(heads, lines))
