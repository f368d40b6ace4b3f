"""The two files of settings in `.dlt`: what is to be in them, and how they are written."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from cliniko.errors import ConfigError
from cliniko_warehouse.config import toml_files

FOLDER = ".dlt"
CONFIG, SECRETS = "config.toml", "secrets.toml"
IGNORED = (f"{FOLDER}/{SECRETS}", "state/")

Values = Mapping[tuple[str, ...], str]
"""Where in a file → what is to be there."""


@dataclass(frozen=True)
class Plan:
    """The files as they are to be.

    changes:  a line for each value that is new or another; a secret is named, never shown
    """

    folder: Path
    texts: Mapping[str, str]
    changes: Sequence[str]
    replaces: bool


def plan(folder: Path, config: Values, secrets: Values) -> Plan:
    """The files of a folder with these values in them; all else stays as it is.

    Raises ConfigError if a file cannot be read.
    """
    texts: dict[str, str] = {}
    changes: list[str] = []
    replaces = False
    for name, values in ((CONFIG, config), (SECRETS, secrets)):
        document = _read(folder / FOLDER / name)
        for place, value in values.items():
            before = _put(document, place, value, folder / FOLDER / name)
            if before == value:
                continue
            replaces |= before is not None
            said = f"{'.'.join(place)} in {FOLDER}/{name}"
            shown = "" if name == SECRETS else f": {value}" + (f" (was {before})" if before else "")
            changes.append(("another " if before is not None else "new ") + said + shown)
        texts[name] = tomlkit.dumps(document)
    return Plan(folder, texts, changes, replaces)


def see_folder(folder: Path) -> None:
    """Raise ConfigError if something stands in the place of the folder of settings."""
    place = folder / FOLDER
    if place.exists() and not place.is_dir():
        raise ConfigError(f"{place} is a file, and should be a folder: mv {place} {place}.old")


def has(folder: Path, *place: str) -> bool:
    """Whether the file of secrets has something at a place."""
    found: Any = _read(folder / FOLDER / SECRETS)
    for step in place:
        found = found.get(step) if isinstance(found, dict) else None
    return found is not None


def write(plan: Plan) -> None:
    """Write both files, for their owner alone, each in one step. Raises ConfigError."""
    folder = plan.folder / FOLDER
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        for name, text in plan.texts.items():
            copy = folder / f".{name}.{os.getpid()}"
            descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as made:
                made.write(text)
            copy.replace(folder / name)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror}") from error


def ignore(folder: Path) -> list[str]:
    """Keep secrets and tables out of git, where git would take them; the lines that were added."""
    if not _git(folder, "rev-parse", "--is-inside-work-tree"):
        return []
    lines = [line for line in IGNORED if not _git(folder, "check-ignore", "-q", line)]
    if not lines:
        return []
    file = folder / ".gitignore"
    before = file.read_text() if file.exists() else ""
    gap = "\n" if before and not before.endswith("\n") else ""
    file.write_text(before + gap + "".join(f"{line}\n" for line in lines))
    return lines


def _git(folder: Path, *arguments: str) -> bool:
    """Whether git says yes; no if there is none."""
    git = shutil.which("git")
    return (
        bool(git)
        and not subprocess.run(
            [git or "", *arguments], cwd=folder, capture_output=True, check=False
        ).returncode
    )


def _read(file: Path) -> tomlkit.TOMLDocument:
    return tomlkit.parse(toml_files.text(file) or "")


def _put(document: Any, place: tuple[str, ...], value: str, file: Path) -> Any:
    """Set one value; what was there before, None if nothing was."""
    *path, name = place
    table = document
    for step in path:
        if step not in table:
            table[step] = tomlkit.table(is_super_table=step != path[-1])
        table = table[step]
        if not isinstance(table, dict):
            raise ConfigError(f"{file}: {'.'.join(path)} is no table: mend it first")
    before = table.get(name)
    table[name] = value
    return before
