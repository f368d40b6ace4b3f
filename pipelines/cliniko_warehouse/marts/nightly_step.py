"""The marts' turn in a night: after the runs have loaded, before readers get the copy."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import dlt
from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException

from cliniko.errors import ConfigError, Stopped
from cliniko_warehouse.ledger.failures import LEDGER_FAILED, record_failures
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.ledger.writer import record
from cliniko_warehouse.marts.build import Built, build
from cliniko_warehouse.marts.data_warnings import sentences
from cliniko_warehouse.marts.project import MISSING, built_on, installed
from cliniko_warehouse.warehouse.warehouse import Warehouse

SETTING = "cliniko.marts"  # CLINIKO__MARTS


def build_marts_step(
    runs: Sequence[Run],
    store: Warehouse,
    state_dir: Path,
    *,
    as_of: datetime | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> list[str]:
    """Build the marts if they are wanted; what to say of it in the closing lines.

    If they fail, the runs that loaded rows are partial, and say which model it was: what
    was loaded is published with the last good marts.
    """
    loaded = [run for run in runs if run.status != "failed"]
    if not loaded or stop() or not built_on(store.name) or not wanted():
        return []
    if not installed(store.name):
        return [MISSING]
    built = _built(store, state_dir, as_of, stop)
    for run in loaded:
        run.warnings = sentences(one for one in built.warned if one.account == run.account)
    if built.failed:
        for run in loaded:
            run.fail(f"marts not built: {built.failed[0]}" + _more(built))
        with record_failures(loaded, LEDGER_FAILED):
            record(loaded, store, state_dir)
    return _said(built)


def buildable(store: Warehouse) -> bool:
    """Whether a build is wanted and can be had there."""
    return built_on(store.name) and wanted() and installed(store.name)


def wanted() -> bool:
    """The setting, on unless it says otherwise. Raises ConfigError if it says neither."""
    try:
        said = dlt.config.get(SETTING, bool)
    except ConfigValueCannotBeCoercedException as error:
        raise ConfigError(
            "marts: it must be true or false (set cliniko.marts, or the environment variable "
            "CLINIKO__MARTS; see docs/settings.md)"
        ) from error
    return said is None or said


def _built(
    store: Warehouse, state_dir: Path, as_of: datetime | None, stop: Callable[[], bool]
) -> Built:
    """The build; whatever breaks it is its failure, not the night's."""
    try:
        return build(store, state_dir, as_of=as_of, stop=stop)
    except Stopped:
        return Built("failed", ("the run was told to end",))
    except Exception as error:
        first = str(error).strip().split("\n")[0]
        return Built("failed", (f"{type(error).__name__}: {first}",))


def _more(built: Built) -> str:
    """How many others there are beside the failure that is named."""
    others = len(built.failed) - 1
    return f" (and {others} more)" if others else ""


def _said(built: Built) -> list[str]:
    if built.status == "failed":
        return ["the marts are those of before: " + "; ".join(built.failed)]
    done = f"marts built and tested in {built.seconds:.1f} s"
    warned = [f"marts: {sentence}" for sentence in sentences(built.warned)]
    return ["marts: nothing has changed" if built.status == "unchanged" else done, *warned]
