"""What broke, in words that tell nothing of a patient.

Errors of databases and parsers quote the value that they stumbled over.
"""

import re
import traceback
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from cliniko.endpoints import ALL_ENDPOINTS, schema
from cliniko.errors import ClinikoError

QUOTED = re.compile(r"(?<!\w)'[^']*'|\"[^\"]*\"|`[^`]*`")  # an apostrophe follows a letter
OURS = re.compile(r"_\w+|cliniko(_\w+)?|utf-8|ascii|rb|wb|str|int|dict|list|bytes|NoneType")
LONGEST = 300  # characters of an error's text


def said(error: BaseException) -> str:
    """The error in one line; its text if it is ours, else what stands in it beside values."""
    if isinstance(error, ClinikoError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    text = str(error).strip().split("\n")[0][:LONGEST]
    return redact(text) or type(error).__name__


def redact(text: str) -> str:
    """The text without what it quotes, unless that is a name of ours or a file's.

    From the first quotation that is neither up to the last one nothing is kept, since a
    value may hold quotes itself.
    """
    for quote in QUOTED.finditer(text):
        if not _harmless(quote[0][1:-1]):
            last = max(text.rfind(mark) for mark in "'\"`")
            return f"{text[: quote.start()]}…{text[last + 1 :]}"
    lone = re.search(r"(?<![^\W_])['\"`]", QUOTED.sub("", text))
    return text if lone is None else text[: text.find(lone[0])] + "…"


def trace(error: BaseException) -> str:
    """Where it broke, as Python shows it, without the values that its texts quote."""
    return "".join(_steps(error))


def cause(error: BaseException) -> BaseException:
    """What an error comes from: our own if one is among its causes, else the innermost."""
    while (inner := error.__cause__ or error.__context__) is not None:
        if isinstance(error, ClinikoError):
            break
        error = inner
    return error


def _steps(error: BaseException) -> Iterator[str]:
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _steps(before)
        yield "\nwhich led to\n\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__name__}: {said(error)}\n"


def _harmless(text: str) -> bool:
    """Whether a quoted text is a name of ours, or a file that is there."""
    parts = re.split(r"[.\s]", text.replace('"', ""))
    if all(not part or OURS.fullmatch(part) or part in _names() for part in parts):
        return True
    return text.startswith("/") and (Path(text).exists() or Path(text).parent.exists())


@lru_cache(1)
def _names() -> frozenset[str]:
    """The names of all tables and columns."""
    tables = [table for endpoint in ALL_ENDPOINTS.values() for table in schema.tables(endpoint)]
    columns = (column.name for table in tables for column in table.columns)
    return frozenset({*(table.name for table in tables), *columns})
