"""The command that erases: forget."""

from typing import Annotated

import typer

from pipelines.cli.arguments import STATE, AsJson, StateDir, To
from pipelines.cli.output import say, show
from sources.cliniko.errors import ConfigError


def forget(
    patient: Annotated[list[int], typer.Option("--patient", min=1, help="Id; may come again.")],
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
    from pipelines import forget as erasing
    from pipelines import place
    from pipelines.report import console, listed
    from sources.cliniko import accounts

    settings = accounts.one(account)
    if destination == "duckdb" and not place.work_file(state_dir).exists():
        raise ConfigError(place.NOTHING)
    if undo:
        count = erasing.remember(settings, patient, destination, state_dir)
        say(f"{count} records may come back; the next run reads what the account has of them")
        return
    rows = erasing.forget(settings, patient, destination, state_dir, even_if_there=even_if_there)
    if as_json:
        show({"account": settings.account, "patients": patient, "tables": rows})
        return
    listed(console(stderr=False), ("table", "rows"), list(rows.items()))
    say(f"forgotten: {len(patient)} patients, {sum(rows.values())} rows in {len(rows)} tables")
