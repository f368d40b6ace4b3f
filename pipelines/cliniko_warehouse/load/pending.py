"""What a run before has left in dlt's folder, brought in line with the destination."""

from contextlib import suppress

import dlt
from dlt.common.destination.client import WithStateSync
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.load.exceptions import LoadClientJobTerminalRetry
from dlt.pipeline.exceptions import PipelineStepFailed
from dlt.pipeline.state_sync import load_pipeline_state_from_destination

from cliniko_warehouse.postgres.loaded_rows import Unlike
from cliniko_warehouse.warehouse.connection import commit, job_client

VERSION = ("_version_hash", "_state_version")
"""What tells two versions of a pipeline's state apart."""


def prepare(pipeline: dlt.Pipeline) -> list[Unlike]:
    """Load what is left; then the cursors are those that the destination has.

    What of it is otherwise there afterwards.

    The cursors here are a copy, and what is left was read on top of it. Both are dropped
    where the destination is somewhere else: it was restored from a backup, or another
    machine went on, whose rows are newer. So is a load that ended midway. What is
    dropped is read again.
    """
    if not pipeline.has_pending_data and _is_current(pipeline):
        return []
    before = pipeline.state.get("_version_hash")
    pipeline.sync_destination()
    others_went_on = pipeline.state.get("_version_hash") != before
    found: list[Unlike] = []
    if pipeline.has_pending_data and not others_went_on and not _was_begun(pipeline):
        found = _load(pipeline)
    if pipeline.has_pending_data or is_ahead(pipeline):
        pipeline.drop()
        pipeline.sync_destination()
    return found


def _is_current(pipeline: dlt.Pipeline) -> bool:
    """Whether the copy here is what the destination has, so that there is nothing to take over.

    The usual case, for which dlt reads the description of all tables five times: 0.1 s.
    """
    known = pipeline.state
    names = known.get("schema_names") or []
    if not names or not all(name in pipeline.schemas for name in names):
        return False
    with (
        suppress(Exception),  # whatever is wrong, dlt's own way meets it too, and says it
        job_client(pipeline.destination, pipeline.dataset_name) as client,
    ):
        stored = load_pipeline_state_from_destination(pipeline.pipeline_name, client)
        return stored is not None and all(stored.get(one) == known.get(one) for one in VERSION)
    return False


def settle(pipeline: dlt.Pipeline) -> None:
    """Give up a load that was begun and not ended; what it held is read again."""
    if pipeline.has_pending_data and _was_begun(pipeline):
        pipeline.drop()
        pipeline.sync_destination()


def _was_begun(pipeline: dlt.Pipeline) -> bool:
    """Whether a load ended while it copied rows, or after it had copied some.

    dlt would copy a file again on top of what may be there already: rows that no key
    tells apart, such as a parent's list, would then be there twice. And what it copied
    before stands in staging tables that another account's load may have emptied since:
    it would merge nothing, and move the cursor (both seen with dlt 1.31).
    """
    packages = map(pipeline.get_load_package_info, pipeline.list_normalized_load_packages())
    return any(p.jobs["started_jobs"] or p.jobs["completed_jobs"] for p in packages)


def _load(pipeline: dlt.Pipeline) -> list[Unlike]:
    """Load what is left; what is broken and never can be loaded stays."""
    try:
        return commit(pipeline)
    except PipelineStepFailed as failed:
        if failed.step == "load" and not isinstance(failed.exception, LoadClientJobTerminalRetry):
            raise  # the destination is not well; the next run tries again
        return []


def is_ahead(pipeline: dlt.Pipeline) -> bool:
    """Whether the copy here says more than the destination does."""
    with pipeline.destination_client() as client:
        if not isinstance(client, WithStateSync):
            return False
        try:
            stored = client.get_stored_state(pipeline.pipeline_name)
        except DestinationUndefinedEntity:
            return False
    return stored is not None and stored.version < pipeline.state["_state_version"]
