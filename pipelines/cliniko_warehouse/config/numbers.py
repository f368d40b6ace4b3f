"""Numbers of section `cliniko`: the setting, its default, and one line where it is none."""

from typing import Any, TypeVar

import dlt
from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException

from cliniko.errors import ConfigError

N = TypeVar("N", int, float)


def number(name: str, default: N, low: float, high: float, words: str, page: str) -> N:
    """A setting of section `cliniko`, a number of its default's type.

    words:  what it must be, as a person reads it
    page:   where the documentation has it

    Raises ConfigError for what is no such number.
    """
    setting = f"cliniko.{name}"
    try:
        found: Any = dlt.config.get(setting, type(default))
    except ConfigValueCannotBeCoercedException:
        found = low - 1
    if found is None:
        return default
    if not low <= found <= high:
        variable = setting.upper().replace(".", "__")
        raise ConfigError(
            f"{name}: it must be {words} (set {setting}, or the environment variable "
            f"{variable}; see docs/{page}.md)"
        )
    given: N = found
    return given
