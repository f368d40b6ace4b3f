"""Commands that work with dlt: they know documented settings and no others."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def documented(command: Callable[P, R], *, refuses: bool = True) -> Callable[P, R]:
    """The command, run where settings of other programs change nothing.

    refuses:  whether misspelled settings are refused before it begins
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        from cliniko_warehouse.config.providers import only_documented  # dlt takes a second

        if refuses:
            refuse_misspelled()
        with only_documented():
            return command(*args, **kwargs)

    return run


def well_spelled(command: Callable[P, R]) -> Callable[P, R]:
    """A command that looks settings up by itself, or none: misspelled ones are refused first."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        refuse_misspelled()
        return command(*args, **kwargs)

    return run


def refuse_misspelled() -> None:
    """Raise ConfigError for settings that are misspelled: they would change nothing."""
    from cliniko_warehouse.config import misspelled_names
    from cliniko_warehouse.config.providers import folders

    misspelled_names.refuse_misspelled(folders())
