"""The command that compares: what readers see with what was loaded, that with the account."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cliniko.errors import ConfigError
from cliniko_warehouse.cli.support import exit_codes
from cliniko_warehouse.cli.support.options import (
    STATE,
    Accounts,
    AsJson,
    Names,
    StateDir,
    To,
    chosen,
)
from cliniko_warehouse.cli.support.output import plain, say, show

if TYPE_CHECKING:
    from cliniko.endpoints.spec import Endpoint
    from cliniko_warehouse.verification.certificate import Certificate

SHOWN = 20  # differences that a person is shown
CODES = {"equal": exit_codes.DONE, "different": exit_codes.PARTLY, "failed": exit_codes.FAILED}


def verify(
    names: Names = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read the account again and compare every value.")
    ] = False,
    account: Accounts = None,
    destination: To = "",
    as_json: AsJson = False,
    state_dir: StateDir = STATE,
) -> None:
    """Compare what readers see with what was loaded; with --full also with the account."""
    from cliniko_warehouse.verification.certificate import Certificate

    certificate = Certificate()
    endpoints = chosen(names)
    _verify(certificate, endpoints, bool(names), full, account, destination, state_dir)
    _tell(certificate, as_json)
    raise typer.Exit(CODES[certificate.status])


def _verify(
    certificate: "Certificate",
    endpoints: Collection["Endpoint"],
    named: bool,
    full: bool,
    account: list[str] | None,
    destination: str,
    state_dir: Path,
) -> None:
    """Compare, while no run is at work."""
    from cliniko import accounts
    from cliniko_warehouse import paths
    from cliniko_warehouse.verification.account_check import verify_account
    from cliniko_warehouse.verification.certificate import Unverifiable
    from cliniko_warehouse.verification.published_check import verify_counts, verify_published_file
    from cliniko_warehouse.warehouse.file_locks import hold_account, hold_place, writers
    from cliniko_warehouse.warehouse.warehouse import warehouse

    if account and not full:
        accounts.refuse_unknown(account, accounts.expected())
        raise ConfigError(
            "--account goes with --full: without it, what readers see of all accounts is compared"
        )
    if destination == "duckdb" and not paths.work_file(state_dir).exists():
        raise Unverifiable(paths.NOTHING)
    settings = accounts.settings(account or ()) if full else []
    state_dir = paths.writable(state_dir)
    with hold_place(state_dir):
        if destination == "duckdb":
            verify_published_file(state_dir, endpoints if named else (), certificate)
        elif not full:
            verify_counts(destination, state_dir, endpoints if named else (), certificate)
        if not full:
            return
        published = certificate.begin_anew()
        store = warehouse(destination, state_dir)
        with store.opened():
            for one in settings:
                with hold_account(one, state_dir), store.locked(writers(one.account, one)):
                    verify_account(one, endpoints, store, state_dir, certificate)
        certificate.add_rows_not_named(published)


def _tell(certificate: "Certificate", as_json: bool) -> None:
    """The certificate: one object, or a few lines."""
    for line in (*certificate.notes, *certificate.failures):
        say(line)
    if as_json:
        show(certificate.report())
        return
    c = certificate
    typer.echo(
        f"{c.status}: {c.tables} tables, {c.rows} rows, {c.values} values compared, "
        f"{len(c.differences)} differences, as of {plain(c.as_of)}"
    )
    for one in c.differences[:SHOWN]:
        row = "" if one.id is None else f" {one.id}"
        column = "" if one.column is None else f" {one.column}"
        typer.echo(f"  {one.table}{row}{column}: {one.kind}")
    if len(c.differences) > SHOWN:
        typer.echo(f"  and {len(c.differences) - SHOWN} more (--json has them all)")
