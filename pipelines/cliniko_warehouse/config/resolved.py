"""A destination's settings, looked up once for all of its clients."""

from collections.abc import Callable
from typing import Any

from dlt.common.destination import Destination


def looked_up_once(
    destination: Destination[Any, Any],
    look_up: Callable[[Any, bool], Any],
    asked: Any,
    accept_partial: bool,
) -> Any:
    """The configuration that dlt asks for: looked up the first time, a copy after that.

    dlt looks all settings up for every client: twenty times a quiet night, a tenth of its CPU
    (seen with dlt 1.31). They are the same all night.

    look_up:  dlt's own way
    asked:    the configuration as dlt begins it; only the dataset tells two of them apart
    """
    if accept_partial or not asked or asked.is_resolved() or asked.credentials is not None:
        return look_up(asked, accept_partial)
    known: dict[Any, Any] = destination.__dict__.setdefault("_looked_up", {})
    key = asked.dataset_name, asked.default_schema_name
    if key not in known:
        known[key] = look_up(asked, accept_partial)
    return known[key].copy()
