"""Pages as HTML."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from cliniko_warehouse.overview.layout.definitions import definitions, said

HERE = Path(__file__).parents[1]
TEMPLATES, STATIC = HERE / "templates", HERE / "static"
NAMED = 2  # choices that are named; of more, how many


def html(**values: Any) -> str:
    """The page that templates/page.html makes of these values."""
    return _templates().get_template("page.html").render(version=version(), **values)


@cache
def version() -> str:
    """What tells this version's static files from every other one's."""
    digest = sha256()
    for file in sorted(STATIC.iterdir()):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


@cache
def _templates() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
    )
    made.filters |= {
        "definitions": definitions,
        "said": said,
        "json": _json,
        "named": _named,
        "capfirst": lambda text: text[:1].upper() + text[1:],
    }
    return made


def _json(value: Mapping[str, Any]) -> Markup:
    """Data within a page: no text in it can end the element that holds it."""
    text = json.dumps(value, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _named(ids: Sequence[int], names: Mapping[int, str]) -> str:
    """What is chosen, in a few words."""
    if not ids:
        return "all"
    if len(ids) > NAMED:
        return f"{len(ids)} chosen"
    return ", ".join(names.get(one, f"no. {one}") for one in ids)
