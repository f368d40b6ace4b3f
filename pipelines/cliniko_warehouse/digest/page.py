"""The week as one HTML page that needs nothing else: pictures are in it, no address is asked."""

import html
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from cliniko_warehouse.digest import charts
from cliniko_warehouse.digest.figures import Kind, Line, Week
from cliniko_warehouse.wording import differences
from cliniko_warehouse.wording.differences import MINUS
from cliniko_warehouse.wording.labels import LABELS

NONE, UNBROKEN = "\u2013", "\u00a0"
WORDS = {"good": "better", "bad": "worse"}
"""Class of a change → its word: not everybody tells red from green."""
STYLE = """
body { font: 16px/1.45 system-ui, "Segoe UI", Arial, sans-serif; color: #22262b;
  background: #fff; margin: 0 auto; max-width: 44rem; padding: 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem } h2 { font-size: 1.15rem; margin: 1.75rem 0 .5rem }
p.note { color: #565c66; margin: .25rem 0 }
table { border-collapse: collapse; width: 100% } caption { text-align: left; color: #565c66 }
th, td { padding: .45rem .5rem; border-bottom: 1px solid #e4e6ea; text-align: right }
th:first-child, td:first-child { text-align: left; font-weight: 400 }
td.now { font-weight: 700; white-space: nowrap }
td span { display: block; font-size: .9rem } td span:first-child { font-size: 1rem }
.good { color: #12653a } .bad { color: #a3261b } .same { color: #565c66 }
img { display: block; width: 100%; height: auto; margin: .5rem 0 }
@media (max-width: 34rem) { th, td { padding: .4rem .25rem; font-size: .9rem } }
@media print { body { max-width: none } img, table { break-inside: avoid } }
"""


def title(weeks: Sequence[Week]) -> str:
    """What the page is of: for a subject line. 16 to 22 Mar 2026 (week 12)."""
    first, last = weeks[0].period.first, weeks[0].period.last
    begins = f"{first:%-d %b %Y}".removesuffix(f" {last:%Y}").removesuffix(f" {last:%b}")
    days = f"{begins} to {last:%-d %b %Y} (week {first:%-V})"
    return f"{weeks[0].name}: {days}" if len(weeks) == 1 else days


def page(weeks: Sequence[Week], pictures: Mapping[str, bytes]) -> str:
    """The page, with the charts in it."""
    parts = [_account(week, pictures, named=len(weeks) > 1) for week in weeks]
    said = html.escape(title(weeks)).replace("(week ", f"(week{UNBROKEN}")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{said}</title><style>{STYLE}</style></head><body><main><h1>{said}</h1>"
        + "".join(parts)
        + "</main></body></html>\n"
    )


def summary(weeks: Sequence[Week]) -> str:
    """The figures alone, for the body of a message: its attachments have the rest."""
    parts = [f"<h2>{html.escape(title(weeks))}</h2>"]
    for week in weeks:
        named = f"<p><b>{html.escape(week.name)}</b></p>" if len(weeks) > 1 else ""
        rows = "".join(
            f"<li>{html.escape(line.shown.label)}: <b>{_number(line.now, line.shown.kind, week)}"
            f"</b> ({_number(line.before, line.shown.kind, week)} the week before)</li>"
            for line in week.lines
        )
        parts.append(f"{named}<ul>{rows}</ul>")
    return "".join(parts)


def _account(week: Week, pictures: Mapping[str, bytes], *, named: bool) -> str:
    at = week.clock.as_of.astimezone(ZoneInfo(week.clock.zone))
    moment = f"As of {at:%-d %B %Y, %H:%M}, {html.escape(week.clock.zone.replace('_', ' '))}."
    state = moment if week.is_over else f"{moment} The week is not over: its figures will grow."
    head = f"<h2>{html.escape(week.name)}</h2>" if named else ""
    return (
        f'{head}<p class="note">{state}</p>{_table(week)}{_ahead(week)}{_people(week)}'
        f"<h2>Thirteen weeks</h2>{_pictures(week, pictures)}"
    )


def _table(week: Week) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(line.shown.label)}</td>"
        f'<td class="now">{_number(line.now, line.shown.kind, week)}</td>'
        f"<td>{_against(line, line.before, week)}</td>"
        f"<td>{_against(line, line.last_year, week)}</td></tr>"
        for line in week.lines
    )
    heads = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("", "This week", "Week before", "Same weekdays last year")
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _ahead(week: Week) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(line.shown.label)}</td>"
        f'<td class="now">{_number(line.now, line.shown.kind, week)}</td></tr>'
        for line in week.ahead
    )
    return f"<h2>As it stands now</h2><table><tbody>{rows}</tbody></table>"


def _people(week: Week) -> str:
    if not week.practitioners:
        return ""
    rows = "".join(
        f"<tr><td>{html.escape(one['name'])}</td>"
        f"<td>{_number(one['visits'], 'count', week)}</td>"
        f"<td>{_number(one['utilisation'], 'share', week)}</td></tr>"
        for one in week.practitioners
    )
    heads = '<th scope="col"></th>' + f'<th scope="col">{LABELS["completed_appointments"]}</th>'
    return (
        f'<h2>Practitioners</h2><table><thead><tr>{heads}<th scope="col">Utilisation</th></tr>'
        f"</thead><tbody>{rows}</tbody></table>"
    )


def _pictures(week: Week, pictures: Mapping[str, bytes]) -> str:
    return "".join(
        f'<img alt="{html.escape(charts.described(week, name))}" '
        f'src="data:image/png;base64,{b64encode(pictures[file]).decode()}">'
        for name, *_ in charts.CHARTS
        if (file := f"{week.account}-{name}.png") in pictures
    )


def _against(line: Line, other: Any, week: Week) -> str:
    """Another week's number, and how this one differs: by sign, word and colour."""
    kind = line.shown.kind
    said = f"<span>{_number(other, kind, week)}</span>"
    if line.now is None or other is None or (kind != "share" and not other):
        return said
    change = differences.points if kind == "share" else differences.change
    difference = change(line.now, other)
    if not difference:
        return said
    if differences.is_none(difference):
        return f'{said} <span class="same">the same</span>'
    sense = _sense(float(line.now) - float(other), line.shown.better)
    word = f", {WORDS[sense]}" if sense in WORDS else ""
    return f'{said} <span class="{sense}">{difference.replace(" ", UNBROKEN)}{word}</span>'


def _sense(step: float, better: int) -> str:
    return "good" if step * better > 0 else "bad" if step * better < 0 else "same"


def _number(value: Any, kind: Kind, week: Week) -> str:
    if value is None:
        return NONE
    if kind == "share":
        return f"{float(value) * 100:.1f} %"
    if kind == "hours":
        return f"{float(value):,.1f} h"
    if kind == "money":
        sign = MINUS if round(value) < 0 else ""
        return f"{sign}{html.escape(week.currency)}{abs(value):,.0f}"
    return f"{value:,.0f}"
