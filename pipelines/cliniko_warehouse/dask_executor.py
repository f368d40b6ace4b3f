"""Dagster's Dask executor, with which several runs may share a cluster."""

from collections.abc import Iterator
from typing import Any

from dagster import (
    DagsterEvent,
    Executor,
    ExecutorDefinition,
    InitExecutorContext,
    multiple_process_executor_requirements,
)
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster_dask.executor import DaskExecutor
from dagster_dask.executor import dask_executor as by_job


class OfRun(PlanOrchestrationContext):
    """The context of a run, in which the job is named after the run, too."""

    @property
    def job_name(self) -> str:
        """What dagster-dask makes the key of a task of."""
        return f"{super().job_name} {self.dagster_run.run_id}"


class DaskExecutorByRun(DaskExecutor):  # type: ignore[misc, unused-ignore]  # it has no types
    """Sends the steps of each run to Dask under keys of their own.

    dagster-dask 0.29 names a task by job and step alone, and Dask takes tasks of one key for
    the same: of partitions that run at once, all but one would get its result, and never run.
    """

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        """Run the steps, and yield their events."""
        own = OfRun(
            plan_context.plan_data,
            plan_context.log,
            plan_context.executor,
            plan_context.output_capture,
            plan_context.resume_from_failure,
        )
        yield from super().execute(own, execution_plan)


def _made(context: InitExecutorContext) -> Executor:
    """The executor of one run, by its configuration."""
    cluster: Any = context.executor_config["cluster"]
    [(kind, configuration)] = cluster.items()
    make: Any = DaskExecutorByRun
    made: Executor = make(kind, configuration)
    return made


SCHEMA: Any = by_job.config_schema  # as dagster-dask has it: `cluster`, with one kind of it

dask_executor = ExecutorDefinition(
    "dask", SCHEMA, multiple_process_executor_requirements(), executor_creation_fn=_made
)
"""The executor, configured as dagster-dask's own is."""
