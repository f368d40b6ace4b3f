"""What a session may see of each column, by its privacy class: of raw tables and of marts.

The warehouse's own profile decides what is stored. This one is applied to what is stored when
somebody asks: under `pseudonymous` names are hashed even where the file holds them.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, cast, get_args

from cliniko.endpoints import ALL_ENDPOINTS, ENDPOINTS, schema
from cliniko.errors import ConfigError
from cliniko.setting_rules import Profile
from cliniko.transform.masking import Effect
from cliniko.transform.privacy import Rules
from cliniko_warehouse.ledger.tables import LEDGER
from cliniko_warehouse.marts.descriptions import Mart, MartColumn, marts, parsed
from cliniko_warehouse.marts.project import PROJECT
from cliniko_warehouse.paths import DATASET, MARTS

Seen = tuple[Effect, tuple[str, ...]]
"""What becomes of a column's values, and the words that may stay where only known ones do."""

WORDS = {
    "_runs": ("message",),
    "_run_endpoints": ("message",),
    "mart_sync_health": ("message",),
}
"""Columns with words of other programs, which may quote a value."""

NOTE_STATES = ("draft", "final")
CHOICES = {
    ("fct_appointments", "note_status"): NOTE_STATES,
    ("snap_appointments", "note_status"): NOTE_STATES,
    ("list_visits_without_note", "note_status"): NOTE_STATES,
    ("list_lapsed_patients", "state"): ("at_risk", "lapsed"),
}
"""The only words of columns whose tests do not say them."""

WRITTEN = ("cancellation_reason",)
"""Marts' columns that hold Cliniko's own words, or what the practice wrote where it has none."""

CALENDAR = ("date", "timestamp", "timestamptz", "time", "boolean")
"""Of health, the types that the calendar itself is made of; ids are, too."""


def profile_named(name: str) -> Profile:
    """The profile of that name. Raises ConfigError with those that there are."""
    for known in get_args(Profile):
        if name == known:
            return cast(Profile, known)
    raise ConfigError(f"--profile {name!r}: there is {', '.join(get_args(Profile))}")


@cache
def treatments(profile: Profile) -> Mapping[str, Mapping[str, Seen]]:
    """`schema.table` → column → what becomes of it. Tables that are not named are not offered."""
    found = dict(_raw(profile))
    found |= {f"{MARTS}.{mart.name}": _of_mart(mart, profile) for mart in marts()}
    return found


def is_strict(profile: Profile) -> bool:
    """Whether columns that nobody described are left out."""
    return profile != "full"


def _raw(profile: Profile) -> Iterator[tuple[str, Mapping[str, Seen]]]:
    """The tables of Cliniko's lists, and the ledger's."""
    rules = Rules(profile)
    for endpoint in ALL_ENDPOINTS.values():
        if not rules.reads(endpoint):
            continue
        for table in schema.tables(endpoint):
            yield (
                f"{DATASET}.{table.name}",
                {c.name: (rules.effect(table.name, c), _spelled(c.choices)) for c in table.columns},
            )
    for ledger in LEDGER:
        words = WORDS.get(ledger.name, ()) if is_strict(profile) else ()
        yield (
            f"{DATASET}.{ledger.name}",
            {c.name: ("drop" if c.name in words else "keep", ()) for c in ledger.columns},
        )


def _of_mart(mart: Mart, profile: Profile) -> Mapping[str, Seen]:
    return {column.name: _of_mart_column(mart.name, column, profile) for column in mart.columns}


def _of_mart_column(mart: str, column: MartColumn, profile: Profile) -> Seen:
    if profile == "full":
        return "keep", ()
    if column.name in (*WORDS.get(mart, ()), "reason"):  # a list's reason may name a payer
        return "drop", ()
    if profile == "minimal":
        kept = column.privacy not in ("personal", "health") or (
            column.privacy == "health" and _is_calendar(column)
        )
        return ("keep" if kept else "drop"), ()
    if column.name in WRITTEN:
        return "known", _reasons()
    if column.privacy not in ("personal", "health") or column.kind != "varchar":
        return "keep", ()
    if column.name.endswith("_name") or column.name == "payer":
        return ("drop", ()) if column.privacy == "health" else ("hash", ())
    choices = CHOICES.get((mart, column.name)) or accepted().get((mart, column.name), ())
    return ("known", choices) if choices else ("drop", ())


def _is_calendar(column: MartColumn) -> bool:
    return column.kind in CALENDAR or (column.kind == "bigint" and column.name.endswith("_id"))


def _spelled(choices: tuple[str, ...]) -> tuple[str, ...]:
    """The words as Cliniko's lists and documents write them."""
    return tuple(dict.fromkeys(s for word in choices for s in (word, word.lower(), word.title())))


@cache
def _reasons() -> tuple[str, ...]:
    """Why appointments are cancelled, in Cliniko's own words."""
    [field] = [
        one
        for one in ENDPOINTS["individual_appointments"].fields
        if one.name == "cancellation_reason"
    ]
    return (*(meaning for _, meaning in field.codes), "not given")


@cache
def accepted() -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Mart and column → the only words that it holds, as the project's tests say."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for file in sorted((PROJECT / "models/marts").glob("*.yml")):
        for model in parsed(file)["models"]:
            for column in model["columns"]:
                if words := _accepted(column.get("data_tests", ())):
                    found[model["name"], column["name"]] = words
    return found


def _accepted(tests: Any) -> tuple[str, ...]:
    for test in tests:
        if isinstance(test, dict) and "accepted_values" in test:
            return tuple(str(value) for value in test["accepted_values"]["arguments"]["values"])
    return ()
