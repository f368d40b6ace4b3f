"""What of an account is kept: the privacy profiles, column by column.

A profile is applied before a value is typed, so nothing that it leaves out is ever
written: not to a working file, not to a rejected record, not to a message.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, get_args

from ..endpoints import ALL_ENDPOINTS, schema
from ..endpoints.schema import Column
from ..endpoints.spec import Endpoint
from ..errors import ConfigError
from ..setting_rules import Profile, SchemaContract
from ..settings import ClinikoSettings
from .masking import FREE, TIMES, Effect, Treatment, hasher

PROFILES: dict[Profile, str] = {
    "full": "Everything but links that work for whoever holds them: for the clinic's own eyes.",
    "pseudonymous": (
        "Names become keyed hashes and birthdays years; contact details, free text and clinical"
        " contents are left out: for figures, where others than the owner connect."
    ),
    "minimal": "Calendar and money alone, without any name: for a dashboard of the practice.",
}
"""What each profile keeps, and for whom it is."""


ALWAYS = {"id", "created_at", "updated_at", "archived_at", "cancelled_at", "deleted_at"}
"""What the walk and the comparison with the account cannot do without."""


@dataclass(frozen=True)
class Rules:
    """A profile, with what the settings say of single columns.

    columns:  `table.column` → what becomes of it, whatever the profile says
    new:      what becomes of fields that nobody described
    """

    profile: Profile = "full"
    columns: Mapping[str, Effect] = field(default_factory=dict)
    salt: str = field(default="", repr=False)
    new: SchemaContract = "evolve"

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
        known = treatment.described_only
        strict = {"profile": self.profile, "reads": treatment.reads, "known": known}
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
    return Treatment(rules.reads(endpoint), strict, effects, hasher(rules.salt), rules.new)


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
    salt = settings.privacy_salt or ""
    return Rules(settings.privacy_profile, given, salt, settings.schema_contract)


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
    tables = (table for endpoint in ALL_ENDPOINTS.values() for table in schema.tables(endpoint))
    return {f"{table.name}.{column.name}": column for table in tables for column in table.columns}


@lru_cache(1)
def _keys() -> set[str]:
    """Those of them that tell rows apart."""
    tables = (table for endpoint in ALL_ENDPOINTS.values() for table in schema.tables(endpoint))
    place = schema.POSITION.name
    return {f"{t.name}.{name}" for t in tables for name in (*t.primary, *t.merge, place)}


assert set(get_args(Profile)) == set(PROFILES) == set(_BY_PROFILE)
