"""Cliniko's API → typed tables: a dlt source.

`cliniko_source` is imported when it is asked for, since dlt takes a second to import and
most of this package does without it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .source import cliniko_source

__all__ = ["cliniko_source"]


def __getattr__(name: str) -> Any:
    """The source, on first use."""
    if name != "cliniko_source":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .source import cliniko_source

    return cliniko_source
