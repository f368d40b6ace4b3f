"""Secrets in fields that nobody described: found by name, withheld."""

import re
from typing import Any

from dlt.common.normalizers.naming.snake_case import NamingConvention

WITHHELD = "[withheld]"  # stands for what looks like a key, which nobody analyses


SECRET = re.compile(
    r"(^|_)(pass(word|wd|phrase|code)|secret|api_?key|private_?key|ur[il]|link"
    r"|(access|auth|refresh|session|reset|login|invite)_?token)(_|$)"
)


_naming = NamingConvention()


def is_secret(name: str) -> bool:
    """Whether a field is named like a key, a password, or a link that works for its holder."""
    return bool(SECRET.search(_naming.normalize_identifier(name.strip() or "x")))


def withheld(value: Any) -> Any:
    """The value without what looks like a key or a password, however deep it is."""
    kept: list[Any] = [value]
    ahead: list[tuple[Any, Any]] = [(kept, 0)]
    while ahead:
        around, place = ahead.pop()
        one = around[place]
        if isinstance(one, list):
            around[place] = copy = list(one)
            ahead += [(copy, at) for at in range(len(copy))]
        elif isinstance(one, dict):
            around[place] = fields = dict(one)
            for name, inner in one.items():
                if isinstance(inner, str) and is_secret(name):
                    fields[name] = WITHHELD
            ahead += [(fields, name) for name in fields]
    return kept[0]
