"""What can be asked of marts that are built: their tests, their documentation."""

import shutil
from pathlib import Path

from pipelines.destinations import Warehouse
from pipelines.marts import dbt
from pipelines.marts.build import check
from pipelines.marts.connection import variables
from pipelines.marts.data_warnings import DataWarning, data_warnings
from pipelines.marts.dbt import Outcome
from pipelines.marts.session import relations, session
from pipelines.place import MARTS, marts_folder
from sources.cliniko.errors import ConfigError

PAGE = "marts.html"


def test(store: Warehouse, state_dir: Path) -> Outcome:
    """Run the tests on the marts as they are. Raises ConfigError if there are none."""
    return _asked(["test"], store, state_dir)


def warned(store: Warehouse, state_dir: Path) -> tuple[DataWarning, ...]:
    """What was entered oddly, as the marts that are there count it."""
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
    return dbt.run(command, _target(store, state_dir), {**reach, "CLINIKO_MARTS_SCHEMA": MARTS})


def _target(store: Warehouse, state_dir: Path) -> Path:
    """Apart from the builds': another schema makes another parsed project."""
    return marts_folder(state_dir, store.name) / "look"
