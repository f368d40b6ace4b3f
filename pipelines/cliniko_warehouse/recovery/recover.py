"""A destination made ready for a run: reached, its files sound, its tables as runs left them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cliniko_warehouse.recovery import dlt_files, schema_repair
from cliniko_warehouse.warehouse.warehouse import Warehouse


@contextmanager
def recovered(store: Warehouse, state_dir: Path) -> Iterator[list[str]]:
    """Open a destination, and mend what is damaged there or here; what is lost, a line each.

    To be asked under the lock of the state directory. Raises ConfigError for damage that a
    person has to mend, Locked and Unavailable as `Warehouse.opened` does.
    """
    with store.opened():
        dlt_files.mend(store.name, state_dir)
        yield schema_repair.repair(store, state_dir)
