"""What a practice wants its figures to be: a small TOML file, which nobody has to write."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cliniko.errors import ConfigError
from cliniko_warehouse.overview.figures.figure import Figure
from cliniko_warehouse.overview.selection import Selection

DAYS = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "year": 365.25}
NAMES = frozenset({"figure", "value", "per", "account", "business", "practitioner"})


@dataclass(frozen=True)
class Target:
    """What a figure should be.

    per:           the stretch that a count or an amount is meant for; shares have none
    account:       whose; empty for every account's
    business, practitioner:  an id, 0 for the whole practice
    """

    figure: str
    value: float
    per: str = "month"
    account: str = ""
    business: int = 0
    practitioner: int = 0


@dataclass(frozen=True)
class Targets:
    """The targets of a practice."""

    all: tuple[Target, ...] = field(default=())

    def of(self, figure: Figure, chosen: Selection) -> float | None:
        """What a figure should be over the chosen days; None if nobody said.

        Of several practitioners or businesses, the sum, if each has a target of its own.
        """
        if chosen.ids("type") or (figure.unit == "share" and _several(chosen)):
            return None
        wanted = [
            self._one(figure, chosen.account, business, practitioner)
            for business in chosen.ids("business") or (0,)
            for practitioner in chosen.ids("practitioner") or (0,)
        ]
        known = [target for target in wanted if target]
        if len(known) < len(wanted):
            return None
        if figure.unit == "share":
            return known[0].value
        return sum(target.value * chosen.period.days / DAYS[target.per] for target in known)

    def _one(self, figure: Figure, account: str, business: int, practitioner: int) -> Target | None:
        fits = (
            target
            for target in self.all
            if (target.figure, target.business, target.practitioner)
            == (figure.key, business, practitioner)
            and target.account in ("", account)
        )
        return next(fits, None)


def _several(chosen: Selection) -> bool:
    return any(len(chosen.ids(name)) > 1 for name in ("business", "practitioner"))


def read(file: Path, figures: Mapping[str, Figure]) -> Targets:
    """The targets in a file; none if it is not there.

    Raises ConfigError that names everything that is wrong in it.
    """
    if not file.exists():
        return Targets()
    try:
        found = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is no TOML: {error}") from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
    tables = found.pop("target", [])
    if found or not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise ConfigError(f"{file}: begin each target with [[target]], and write nothing else")
    wrong = [
        f"target {n}: {what}" for n, one in enumerate(tables, 1) for what in _wrong(one, figures)
    ]
    if wrong:
        raise ConfigError(f"{file}: " + "; ".join(wrong))
    return Targets(tuple(Target(**{**one, "value": float(one["value"])}) for one in tables))


def _wrong(one: Mapping[str, Any], figures: Mapping[str, Figure]) -> list[str]:
    found = [f"{name} is no word for it" for name in sorted(set(one) - NAMES)]
    name = one.get("figure")
    figure = figures.get(name) if isinstance(name, str) else None
    if not figure:
        found.append(f"figure has to be one of {', '.join(sorted(figures))}")
    is_share = figure is not None and figure.unit == "share"
    found += [_wrong_value(one.get("value"), is_share=is_share)]
    if is_share and "per" in one:
        found.append("a share has no per")
    if not is_share and str(one.get("per")) not in DAYS:
        found.append(f"per has to be one of {', '.join(DAYS)}")
    if not isinstance(one.get("account", ""), str):
        found.append("account has to be the name of one")
    found += [
        f"{name} has to be the id of one"
        for name in ("business", "practitioner")
        if type(one.get(name, 0)) is not int
    ]
    return [what for what in found if what]


def _wrong_value(value: Any, *, is_share: bool) -> str:
    """What is wrong with a target's value."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "value has to be a number"
    if value < 0:
        return "value has to be 0 or more"
    return (
        f"value is a share: write {value / 100:g} for {value:g} %" if is_share and value > 1 else ""
    )
