"""The command that erases: forget."""

from typing import Annotated

import typer

from cliniko.errors import ConfigError, NothingLoaded
from cliniko_warehouse.cli.support.options import (
    STATE,
    AsJson,
    StateDir,
    To,
)
from cliniko_warehouse.cli.support.output import say, show

LARGEST = 2**63 - 1  # of the ids that Cliniko has


def forget(
    patient: Annotated[
        list[int], typer.Option("--patient", min=1, max=LARGEST, help="Id; may come again.")
    ],
    account: Annotated[
        str | None, typer.Option("--account", help="Whose patient, if there are several accounts.")
    ] = None,
    even_if_there: Annotated[
        bool, typer.Option("--even-if-there", help="Also if the account still has the patient.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Let what the account has of the patient come back.")
    ] = False,
    destination: To = "",
    as_json: AsJson = False,
    state_dir: StateDir = STATE,
) -> None:
    """Remove all that belongs to a patient whom the clinic has deleted for good."""
    from cliniko import accounts
    from cliniko_warehouse import paths
    from cliniko_warehouse.erasure import forget as erasing
    from cliniko_warehouse.presentation.progress import console, listed

    settings = accounts.one(account)
    if destination == "duckdb" and not paths.work_file(state_dir).exists():
        raise NothingLoaded(paths.NOTHING)
    if undo:
        count = erasing.remember(settings, patient, destination, state_dir)
        if not count:
            raise ConfigError(f"nothing was ever forgotten under {_named(patient)}: check the id")
        if as_json:
            show({"account": settings.account, "patients": patient, "records": count})
        say(f"{count} records may come back; the next run reads what the account has of them")
        return
    rows = erasing.forget(settings, patient, destination, state_dir, even_if_there=even_if_there)
    if as_json:
        show({"account": settings.account, "patients": patient, "tables": rows})
        return
    listed(console(stderr=False), ("table", "rows"), list(rows.items()))
    say(f"forgotten: {len(patient)} patients, {sum(rows.values())} rows in {len(rows)} tables")


def _named(patients: list[int]) -> str:
    return f"patient {', '.join(map(str, patients))}"
