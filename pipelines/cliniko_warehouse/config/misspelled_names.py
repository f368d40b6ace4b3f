"""Names in our own sections of the settings that no setting has: most are misspelled."""

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cliniko.endpoints import ALL_ENDPOINTS
from cliniko.errors import ConfigError, UnreadableSettings
from cliniko.settings import names
from cliniko_warehouse.config import toml_files

FILES = ("config.toml", "secrets.toml")
SOURCE, PIPELINE = "sources.cliniko", "cliniko"
PIPELINE_NAMES = frozenset(
    {
        "changes_days",
        "dashboard_credentials",
        "destination",
        "digest_to",
        "files",
        "files_bytes",
        "files_requests",
        "history",
        "lock_timeout",
        "marts",
        "mcp_credentials",
        "rounds_marts_hours",
        "rounds_share",
        "webhook_secret",
        "webhook_url",
        "workers",
    }
)
"""The settings of section `cliniko`; a test compares them with the documents."""

NEAR = 0.8  # of difflib: privacy_profil and api_kye are near, max_table_nesting is not
SHORTEST = 5  # characters of a beginning, such as `webhook`, that stands for a whole name


def refuse_misspelled(folders: Sequence[Path]) -> None:
    """Raise ConfigError for names that are nearly a setting's: whoever wrote them relies on them.

    Other names may be somebody's own, for resources of theirs: `unknown` has those too.
    """
    wrong = [line for line, is_misspelled in _found(folders) if is_misspelled]
    if wrong:
        raise ConfigError("\n".join(wrong))


def unknown(folders: Sequence[Path]) -> list[str]:
    """A line for each name in our sections that has no effect, and is not refused."""
    return [line for line, is_misspelled in _found(folders) if not is_misspelled]


def _found(folders: Sequence[Path]) -> list[tuple[str, bool]]:
    """What to say of each name that is none of ours, and whether it is misspelled."""
    found = {}
    for where, section, name in (*_in_files(folders), *_in_variables()):
        meant = _meant(section, name)
        cure = f": did you mean {meant}?" if meant else ", and it changes nothing"
        found[f"{where}: there is no setting {name}{cure} (see docs/settings.md)"] = bool(meant)
    return list(found.items())


def _in_files(folders: Sequence[Path]) -> Iterator[tuple[str, str, str]]:
    """File, section and name of what is set there and is no setting."""
    for file in (folder / name for folder in folders for name in FILES):
        try:
            values = toml_files.values(file)
        except UnreadableSettings:  # which whoever needs it tells of
            continue
        source = _table(values, "sources", "cliniko")
        accounts = _table(source, "accounts")
        sections = {
            SOURCE: source,
            PIPELINE: _table(values, "cliniko"),
            **{f"{SOURCE}.accounts.{name}": _table(accounts, name) for name in accounts},
        }
        for section, table in sections.items():
            for name in _strangers(section, table):
                yield f"{file}, [{section}]", section, name


def _table(values: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The table at a path; empty if there is none."""
    for step in path:
        found = values.get(step)
        values = found if isinstance(found, dict) else {}
    return values


def _strangers(section: str, table: Mapping[str, Any]) -> list[str]:
    """The names in a section that are no setting, nor a table for one of dlt's resources."""
    known = _known(section)
    return [
        name
        for name, value in table.items()
        if name not in known and not (isinstance(value, dict) and name in ALL_ENDPOINTS)
    ]


def _in_variables() -> Iterator[tuple[str, str, str]]:
    """The same of environment variables; those with more steps are dlt's, for resources."""
    for variable in sorted(os.environ):
        section, name = _split(variable)
        if section and name not in _known(section) | ALL_ENDPOINTS.keys():
            yield f"variable {variable}", section, name


def _split(variable: str) -> tuple[str, str]:
    """Section and name of a variable; empty if it is in no section of ours."""
    match variable.lower().split("__") if variable.isupper() else ():
        case ["sources", "cliniko", name]:
            return SOURCE, name
        case ["sources", "cliniko", "accounts", account, name]:
            return f"{SOURCE}.accounts.{account}", name
        case ["sources", "cliniko", name, _, _]:
            return SOURCE, name
        case ["cliniko", name]:
            return PIPELINE, name
    return "", ""


def _known(section: str) -> set[str]:
    """The names of a section's settings; dlt takes those of the source from `cliniko`, too."""
    return names() | {SOURCE: {"accounts"}, PIPELINE: set(PIPELINE_NAMES)}.get(section, set())


def _meant(section: str, name: str) -> str:
    """The settings that somebody may mean by a name, with their section if it is another one."""
    plain = name.lower().replace("-", "_")
    if near := _near(plain, sorted(_known(section))):
        return " or ".join(near)
    elsewhere = PIPELINE if section != PIPELINE else SOURCE
    return f"{elsewhere}.{plain}" if plain in _known(elsewhere) else ""


def _near(name: str, known: Sequence[str]) -> list[str]:
    """The nearest of the known names, or those that begin with it.

    A name about privacy is never passed over: all of the account would be kept.
    """
    first = "privacy" if name.startswith("privacy") else name
    begin = [one for one in known if len(first) >= SHORTEST and one.startswith(f"{first}_")]
    return difflib.get_close_matches(name, known, 1, NEAR) or begin
