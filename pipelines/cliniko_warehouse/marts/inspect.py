"""What can be asked of marts that are built: their tests, their documentation."""

import shutil
from pathlib import Path

from cliniko.errors import ConfigError
from cliniko_warehouse.marts import dbt_runner
from cliniko_warehouse.marts.build import check
from cliniko_warehouse.marts.data_warnings import DataWarning, data_warnings
from cliniko_warehouse.marts.dbt_runner import Outcome
from cliniko_warehouse.marts.project import variables
from cliniko_warehouse.marts.swap import relations, session
from cliniko_warehouse.paths import MARTS, marts_folder
from cliniko_warehouse.warehouse.warehouse import Warehouse

PAGE = "marts.html"


def test(store: Warehouse, state_dir: Path) -> Outcome:
    """Run the tests on the marts as they are. Raises ConfigError if there are none."""
    return _asked(["test"], store, state_dir)


def warned(store: Warehouse, state_dir: Path) -> tuple[DataWarning, ...]:
    """Data-quality warnings, as the marts that are there count them."""
    with session(store, state_dir) as client:
        return data_warnings(client)


def docs(store: Warehouse, state_dir: Path) -> Path:
    """One page with every model, column and where it comes from; gives the file.

    Raises ConfigError if there are no marts, or dbt could not write it.
    """
    outcome = _asked(["docs", "generate", "--static"], store, state_dir)
    made = _target(store, state_dir) / "static_index.html"
    if not made.exists():
        raise ConfigError("; ".join(outcome.failed) or "dbt wrote no page")
    return Path(shutil.move(made, state_dir / PAGE))


def _asked(command: list[str], store: Warehouse, state_dir: Path) -> Outcome:
    """A dbt command on the schema that readers use."""
    check(store.name)
    with session(store, state_dir) as client:
        if not relations(client, MARTS):
            raise ConfigError("there are no marts yet: run `cliniko marts build` first")
        reach = variables(store, client.credentials)
    return dbt_runner.run(
        command, _target(store, state_dir), {**reach, "CLINIKO_MARTS_SCHEMA": MARTS}
    )


def _target(store: Warehouse, state_dir: Path) -> Path:
    """A target directory of its own: with another schema dbt parses another project."""
    return marts_folder(state_dir, store.name) / "look"
