"""The dlt states of accounts that are loaded together, each as if it were loaded by itself."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import dlt
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.schema.typing import PIPELINE_STATE_TABLE_NAME
from dlt.common.schema.utils import pipeline_state_table
from dlt.extract import DltResource
from dlt.pipeline.state_sync import (
    bump_pipeline_state_version_if_modified,
    default_pipeline_state,
    load_pipeline_state_from_destination,
    state_doc,
)

from cliniko.extract.delivery import Delivery
from cliniko.source import load_id
from cliniko_warehouse.load.checkpoints import SOURCE
from cliniko_warehouse.warehouse.dlt_pipelines import PREFIX
from cliniko_warehouse.warehouse.warehouse import DATASET

State = dict[str, Any]
"""What dlt's state has of one account's pipeline."""


def stored(client: Any, account: str) -> State | None:
    """What the destination has of an account, if it was ever loaded."""
    with suppress(DestinationUndefinedEntity):
        found: State | None = load_pipeline_state_from_destination(f"{PREFIX}{account}", client)  # type: ignore[assignment]
        return found
    return None


def begun(stored: State | None, account: str) -> State:
    """What a run of an account begins with."""
    name = f"{PREFIX}{account}"
    own = {"pipeline_name": name, "dataset_name": DATASET, "default_schema_name": DATASET}
    new = {**default_pipeline_state(), **own, "schema_names": [DATASET]}
    return {**(stored or new), "_local": {}}


def after(before: State, account: str, delivery: Delivery) -> State:
    """The state once a delivery is loaded; the one before stays as it is."""
    state = {**before}
    resources = _copied(_copied(_copied(state, "sources"), SOURCE), "resources")
    for name, one in delivery.states.items():
        _copied(resources, name)[account] = one
    bump_pipeline_state_version_if_modified(state)  # type: ignore[arg-type]
    return state


def _copied(within: State, name: str) -> State:
    """A part of a state that may be changed without the one that it is a copy of."""
    part: State = {**within.get(name, {})}
    within[name] = part
    return part


def rows(states: Sequence[State]) -> DltResource:
    """The states as dlt stores them."""

    def docs() -> Iterator[Any]:
        for state in states:
            yield state_doc(state, load_id())  # type: ignore[arg-type]

    return dlt.resource(
        docs,
        name=PIPELINE_STATE_TABLE_NAME,
        write_disposition="append",
        file_format="preferred",
        columns=pipeline_state_table()["columns"],
    )
