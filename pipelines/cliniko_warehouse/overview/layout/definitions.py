"""How figures are counted: what definitions.md of the marts says, without names of columns."""

import re
from collections.abc import Sequence

from markupsafe import Markup, escape

from cliniko_warehouse.metrics.catalogue import sections
from cliniko_warehouse.wording.labels import LABELS

SHOWN = ("Cliniko:", "Not counted:")
"""How lines begin that a reader of the overview gets, behind the first sentence."""


def definitions(names: Sequence[str]) -> Markup:
    """The definitions of figures as paragraphs; empty for what is not defined."""
    known = sections()
    return Markup("").join(
        Markup("<p>{}</p>").format(said(paragraph))
        for name in names
        if name in known
        for paragraph in _told(name, known[name])
    )


def _told(name: str, definition: str) -> list[str]:
    """Its first sentence, and what of it stands for readers of the overview."""
    first, *rest = definition.split("\n")
    sentence = re.split(r"(?<=\.) (?=[A-Z])", first)[0]
    kept = (line for line in rest if line.startswith(SHOWN) and line != "Cliniko: none.")
    return [f"**{label(name)}**: {plain(sentence)}", *(plain(line) for line in kept)]


def label(name: str) -> str:
    """What a figure is called, be it shown or only named in the definition of another."""
    return LABELS.get(name) or name.removeprefix("list_").replace("_", " ").capitalize()


def plain(text: str) -> str:
    """A line of definitions.md without code: labels for figures, words for columns."""
    without = re.sub(r" \(`[\w.]+`\)", "", text)
    named = re.sub(r"`?\b([a-z]+(?:_[a-z0-9]+)+)\b`?", _named, without)
    return named.replace("`", "")


def _named(found: re.Match[str]) -> str:
    name = found[1]
    known = name in LABELS or name in sections()
    return f"\u201c{label(name)}\u201d" if known else name.replace("_", " ")


def said(text: str) -> Markup:
    """A sentence as HTML: of Markdown, code and stress are understood."""
    told = str(escape(text))
    told = re.sub(r"`([^`]+)`", r"<code>\1</code>", told)
    told = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", told)
    return Markup(re.sub(r"\*([^*]+)\*", r"<em>\1</em>", told))
