"""How figures are counted, as definitions.md of the marts says it."""

import re
from functools import cache

from cliniko_warehouse.marts.project import DEFINITIONS

FILE = DEFINITIONS


def definitions(*names: str) -> str:
    """The definitions of these figures, in Markdown; empty for one that is not defined."""
    known = _known()
    return "\n\n".join(
        f"**{name.replace('_', ' ')}**: {known[name]}" for name in names if name in known
    )


@cache
def _known() -> dict[str, str]:
    if not FILE.exists():
        return {}
    parts = re.split(r"^## (\w+)$", FILE.read_text(), flags=re.MULTILINE)[1:]
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}
