"""What a privacy rule does to values: hash, year, known choices, nothing."""

import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from ..api.json_codec import UNREADABLE, json_text
from ..endpoints import schema
from ..endpoints.spec import Endpoint, Field, Record
from ..setting_rules import SchemaContract
from . import redaction

Effect = Literal["keep", "hash", "year", "known", "drop"]
"""What becomes of a column's values.

keep   they stay
hash   each becomes a keyed hash: the same text gives the same hash everywhere
year   a day becomes the first of January of its year
known  those that Cliniko's documents name stay, others are left out
drop   they are left out; the column is null
"""


EFFECTS: dict[Effect, str] = {
    "hash": "Hashed with the account's salt",
    "year": "The year alone, as its first of January",
    "known": "Other words than Cliniko's own are left out",
    "drop": "Left out",
}
"""What a column's comment says of them."""


FREE = ("text", "json", "any")  # kinds in which anything may stand


TIMES = ("instant", "day", "boolean", "id")  # of health, what the calendar itself is made of


_TEXTS = {str, type(None)}


DIGITS = 32  # of a hash: 128 bits


SHORT = 8  # of them that tell the people of a clinic apart


CACHED = 50_000  # hashes that are remembered; names come again and again


BIRTHDAY = re.compile(r"(\d{4})-\d\d-\d\d")


Effects = Mapping[str, Mapping[str, Effect]]
"""Table → column → what becomes of its values, where they do not just stay."""


def shortened(text: str) -> str:
    """A text for a person to read: of each hash in it, the first digits."""
    return re.sub(rf"\b[0-9a-f]{{{DIGITS}}}\b", lambda found: f"{found[0][:SHORT]}…", text)


@dataclass(frozen=True)
class Treatment:
    """What becomes of one endpoint's records.

    reads:   whether they are read at all
    known:   whether only fields that are described are kept, in rejected records too
    new:     what becomes of fields that nobody described
    hashed:  a text's hash
    """

    reads: bool
    known: bool
    effects: Effects
    hashed: Callable[[str], str]
    new: SchemaContract = "evolve"

    @property
    def described_only(self) -> bool:
        """Whether only fields that are described become columns."""
        return self.known or self.new != "evolve"

    def of(self, table: str) -> Mapping[str, Effect]:
        """What becomes of the table's columns, where their values do not just stay."""
        return self.effects.get(table, {})

    def applied(self, effect: Effect, column: Field, values: Sequence[Any]) -> Sequence[Any]:
        """The values as they are kept. What cannot be hashed or coarsened is left to fail."""
        if effect == "drop":
            return [None] * len(values)
        if effect == "hash":
            if set(map(type, values)) <= _TEXTS:
                return [value and self.hashed(value) for value in values]
            return [self._hash(value) for value in values]
        if effect == "year":
            return [_year(value) for value in values]
        if effect == "known":
            known = _spellings(column.words)
            return [known.get(v) if type(v) is str else None for v in values]
        return values

    def _hash(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.hashed(value) if value else value
        return self.hashed(json_text(value)) if isinstance(value, bool | int | float) else value

    def raw(self, endpoint: Endpoint, record: Record) -> Record | None:
        """What of a record may be kept as it came; None if nothing.

        What looks like a key is withheld wherever nobody described it.
        """
        if self.known:
            return None
        out = {name.partition("__")[0] for name in self.of(endpoint.name)}
        for children in endpoint.children:
            if self.of(schema.child_table(endpoint, children)):
                out.add(children.steps[0])
        out |= {link.name for link in endpoint.links if link.column in out}
        known = _described(endpoint)
        out |= {UNREADABLE} if out else set()  # a whole record that nobody could take apart
        return {
            name: value if name in known else redaction.withheld({name: value})[name]
            for name, value in record.items()
            if name not in out
        }


def _described(endpoint: Endpoint) -> set[str]:
    """The fields of a record that hold what the description says, and may be kept unread.

    Not `links`, of which it knows one: others may work for whoever has them.
    """
    return {
        *(one.name.partition("__")[0] for one in endpoint.columns),
        *(link.name for link in endpoint.links),
        *(children.steps[0] for children in endpoint.children),
        *endpoint.many,
    }


def _year(value: Any) -> Any:
    day = BIRTHDAY.match(value) if isinstance(value, str) else None
    return f"{day[1]}-01-01" if day else value


@lru_cache(32)
def _spellings(choices: tuple[str, ...]) -> dict[str, str]:
    """The words that a column may hold, as Cliniko's lists and documents write them."""
    return {one: one for word in choices for one in (word, word.lower(), word.title())}


@lru_cache(16)
def hasher(salt: str) -> Callable[[str], str]:
    """The hash of a text under a salt."""
    key = salt.encode()

    @lru_cache(CACHED)
    def hashed(text: str) -> str:
        mark = text.encode(errors="surrogatepass")
        return hmac.digest(key, mark, "sha256").hex()[:DIGITS]

    return hashed
