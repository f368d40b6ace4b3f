"""How figures are counted, as definitions.md of the marts says it."""

import re
from collections.abc import Sequence

from markupsafe import Markup, escape

from cliniko_warehouse.metrics.catalogue import sections


def definitions(names: Sequence[str]) -> Markup:
    """The definitions of figures as paragraphs; empty for what is not defined."""
    known = sections()
    return Markup("").join(
        Markup("<p>{}</p>").format(said(paragraph))
        for name in names
        if name in known
        for paragraph in f"**{name.replace('_', ' ')}**: {known[name]}".split("\n")
        if not paragraph.startswith("Column:") and paragraph
    )


def said(text: str) -> Markup:
    """A sentence as HTML: of Markdown, code and stress are understood."""
    told = str(escape(text))
    told = re.sub(r"`([^`]+)`", r"<code>\1</code>", told)
    told = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", told)
    return Markup(re.sub(r"\*([^*]+)\*", r"<em>\1</em>", told))
