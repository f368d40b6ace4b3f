"""A command that runs unattended: what its log looks like, and who is told if it breaks."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console


class Form(StrEnum):
    """What narration looks like: tables for a person, or a JSON object a line."""

    HUMAN = "human"
    JSON = "json"


LogFormat = Annotated[
    Form,
    typer.Option("--log-format", envvar="CLINIKO_LOG_FORMAT", help="What stderr looks like."),
]


@dataclass(frozen=True)
class Narration:
    """Where a run narrates to.

    console:  for tables and progress; quiet if the log does it for a machine
    """

    form: Form
    console: "Console"

    def logged(self, state_dir: Path, *, made: bool = True) -> AbstractContextManager[None]:
        """Write the log until the block ends."""
        from cliniko_warehouse.monitoring.logs import logged

        return logged(state_dir, self.form.value, self.console, made=made)


class Narrated(Exception):
    """What broke a command is in its log already; `cause` says how it ends."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


@contextmanager
def watched(state_dir: Path, form: Form) -> Iterator[Narration]:
    """Tell of what breaks the block, in which the settings are read and the run is made.

    A state directory that is not there is not made for that: a wrong folder stays as it is.
    """
    from cliniko_warehouse.presentation.console import console

    narration = Narration(form, console())
    narration.console.quiet = form is Form.JSON
    try:
        yield narration
    except Exception as error:
        from cliniko_warehouse.monitoring import notify

        with narration.logged(state_dir, made=False):
            notify.broke(error, state_dir.absolute(), seen=sys.stderr.isatty())
        if form is Form.HUMAN:
            raise  # `main` says it
        raise Narrated(error) from error
