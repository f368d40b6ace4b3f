"""The program `cliniko`: its commands, and what its errors look like."""

import atexit
import gc
import os
import sys

import typer

from pipelines.cli import (
    ages,
    cursors,
    erase,
    exits,
    looks,
    marts,
    overview,
    schedules,
    setup,
    trials,
    verify,
    work,
)
from pipelines.cli.documented import documented
from pipelines.cli.output import say
from sources.cliniko.errors import ClinikoError

app = typer.Typer(
    name="cliniko",
    help="A complete, typed copy of a Cliniko account in DuckDB or Postgres.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    documented(setup.init),
    documented(work.sync),
    documented(work.reconcile),
    documented(verify.verify),
    documented(looks.check),
    ages.status,
    looks.endpoints,
    documented(looks.get),
    documented(work.publish),
    schedules.schedule,
    overview.dashboard,
    documented(erase.forget),
    trials.sandbox,
    documented(trials.demo),
):
    app.command()(command)
app.add_typer(cursors.app, name="state")
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
    sys.stdout.flush()  # while somebody can still be told that it fails
    gc.freeze()
    # DuckDB's binding counts then what is left of it, and lists that as leaks.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def main() -> None:
    """Run the command line; every error that is ours is one line and an exit code."""
    for name in [name for name in os.environ if name.startswith("DLT_")]:
        del os.environ[name]  # of another dlt project; dlt reads them when it is imported
    os.umask(0o077)  # nobody else is to read what is written
    collect_rarely()
    try:
        app()
    except ClinikoError as error:
        say(f"cliniko: {error}")
        sys.exit(exits.of_error(error))
    except KeyboardInterrupt:
        say("cliniko: interrupted")
        sys.exit(exits.FAILED)
    except Exception as error:
        from pipelines.wording import said, trace

        if os.environ.get("CLINIKO_DEBUG"):
            say(trace(error))
        say(f"cliniko: {type(error).__name__}: {said(error)} (CLINIKO_DEBUG=1 shows where)")
        sys.exit(exits.FAILED)
