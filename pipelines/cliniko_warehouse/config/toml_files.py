"""The TOML files of settings: read as UTF-8, or refused with file, line and encoding."""

import codecs
import os
import re
import tomllib
from pathlib import Path
from typing import Any

from cliniko.errors import UnreadableSettings

CURE = "mend it, or move it away"
OTHER_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
"""What files of other encodings begin with; of two that fit, the longer stands first."""

PLACE = re.compile(r"\(at (line \d+, column \d+|end of document)\)")


def text(file: Path) -> str | None:
    """The file's text as valid TOML, without a byte order mark; None if there is no file.

    Raises UnreadableSettings in one line that quotes nothing of the file: a key may be in it.
    """
    if not os.path.exists(file):  # noqa: PTH110  # False, too, where the folder is forbidden
        return None
    try:
        found = _decoded(file, file.read_bytes())
    except IsADirectoryError:
        raise UnreadableSettings(f"{file} is a folder, not a file: move it away") from None
    except OSError as error:
        raise UnreadableSettings(f"{file} cannot be read: {error.strerror}") from None
    try:
        tomllib.loads(found)
    except ValueError as error:
        where = PLACE.search(str(error))
        raise UnreadableSettings(
            f"{file}, {where[1] if where else 'somewhere'}: not valid TOML: {CURE}"
        ) from None
    return found


def values(file: Path) -> dict[str, Any]:
    """What the file says; nothing if there is none. Raises UnreadableSettings."""
    return tomllib.loads(text(file) or "")


def _decoded(file: Path, content: bytes) -> str:
    """The text of UTF-8 bytes. Raises UnreadableSettings for any other encoding."""
    save = "save it as UTF-8"
    for mark, name in OTHER_MARKS.items():
        if content.startswith(mark):
            raise UnreadableSettings(f"{file} is encoded in {name}: {save}")
    if zero := content.find(b"\0") + 1:
        if content[:200].count(b"\0") * 3 > len(content[:200]):
            raise UnreadableSettings(f"{file} is encoded in UTF-16 or UTF-32: {save}")
        raise UnreadableSettings(f"{file}, line {_line(content, zero)}: a NUL byte: {CURE}")
    try:
        return content.removeprefix(codecs.BOM_UTF8).decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = _line(error.object, error.start)
        raise UnreadableSettings(
            f"{file}, line {line}: not encoded in UTF-8 (perhaps in Latin-1): {save}"
        ) from None


def _line(content: bytes, end: int) -> int:
    return content.count(b"\n", 0, end) + 1
