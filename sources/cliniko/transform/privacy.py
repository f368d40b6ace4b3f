"""What of an account is kept: the privacy profiles, column by column.

A profile is applied before a value is typed, so nothing that it leaves out is ever
written: not to a working file, not to a rejected record, not to a message.
"""

import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Literal, get_args

from ..api.json_decoding import UNREADABLE
from ..endpoints import ENDPOINTS, schema
from ..endpoints.schema import Column
from ..endpoints.spec import Endpoint, Record
from ..errors import ConfigError
from ..settings import ClinikoSettings, Profile
from . import schema_drift
from .convert import json_text

PROFILES: dict[Profile, str] = {
    "full": "Everything but links that work for whoever holds them: for the clinic's own eyes.",
    "pseudonymous": (
        "Names become keyed hashes and birthdays years; contact details, free text and clinical"
        " contents are left out: for figures, where others than the owner connect."
    ),
    "minimal": "Calendar and money alone, without any name: for a dashboard of the practice.",
}
"""What each profile keeps, and for whom it is."""

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
CACHED = 50_000  # hashes that are remembered; names come again and again
BIRTHDAY = re.compile(r"(\d{4})-\d\d-\d\d")
ALWAYS = {"id", "created_at", "updated_at", "archived_at", "cancelled_at", "deleted_at"}
"""What the walk and the comparison with the account cannot do without."""

Effects = Mapping[str, Mapping[str, Effect]]
"""Table → column → what becomes of its values, where they do not just stay."""


@dataclass(frozen=True)
class Treatment:
    """What becomes of one endpoint's records.

    reads:   whether they are read at all
    known:   whether only fields that are described are kept
    hashed:  a text's hash
    """

    reads: bool
    known: bool
    effects: Effects
    hashed: Callable[[str], str]

    def of(self, table: str) -> Mapping[str, Effect]:
        """What becomes of the table's columns, where their values do not just stay."""
        return self.effects.get(table, {})

    def applied(self, effect: Effect, column: Any, values: Sequence[Any]) -> Sequence[Any]:
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
            known = _spellings(_choices(column))
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
        known = _fields(endpoint)
        out |= {UNREADABLE} if out else set()  # a whole record that nobody could take apart
        return {
            name: value if name in known else schema_drift.withheld({name: value})[name]
            for name, value in record.items()
            if name not in out
        }


@dataclass(frozen=True)
class Rules:
    """A profile, with what the settings say of single columns.

    columns:  `table.column` → what becomes of it, whatever the profile says
    """

    profile: Profile = "full"
    columns: Mapping[str, Effect] = field(default_factory=dict)
    salt: str = field(default="", repr=False)

    def __hash__(self) -> int:
        """By what is hashable; rules that are alike so far are told apart by comparing them."""
        return hash((self.profile, len(self.columns), self.salt))

    def treatment(self, endpoint: Endpoint) -> Treatment:
        """What becomes of an endpoint's records."""
        return _treatment(self, endpoint)

    def reads(self, endpoint: Endpoint) -> bool:
        """Whether the endpoint is asked for at all."""
        return self.profile != "minimal" or endpoint.minimal

    def effect(self, table: str, column: Column) -> Effect:
        """What becomes of the values of a column."""
        own = self.columns.get(f"{table}.{column.name}")
        return own or _BY_PROFILE[self.profile](column)

    def mark(self, endpoint: Endpoint) -> dict[str, Any]:
        """What tells rows loaded so from rows loaded otherwise; it holds no secret."""
        treatment = self.treatment(endpoint)
        columns = {
            f"{table}.{column}": effect
            for table, effects in treatment.effects.items()
            for column, effect in sorted(effects.items())
        }
        salted = {"salt": treatment.hashed("")[:8]} if "hash" in columns.values() else {}
        strict = {"profile": self.profile, "reads": treatment.reads, "known": treatment.known}
        return strict | salted | {"columns": columns}


@lru_cache(256)  # each list of each account asks for it, and accounts have mostly the same rules
def _treatment(rules: Rules, endpoint: Endpoint) -> Treatment:
    effects = {
        table.name: {
            column.name: effect
            for column in table.columns
            if (effect := rules.effect(table.name, column)) != "keep"
        }
        for table in schema.tables(endpoint)
    }
    strict = rules.profile != "full"
    return Treatment(rules.reads(endpoint), strict, effects, _hasher(rules.salt))


def stays(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> bool:
    """Whether rows marked with `before` are right under `after`, once what it drops is null.

    Rows of versions that kept everything have no mark.
    """
    old: Mapping[str, Any] = before or {}
    was, now = old.get("columns", {}), after["columns"]
    changed = {name for name in {*was, *now} if was.get(name) != now.get(name)}
    salted = old.get("salt", after.get("salt")) == after.get("salt")
    read = old.get("reads", True) or not after["reads"]
    wider = old.get("known", False) and not after["known"]
    return salted and read and not wider and all(now.get(name) == "drop" for name in changed)


def rules(settings: ClinikoSettings) -> Rules:
    """The rules that the settings make.

    Raises ConfigError for columns that do not exist or that cannot be treated so.
    """
    given: dict[str, Any] = settings.privacy_columns or {}
    if wrong := [line for name, effect in given.items() if (line := _problem(name, effect))]:
        raise ConfigError("\n".join(wrong))
    return Rules(settings.privacy_profile, given, settings.privacy_salt or "")


def _full(column: Column) -> Effect:
    return "drop" if column.privacy == "credential" else "keep"


def _pseudonymous(column: Column) -> Effect:
    if column.privacy == "credential" or column.reveals == "words":
        return "drop"
    if column.reveals:
        return "hash" if column.reveals == "name" else "year"
    if column.privacy in ("personal", "health") and column.kind in FREE:
        return "known" if column.choices else "drop"
    return "keep"


def _minimal(column: Column) -> Effect:
    if column.reveals or column.privacy in ("personal", "credential"):
        return "drop"
    return "drop" if column.privacy == "health" and column.kind not in TIMES else "keep"


_BY_PROFILE: dict[Profile, Callable[[Column], Effect]] = {
    "full": _full,
    "pseudonymous": _pseudonymous,
    "minimal": _minimal,
}


def _problem(name: str, effect: object) -> str:
    """What is wrong with a column's own rule; empty if nothing."""
    known = _columns()
    column = known.get(name)
    if column is None:
        near = get_close_matches(name, known, n=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(near)}?" if near else "see `cliniko endpoints --json`"
        return f"privacy_columns: there is no column {name!r}: {hint}"
    if effect not in ("keep", "hash", "drop"):
        return f"privacy_columns: {name} may be keep, hash or drop"
    if column.name in ALWAYS or column.name[0] == "_" or name in _keys():
        return f"privacy_columns: {name} is needed to bring rows up to date; it stays"
    if effect == "hash" and column.kind != "text":
        return f"privacy_columns: {name} is no text, so it cannot be hashed: keep or drop it"
    return ""


@lru_cache(1)
def _columns() -> dict[str, Column]:
    """Every column of every list, as `table.column`."""
    tables = (table for endpoint in ENDPOINTS.values() for table in schema.tables(endpoint))
    return {f"{table.name}.{column.name}": column for table in tables for column in table.columns}


@lru_cache(1)
def _keys() -> set[str]:
    """Those of them that tell rows apart."""
    tables = (table for endpoint in ENDPOINTS.values() for table in schema.tables(endpoint))
    place = schema.POSITION.name
    return {f"{t.name}.{name}" for t in tables for name in (*t.primary, *t.merge, place)}


def _fields(endpoint: Endpoint) -> set[str]:
    """The fields of a record that the description speaks of."""
    return {
        *(one.name.partition("__")[0] for one in endpoint.columns),
        *(link.name for link in endpoint.links),
        *(children.steps[0] for children in endpoint.children),
        *endpoint.many,
    }


def _year(value: Any) -> Any:
    day = BIRTHDAY.match(value) if isinstance(value, str) else None
    return f"{day[1]}-01-01" if day else value


def _choices(column: Any) -> tuple[str, ...]:
    return column.choices or tuple(str(code) for code, _ in column.codes)


@lru_cache(32)
def _spellings(choices: tuple[str, ...]) -> dict[str, str]:
    """The words that a column may hold, as Cliniko's lists and documents write them."""
    return {one: one for word in choices for one in (word, word.lower(), word.title())}


@lru_cache(16)
def _hasher(salt: str) -> Callable[[str], str]:
    """The hash of a text under a salt."""
    key = salt.encode()

    @lru_cache(CACHED)
    def hashed(text: str) -> str:
        mark = text.encode(errors="surrogatepass")
        return hmac.digest(key, mark, "sha256").hex()[:DIGITS]

    return hashed


assert set(get_args(Profile)) == set(PROFILES) == set(_BY_PROFILE)
