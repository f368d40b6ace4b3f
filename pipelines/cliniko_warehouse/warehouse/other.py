"""Any other destination that dlt knows: what it can do, and what happens instead."""

import difflib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dlt
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.destination import Destination
from dlt.common.destination.exceptions import DestinationException, UnknownDestinationModule

from cliniko.errors import ConfigError, Unavailable

WAY = "delete-insert"  # how rows are replaced: by key, and a parent's list as a whole
PLAIN = "{name}: tables have no comments, keys or indexes there"
APPENDS = (
    "{name}: rows cannot be replaced there, so every version is added, and the one with the latest "
    "_read_at counts (see docs/destinations.md); nothing is compared or marked as gone"
)


def destination(name: str) -> Any:
    """The destination of that name, its driver installed. Raises ConfigError."""
    made = named(name)
    try:
        made.client_class  # noqa: B018  # imports the driver
    except ImportError as error:
        wanted = getattr(error, "dependencies", None) or [f"dlt[{name}]"]
        raise ConfigError(f"{name} needs more: pip install '{wanted[0]}'") from error
    return made


def named(name: str) -> Any:
    """The destination of that name, whose driver need not be there. Raises ConfigError."""
    try:
        return Destination.from_reference(name)
    except (DestinationException, UnknownDestinationModule, ImportError) as error:
        near = difflib.get_close_matches(name, dlt.destinations.__all__, n=1)
        cure = f"did you mean {near[0]}?" if near else "use duckdb, postgres, or another of dlt's"
        raise ConfigError(f"there is no destination {name!r}: {cure}") from error


def merges(made: Any, name: str) -> bool:
    """Whether rows can be replaced there; dlt adds them where a destination knows no merge.

    Raises ConfigError if it knows only merges that leave rows of a list that has shrunk.
    """
    able = made.capabilities()
    ways = able.supported_merge_strategies or []
    if able.merge_strategies_selector:
        ways = able.merge_strategies_selector(ways, table_schema={"name": "any"})
    if ways and WAY not in ways:
        raise ConfigError(f"{name} cannot replace rows in the way that this program needs ({WAY})")
    return bool(ways)


def notes(name: str, merged: bool) -> list[str]:
    """What a user should know of how it is loaded."""
    return [text.format(name=name) for text in ((PLAIN,) if merged else (PLAIN, APPENDS))]


@contextmanager
def opened(made: Any, dataset: str) -> Iterator[None]:
    """See that a destination answers.

    Raises ConfigError for what the user has to set, Unavailable for all else.
    """
    name = made.destination_name
    with tempfile.TemporaryDirectory() as folder:
        try:
            flow = dlt.pipeline(dataset, folder, destination=made, dataset_name=dataset)
            with flow.destination_client() as client:
                client.is_storage_initialized()
        except ConfigurationException as error:
            raise ConfigError(f"{name}: {_first_line(error)}") from error
        except Exception as error:  # whatever a driver raises is the answer here
            raise Unavailable(f"{name} cannot be used: {_first_line(error)}") from error
    yield


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0]
