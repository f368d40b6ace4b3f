"""The program `cliniko`: its commands, and what its errors look like."""

import atexit
import gc
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, Any

import typer

from cliniko.errors import ClinikoError
from cliniko.extract.state import version
from cliniko_warehouse import memory
from cliniko_warehouse.cli.commands import (
    forget,
    init,
    inspect,
    local,
    marts,
    schedule,
    state,
    status,
    sync,
    verify,
)
from cliniko_warehouse.cli.support import early_json, exit_codes, streams
from cliniko_warehouse.cli.support.dlt_commands import documented, well_spelled
from cliniko_warehouse.cli.support.options import refuse_empty
from cliniko_warehouse.cli.support.output import say, show
from cliniko_warehouse.cli.support.unattended import Narrated

app = typer.Typer(
    name="cliniko",
    help="A complete, typed copy of a Cliniko account in DuckDB or Postgres.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    documented(init.init),
    documented(sync.sync),
    documented(sync.reconcile),
    documented(verify.verify),
    documented(inspect.check, refuses=False),
    well_spelled(status.status),
    inspect.endpoints,
    documented(inspect.get),
    documented(sync.publish),
    well_spelled(schedule.schedule),
    well_spelled(local.dashboard),
    documented(local.digest),
    well_spelled(local.mcp),
    documented(forget.forget),
    local.sandbox,
    documented(local.demo),
):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version())
        raise typer.Exit


@app.callback()
def _program(
    asked: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version and end."
        ),
    ] = False,
) -> None:
    pass


app.add_typer(state.app, name="state")
app.add_typer(marts.app, name="marts")


YOUNG = 100_000  # objects that come to be between two looks for garbage


def collect_rarely() -> None:
    """Have Python seldom look for garbage: modules and records hold no circles.

    It would every 700 objects, and at its end look through all modules once more, which
    is a fifth of a quiet night's CPU.
    """
    gc.set_threshold(YOUNG)
    atexit.register(_end)


def _end() -> None:
    gc.freeze()
    # DuckDB's binding counts then what is left of it, and lists that as leaks.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def main() -> None:
    """Run the command line; every error is one line, an exit code, and an object for --json."""
    for name in [name for name in os.environ if name.startswith("DLT_")]:
        del os.environ[name]  # of another dlt project; dlt reads them when it is imported
    if "PYTHONWARNINGS" in os.environ:
        warnings.resetwarnings()  # of a developer's shell: a library's warning ends no night
        warnings.simplefilter("ignore")
    os.umask(0o077)  # nobody else is to read what is written
    streams.ensure_standard_streams()
    collect_rarely()
    memory.without_pandas()
    with _ended_by_signal():
        code = _run()
        if why := streams.stdout_error():
            say(f"cliniko: stdout cannot be written: {why}")
            code = code or exit_codes.FAILED
    sys.exit(code)


class Terminated(BaseException):
    """SIGTERM came while no run was there to hear it."""


def _run() -> int:
    """Run the command; its exit code."""
    try:
        refuse_empty(sys.argv[1:])
        code = app(standalone_mode=False)
    except Narrated as error:
        return _failed(exit_codes.of_error(error.cause), _message(error.cause), narrated=True)
    except Terminated:
        return _failed(exit_codes.FAILED, "ended by SIGTERM")
    except Exception as error:
        if hasattr(error, "format_message") and hasattr(error, "exit_code"):
            return _misused(error)
        if os.environ.get("CLINIKO_DEBUG"):
            from cliniko_warehouse.error_text import trace

            say(trace(error))
        return _failed(exit_codes.of_error(error), _message(error))
    if code == exit_codes.INTERRUPTED:  # typer makes this of Ctrl-C
        return _failed(code, "interrupted")
    return code if isinstance(code, int) else exit_codes.DONE


def _misused(error: Any) -> int:
    """A command line that cannot be understood: what is wrong with it, and how to go on."""
    error.show()
    return _failed(error.exit_code, error.format_message(), narrated=True)


def _failed(code: int, said: str, *, narrated: bool = False) -> int:
    """Say why the command ended, with an object where one was asked for."""
    if not narrated:
        say(f"cliniko: {said}")
    if early_json.wanted(sys.argv[1:]):
        show(early_json.failure(sys.argv[1:], said))
    return code


def _message(error: Exception) -> str:
    """An error that ended the command, for a person."""
    if isinstance(error, ClinikoError):
        return str(error)
    if memory.is_short(error):
        return memory.WORDS
    from cliniko_warehouse.error_text import said

    return f"{type(error).__name__}: {said(error)} (CLINIKO_DEBUG=1 shows where)"


@contextmanager
def _ended_by_signal() -> Iterator[None]:
    """End on SIGTERM where no run hears it; what was ignored, or is another's, stays so."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise Terminated

    main_thread = threading.current_thread() is threading.main_thread()
    if not main_thread or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
