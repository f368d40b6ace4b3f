"""Which files are fetched, and how much of them."""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

import dlt
from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException

from cliniko.errors import ConfigError
from cliniko_warehouse.config.numbers import number

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
    words = "a whole number from 0 on"
    requests, most = (
        number(name, default, 0, math.inf, words, "files") for name, default in LIMITS.items()
    )
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
