"""What stands around an account, as `check` looks at it: settings, place, clock, alerts, age."""

import stat
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dlt
import duckdb

from cliniko.accounts import named
from cliniko.errors import ClinikoError, ConfigError
from cliniko.settings import names
from cliniko_warehouse.config.dlt_files import FOLDER
from cliniko_warehouse.config.misspelled_names import unknown
from cliniko_warehouse.config.providers import folders
from cliniko_warehouse.monitoring import alerts, freshness
from cliniko_warehouse.paths import published, work
from cliniko_warehouse.recovery.damage import damages

SKEW = 120.0  # seconds; times are compared with Cliniko's clock, ours only stamps the rows


def surroundings(destination: str, state_dir: Path) -> dict[str, Any]:
    """What `check --json` says besides the account."""
    return {
        "settings": origins(),
        "state_dir": _place(state_dir),
        "alerts": _alerts(),
        "freshness": _age(destination, state_dir),
        "damage": _damage(destination, state_dir),
        "warnings": [*exposed(state_dir), *unknown(folders())],
    }


def origins() -> dict[str, str]:
    """Setting → what it is taken from, for those that are set; never a value."""
    try:
        return _origins()
    except ConfigError:  # which the settings themselves tell of
        return {}


def exposed(state_dir: Path) -> list[str]:
    """A line for each thing that other users of this machine could read or change."""
    secrets = Path(FOLDER) / "secrets.toml"
    looked_at = (
        (secrets, 0o077, "others could read or change it: chmod 600"),
        (Path(FOLDER), 0o022, "others could put another file into it: chmod 700"),
        (state_dir, 0o022, "others could put another file into it: chmod go-w"),
        (work(state_dir), 0o077, "others could read or change it: chmod 700"),
    )
    found = ((path, _mode(path) & bits, what) for path, bits, what in looked_at)
    return [
        f"{path} has mode {_mode(path):o}: {what} {path}"
        for path, open_to, what in found
        if open_to
    ]


def _mode(path: Path) -> int:
    """The rights of a file; none where there is no file."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0


def _origins() -> dict[str, str]:
    found = {name: where for name in sorted(names()) if (where := _origin(name, "cliniko"))}
    for account in named():
        section = ("cliniko", "accounts", account)
        of_account = ((name, _origin(name, *section)) for name in sorted(names()))
        found |= {f"accounts.{account}.{name}": where for name, where in of_account if where}
    return found


def _origin(name: str, *sections: str) -> str:
    """The provider that dlt takes a setting from; empty if none has it."""
    for provider in dlt.config.config_providers:
        value, key = provider.get_value(name, str, "", "sources", *sections)
        if value is not None:
            return key if provider.name == "Environment Variables" else provider.name
    return ""


def skew(date: datetime) -> dict[str, Any]:
    """How far this machine's clock is from the server's, in seconds."""
    seconds = round((datetime.now(UTC) - date).total_seconds())
    near = abs(seconds) <= SKEW
    what = "" if near else f"this machine's clock is {seconds} s from Cliniko's: set it"
    return {"ok": near, "seconds": seconds, "message": what}


def _place(state_dir: Path) -> dict[str, Any]:
    """Whether the state directory can be written, or made."""
    path = state_dir.absolute()
    existing = next(p for p in (path, *path.parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            message = ""
    except OSError as error:
        message = f"{existing} cannot be written: {error.strerror}"
    return {"path": str(path), "ok": not message, "message": message}


def _damage(destination: str, state_dir: Path) -> dict[str, Any]:
    """What is damaged in the state directory and the destination, a line each."""
    try:
        found = damages(destination, state_dir)
    except Exception as error:  # whatever a driver raises: the destination's own check tells
        return {"ok": True, "found": [], "message": f"not looked at: {type(error).__name__}"}
    return {"ok": not found, "found": found, "message": "; ".join(found)}


def _alerts() -> dict[str, Any]:
    """Whether somebody is told, without saying who."""
    try:
        found = alerts.resolve()
    except ConfigError as error:
        return {"ok": False, "webhook": False, "ping": False, "message": str(error)}
    either = bool(found.webhook_url or found.ping_url)
    return {
        "ok": True,
        "webhook": bool(found.webhook_url),
        "ping": bool(found.ping_url),
        "message": "" if either else "nobody is told when a night fails (docs/nightly.md)",
    }


def _age(destination: str, state_dir: Path) -> dict[str, Any]:
    """How old what readers see is; it is no fault here, `status` judges it."""
    unread = {"fresh": None, "hours_old": None}
    if destination == "duckdb" and not published(state_dir).exists():
        return unread | {"message": "nothing is published yet: run `cliniko sync`"}
    try:
        found = freshness.status(state_dir, destination)
    except (ClinikoError, duckdb.Error) as error:
        return unread | {"message": str(error).split("\n")[0]}
    except Exception as error:  # whatever a driver raises: the destination's own check tells
        return unread | {"message": type(error).__name__}
    undated = any(freshness.FUTURE in line["wrong"] for line in found["endpoints"].values())
    old = [f"lists are {freshness.FUTURE}"] if undated else []
    old += [] if found["ok"] or undated else ["too old: see `cliniko status`"]
    old += [f"last attempt {one['status']}: {one['message']}" for one in found["attempts"]]
    return {"fresh": found["ok"], "hours_old": found["hours_old"], "message": "; ".join(old)}
