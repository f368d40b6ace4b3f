"""Commands that work with dlt: they know documented settings and no others."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def documented(command: Callable[P, R]) -> Callable[P, R]:
    """The command, run where settings of other programs change nothing."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        from cliniko_warehouse.config.providers import only_documented  # dlt takes a second

        with only_documented():
            return command(*args, **kwargs)

    return run
