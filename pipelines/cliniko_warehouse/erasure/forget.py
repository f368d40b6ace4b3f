"""A patient forgotten: out of the warehouse, out of the file that readers open."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from cliniko.api import filters
from cliniko.api.client import Client
from cliniko.endpoints import ENDPOINTS
from cliniko.errors import ConfigError, NothingLoaded
from cliniko.pagination.list_request import ListRequest
from cliniko.pagination.page import total
from cliniko.settings import ClinikoSettings
from cliniko.transform.erased import PATIENTS
from cliniko_warehouse import paths
from cliniko_warehouse.erasure import forgotten, patient_rows
from cliniko_warehouse.erasure.patient_rows import Rows
from cliniko_warehouse.files.fetch import remove_unreferenced
from cliniko_warehouse.load import account_identity
from cliniko_warehouse.load.account_loader import AccountLoader
from cliniko_warehouse.publish.publish import publish
from cliniko_warehouse.recovery.recover import recovered
from cliniko_warehouse.warehouse.file_locks import hold_account, hold_place, writers
from cliniko_warehouse.warehouse.warehouse import Warehouse, warehouse


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
    state_dir = paths.writable(state_dir)
    with hold_place(state_dir), hold_account(settings, state_dir):
        paths.sweep(state_dir)
        with _opened(settings, destination, state_dir) as (store, loader):
            if not even_if_there:
                _refuse_if_there(settings, patients, loader)
            rows = patient_rows.forget(loader, patients, store)
            remove_unreferenced(loader.flow, state_dir)
        if store.file:
            publish(store.file, state_dir, settings.published_mode)
    return rows


def remember(
    settings: ClinikoSettings, patients: Collection[int], destination: str, state_dir: Path
) -> int:
    """Let what the account has of the patients come back; the next run compares and reads it."""
    state_dir = paths.writable(state_dir)
    with (
        hold_place(state_dir),
        hold_account(settings, state_dir),
        _opened(settings, destination, state_dir) as (_, loader),
    ):
        return forgotten.remember(loader, patients)


@contextmanager
def _opened(
    settings: ClinikoSettings, destination: str, state_dir: Path
) -> Iterator[tuple[Warehouse, AccountLoader]]:
    """The warehouse, held, with what a run before left brought in line."""
    store = warehouse(destination, state_dir)
    with recovered(store, state_dir), store.locked(writers(settings.account, settings)):
        loader = AccountLoader(store, settings.account, state_dir)
        loader.prepare()
        if not loader.flow.default_schema_name:
            raise NothingLoaded(paths.NOTHING)
        yield store, loader


def _refuse_if_there(
    settings: ClinikoSettings, patients: Collection[int], loader: AccountLoader
) -> None:
    """Raise ConfigError if the account has one of them, archived or not.

    An account of which nobody here is a patient would let all of them go: it is refused.
    """
    with Client(settings) as client:
        account_identity.verify(loader, client, settings)
        endpoint = ENDPOINTS[PATIENTS]
        listed = ListRequest(client, endpoint, endpoint.paths[0], [])
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
