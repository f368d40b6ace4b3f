"""Pieces of the page that are no chart: cards with a figure, panels, headings, empty places."""

import re
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Card:
    """One figure.

    label:  what it is, in a few words
    value:  the figure with its unit
    note:   how it compares, or what it leaves out
    """

    label: str
    value: str
    note: str = ""


def cards(*shown: Card) -> str:
    """Cards side by side, as many to a line as fit; more than six in two even lines."""
    wide = " clinic-eight" if len(shown) > 6 else ""
    return f'<dl class="clinic-cards{wide}">{"".join(map(_card, shown))}</dl>'


def _card(card: Card) -> str:
    note = f"<p>{escape(card.note)}</p>" if card.note else ""
    return (
        f'<div class="clinic-card"><dt>{escape(card.label)}</dt>'
        f"<dd>{escape(card.value)}</dd>{note}</div>"
    )


def heading(text: str, note: str = "") -> str:
    """The head of a section."""
    small = f"<small>{escape(note)}</small>" if note else ""
    return f'<h2 class="clinic-heading">{escape(text)}{small}</h2>'


def title(text: str, note: str) -> str:
    """The head of the page."""
    return f'<div class="clinic-title"><h1>{escape(text)}</h1><p>{escape(note)}</p></div>'


def panel(name: str, note: str, inside: str, definition: str = "") -> str:
    """A chart or table under its name, with how it is counted.

    inside, definition:  HTML
    """
    how = (
        f"<details><summary>How it is counted</summary>{definition}</details>" if definition else ""
    )
    return (
        f'<section class="clinic-panel"><h3>{escape(name)}</h3><p>{escape(note)}</p>'
        f"{inside}{how}</section>"
    )


def side_by_side(*panels: str) -> str:
    """Panels in one line where it is wide enough."""
    return f'<div class="clinic-pair">{"".join(panels)}</div>'


def empty(sentence: str, *, tall: bool = False) -> str:
    """A place where nothing is, and what to do about it; `code` is set apart."""
    told = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(sentence, quote=False))
    return f'<div class="clinic-empty{" clinic-tall" if tall else ""}"><p>{told}</p></div>'
