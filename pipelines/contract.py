"""The marts' written contract: what each model of the dbt project holds, column by column."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MARTS = Path(__file__).with_name("marts")
FILES = ("models/marts/*.yml", "snapshots/*.yml")


@dataclass(frozen=True)
class MartColumn:
    """A column of a mart.

    kpi:       the definition in definitions.md that it holds; empty if it is no figure
    leads_to:  the mart whose key it is part of; empty if it is no foreign key
    """

    name: str
    type: str
    meaning: str
    privacy: str = ""
    kpi: str = ""
    leads_to: str = ""


@dataclass(frozen=True)
class Mart:
    """A modelled table.

    key:  what tells two rows apart
    """

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[MartColumn, ...]


def marts() -> tuple[Mart, ...]:
    """Every mart, in the order of the schema files: dimensions, facts, figures, history."""
    told = [model for path in _files() for model in _models(yaml.safe_load(path.read_text()))]
    homes: dict[str, str] = {}
    for model in told:
        match _meta(model).get("key"):
            case ["_account", column]:
                homes.setdefault(column, model["name"])
    return tuple(_mart(model, homes) for model in told)


def _files() -> Iterator[Path]:
    for pattern in FILES:
        yield from sorted(MARTS.glob(pattern))


def _models(file: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (*file.get("models", ()), *file.get("snapshots", ()))


def _mart(model: Mapping[str, Any], homes: Mapping[str, str]) -> Mart:
    """A model as a mart; `homes` says of a column which mart has it as its key."""
    columns = (
        MartColumn(
            column["name"],
            column["data_type"],
            column["description"].strip(),
            _meta(column).get("privacy", ""),
            _meta(column).get("kpi", ""),
            "" if homes.get(column["name"]) == model["name"] else homes.get(column["name"], ""),
        )
        for column in model["columns"]
    )
    key = tuple(_meta(model).get("key", ()))
    return Mart(model["name"], model["description"].strip(), key, tuple(columns))


def _meta(described: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (described.get("config") or {}).get("meta") or {}
    return found
