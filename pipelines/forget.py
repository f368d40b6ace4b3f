"""A patient forgotten: out of the warehouse, out of the file that readers open."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines import erasure, identity, place
from pipelines.destinations import Warehouse, warehouse
from pipelines.erasure import Rows
from pipelines.landing import Landing
from pipelines.lock import hold_account, hold_place, writers
from pipelines.publish import publish
from pipelines.recovery import recovered
from sources.cliniko import filters
from sources.cliniko.client import Client
from sources.cliniko.endpoints import ENDPOINTS
from sources.cliniko.errors import ConfigError
from sources.cliniko.forgotten import PATIENTS
from sources.cliniko.listed import Listed
from sources.cliniko.page import total
from sources.cliniko.settings import ClinikoSettings


def forget(
    settings: ClinikoSettings,
    patients: Collection[int],
    destination: str,
    state_dir: Path,
    *,
    even_if_there: bool = False,
) -> Rows:
    """Remove all that belongs to the patients, also from the files; what was done, by table.

    What a run before left half done is loaded first, so that nothing of it comes later.
    Raises ConfigError if the account still has one of them, or if the key is of another
    account; Locked if a run is at work.
    """
    state_dir = place.writable(state_dir)
    with hold_place(state_dir), hold_account(settings, state_dir):
        place.sweep(state_dir)
        with _opened(settings, destination, state_dir) as (store, landing):
            if not even_if_there:
                _refuse_if_there(settings, patients, landing)
            rows = erasure.forget(landing, patients, store)
        if store.file:
            publish(store.file, state_dir, settings.published_mode)
    return rows


def remember(
    settings: ClinikoSettings, patients: Collection[int], destination: str, state_dir: Path
) -> int:
    """Let what the account has of the patients come back; the next run compares and reads it."""
    state_dir = place.writable(state_dir)
    with (
        hold_place(state_dir),
        hold_account(settings, state_dir),
        _opened(settings, destination, state_dir) as (_, landing),
    ):
        return erasure.remember(landing, patients)


@contextmanager
def _opened(
    settings: ClinikoSettings, destination: str, state_dir: Path
) -> Iterator[tuple[Warehouse, Landing]]:
    """The warehouse, held, with what a run before left brought in line."""
    store = warehouse(destination, state_dir)
    with recovered(store, state_dir), store.locked(writers(settings.account, settings)):
        landing = Landing(store, settings.account, state_dir)
        landing.prepare()
        if not landing.flow.default_schema_name:
            raise ConfigError(place.NOTHING)
        yield store, landing


def _refuse_if_there(
    settings: ClinikoSettings, patients: Collection[int], landing: Landing
) -> None:
    """Raise ConfigError if the account has one of them, archived or not.

    An account of which nobody here is a patient would let all of them go: it is refused.
    """
    with Client(settings) as client:
        identity.verify(landing, client, settings)
        endpoint = ENDPOINTS[PATIENTS]
        listed = Listed(client, endpoint, endpoint.paths[0], [])
        there = [
            str(number)
            for number in sorted(patients)
            if total(listed.get([filters.number("id", "=", number)], per_page=1))
        ]
    if there:
        raise ConfigError(
            f"the account still has patient {', '.join(there)}: delete it in Cliniko first, or add"
            " --even-if-there to leave it out of the warehouse all the same"
        )
