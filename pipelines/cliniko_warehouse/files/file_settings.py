"""Which files are fetched, and how much of them."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import dlt
from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException

from cliniko.errors import ConfigError

ATTACHMENTS, SIGNATURES = "patient_attachments", "signatures"
KINDS = (ATTACHMENTS, SIGNATURES)
LIMITS = {"files_requests": 200, "files_bytes": 10 * 2**30}


@dataclass(frozen=True)
class FileSettings:
    """What is fetched.

    kinds:     the files
    requests:  that a run may send for them
    most:      bytes that they may take on this machine, in all
    """

    kinds: tuple[str, ...] = ()
    requests: int = LIMITS["files_requests"]
    most: int = LIMITS["files_bytes"]

    def of(self, lists: Collection[str]) -> "FileSettings":
        """The same for the files of some lists; signatures are those of patient forms."""
        homes = {ATTACHMENTS: ATTACHMENTS, SIGNATURES: "patient_forms"}
        return replace(self, kinds=tuple(one for one in self.kinds if homes[one] in lists))


def file_settings() -> FileSettings:
    """The settings of section `cliniko`. Raises ConfigError."""
    requests, most = (_number(name, default) for name, default in LIMITS.items())
    return FileSettings(_kinds(), requests, most)


def _kinds() -> tuple[str, ...]:
    try:
        given = dlt.config.get("cliniko.files", list)
    except ConfigValueCannotBeCoercedException:
        given = [""]
    kinds = tuple(dict.fromkeys(map(str, given or ())))
    if set(kinds) <= set(KINDS):
        return kinds
    raise ConfigError(
        f"files: it must be a list of {' and '.join(KINDS)} (set cliniko.files, or the "
        f"""environment variable CLINIKO__FILES, to '["{ATTACHMENTS}"]'; see docs/files.md)"""
    )


def _number(name: str, default: int) -> int:
    try:
        found = dlt.config.get(f"cliniko.{name}", int)
    except ConfigValueCannotBeCoercedException:
        found = -1
    if found is None:
        return default
    if found < 0:
        raise ConfigError(
            f"{name}: it must be a whole number from 0 on (set cliniko.{name}, or the environment "
            f"variable CLINIKO__{name.upper()}; see docs/files.md)"
        )
    return found
