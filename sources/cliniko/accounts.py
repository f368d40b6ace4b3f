"""The accounts that the settings name, each with settings of its own.

    [sources.cliniko.accounts.north]
    api_key = "…"

What an account does not say itself is taken from `[sources.cliniko]`, but for the key:
rows must never come under the name of another account.
"""

import difflib
import os
from collections import Counter
from collections.abc import Sequence
from typing import Any, get_type_hints

import dlt
from dlt.common.configuration.exceptions import ConfigurationException

from .errors import ConfigError
from .setting_rules import line
from .settings import (
    SECRETS,
    ClinikoSettings,
    names,
    resolve,
    unreadable,
)

PLACE = ("sources", "cliniko", "accounts")
VARIABLE = "__".join(PLACE).upper() + "__"  # what the variables of all accounts begin with


def named() -> list[str]:
    """The names of the accounts in dlt's configuration, sorted; empty if it names none."""
    found = {
        variable.removeprefix(VARIABLE).partition("__")[0].lower()
        for variable in os.environ
        if variable.startswith(VARIABLE)
    }
    try:
        for provider in (*dlt.config.config_providers, *dlt.secrets.config_providers):
            tables, _ = provider.get_value(PLACE[-1], Any, "", *PLACE[:-1])
            found |= set(tables) if isinstance(tables, dict) else set()
    except ConfigurationException as error:
        raise unreadable(error) from None
    return sorted(found)


def expected() -> list[str]:
    """The names of all accounts by the settings: those that are named, or the only one.

    No key is needed, nor looked at.
    """
    return named() or [dlt.config.get("sources.cliniko.account", str) or "main"]


def settings(chosen: Sequence[str] = ()) -> list[ClinikoSettings]:
    """The settings of the chosen accounts, or of all; of the one account if none is named.

    Raises ConfigError for a name that does not exist, for all that is missing or
    malformed in any of them, and where two have the same key.
    """
    known = named()
    if not known:
        one = resolve()
        known = [one.account]
        refuse_unknown(chosen, known)
        return [one]
    refuse_unknown(chosen, known)
    _refuse_same_keys(known)
    found: list[ClinikoSettings] = []
    wrong: list[str] = []
    for name in (name for name in known if name in chosen or not chosen):
        try:
            found.append(resolve(f"accounts.{name}", **_own(name)))
        except ConfigError as error:
            wrong += [f"account {name}: {text}" for text in str(error).splitlines()]
    if wrong:
        raise ConfigError("\n".join(wrong))
    return found


def one(chosen: str | None) -> ClinikoSettings:
    """The settings of one account, chosen where there are several. Raises ConfigError."""
    found = settings([chosen] if chosen else ())
    if len(found) > 1:
        raise ConfigError(f"which account? Add --account {_either(named())}")
    return found[0]


def _own(name: str) -> dict[str, Any]:
    """What the configuration says of an account alone; a key that is missing is empty."""
    place = ".".join((*PLACE, name))
    kinds = get_type_hints(ClinikoSettings)
    own: dict[str, Any] = {}
    for field in sorted(names() - {"account", *SECRETS}):
        try:
            own[field] = dlt.config.get(f"{place}.{field}", kinds[field])
        except ValueError:
            own[field] = dlt.config.get(f"{place}.{field}")  # `problems` says what is wrong
    for field in SECRETS:
        own[field] = dlt.secrets.get(f"{place}.{field}")
        if own[field] is None and dlt.config.get(f"{place}.{field}") is not None:
            raise ConfigError(line(field, "it belongs into secrets.toml", f"accounts.{name}"))
    return own | {"account": name, "api_key": own["api_key"] or ""}


def refuse_unknown(chosen: Sequence[str], known: Sequence[str]) -> None:
    """Raise ConfigError for a name that is none of the accounts'."""
    for name in chosen:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or known
            raise ConfigError(f"there is no account {name!r}: --account may be {_either(near)}")


def _refuse_same_keys(known: Sequence[str]) -> None:
    """One key is one account: under two names its rows would be there twice."""
    keys: dict[str, str | None] = {
        name: dlt.secrets.get(".".join((*PLACE, name, "api_key"))) for name in known
    }
    often = Counter(key for key in keys.values() if key)
    for key, times in often.items():
        if times > 1:
            same = " and ".join(name for name in known if keys[name] == key)
            raise ConfigError(f"the accounts {same} have the same api_key: give each its own")


def _either(some: Sequence[str]) -> str:
    return " or ".join(some)
