"""Runs of the workflow. AWS sends no event for their end: it is asked for when a job ends after which none starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from botocore.exceptions import ClientError
from job_runs import HISTORY_DAYS, JobRun, decimal
from run_numbers import RunNumbers, added, cost_usd, dpu_hours, numbers_of

ENDS = ("COMPLETED", "STOPPED", "ERROR")
LAST_JOB = "-data-quality"
# However a job ends so, the next one starts (see the triggers in terraform/modules/glue).
STARTS_THE_NEXT = ("SUCCEEDED", "FAILED", "TIMEOUT")
_OVER = ("SucceededActions", "FailedActions", "StoppedActions", "TimeoutActions", "ErroredActions")


class WorkflowUnderWayError(Exception):
    """The last job of a workflow run has ended, and Glue says that the workflow run goes on: ask again later."""


@dataclass(frozen=True)
class RunOfJob:
    """A run of one job within a workflow run, with what it did."""

    job: str
    id: str
    state: str
    numbers: RunNumbers


@dataclass(frozen=True)
class WorkflowRun:
    """A run of the workflow that has ended.

    Attributes:
        status: COMPLETED, STOPPED or ERROR: of Glue, which says COMPLETED also when a job failed.
        properties: with which it was started: trigger, object_count, first_key.
        jobs: the last attempt of each job that was started.
        not_started: jobs of the workflow that were not.
        error: Glue's words, if it has any.
    """

    name: str
    id: str
    status: str
    started: datetime
    ended: datetime
    properties: Mapping[str, str]
    jobs: tuple[RunOfJob, ...]
    not_started: tuple[str, ...]
    dpu_hours: float | None
    cost_usd: float | None
    error: str = ""

    @property
    def seconds(self) -> int:
        """How long it took."""
        return round((self.ended - self.started).total_seconds())

    @property
    def failed_jobs(self) -> tuple[RunOfJob, ...]:
        """The jobs that did not succeed; people have been told of each."""
        return tuple(job for job in self.jobs if job.state != "SUCCEEDED")

    @property
    def succeeded(self) -> bool:
        """Whether every job did its work."""
        return self.status == "COMPLETED" and bool(self.jobs) and not self.failed_jobs and not self.not_started

    def total(self, name: str, ending: str) -> int | None:
        """One of the totals of the job whose name ends so; None if it is not known."""
        return next((job.numbers.totals.get(name) for job in self.jobs if job.job.endswith(ending)), None)


def ends_the_workflow(run: JobRun) -> bool:
    """Whether no other job starts after this run."""
    return run.job.endswith(LAST_JOB) or run.state not in STARTS_THE_NEXT


def workflow_run(glue: Any, table: Any, run: JobRun, price: float) -> WorkflowRun | None:
    """The workflow run that a job run belongs to; None if Glue no longer knows it.

    Args:
        glue: boto3 Glue client.
        table: boto3 Table of the pipeline's state.
        run: the job run that has ended last.
        price: of a DPU hour, US dollars.

    Raises:
        WorkflowUnderWayError: it goes on.
    """
    try:
        found = glue.get_workflow_run(Name=run.workflow, RunId=run.workflow_run_id, IncludeGraph=True)["Run"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityNotFoundException":
            raise
        return None
    if not _is_over(found):
        raise WorkflowUnderWayError(
            f"workflow run {run.workflow_run_id} is {found['Status']}: {found.get('Statistics')}"
        )
    nodes = {node["Name"]: node.get("JobDetails", {}).get("JobRuns", []) for node in _job_nodes(found)}
    attempts = [attempt for runs in nodes.values() for attempt in runs]
    hours = [dpu_hours(attempt) for attempt in attempts]
    last = [max(runs, key=lambda each: each.get("Attempt", 0)) for runs in nodes.values() if runs]
    return WorkflowRun(
        name=found["Name"],
        id=found["WorkflowRunId"],
        status=found["Status"] if found["Status"] in ENDS else "COMPLETED",
        started=found["StartedOn"].astimezone(timezone.utc),
        ended=(found.get("CompletedOn") or run.ended or run.time).astimezone(timezone.utc),
        properties=found.get("WorkflowRunProperties", {}),
        jobs=tuple(
            RunOfJob(each["JobName"], each["Id"], each["JobRunState"], numbers_of(table, each["JobName"], each["Id"]))
            for each in sorted(last, key=lambda each: each["StartedOn"])
        ),
        not_started=tuple(sorted(name for name, runs in nodes.items() if not runs)),
        dpu_hours=added(hours),
        cost_usd=added(cost_usd(each, attempt, price) for each, attempt in zip(hours, attempts, strict=True)),
        error=found.get("ErrorMessage", ""),
    )


def record(table: Any, run: WorkflowRun) -> bool:
    """Write a workflow run into the state table, ``workflow_run#<workflow>``; whether it was not there yet."""
    facts = {
        "status": run.status,
        "updated_at": run.ended.isoformat(),
        "started_at": run.started.isoformat(),
        "ended_at": run.ended.isoformat(),
        "seconds": run.seconds,
        "succeeded": run.succeeded,
        "jobs": {job.job: job.state for job in run.jobs},
        "job_run_ids": {job.job: job.id for job in run.jobs},
        "not_started": list(run.not_started),
        "properties": dict(run.properties),
        "dpu_hours": decimal(run.dpu_hours),
        "cost_usd": decimal(run.cost_usd),
        "message": run.error or None,
        "expires_at": int((run.ended + timedelta(days=HISTORY_DAYS)).timestamp()),
    }
    item = {name: value for name, value in facts.items() if value is not None}
    try:
        table.put_item(
            Item={"entity": f"workflow_run#{run.name}", "id": run.id, **item},
            ConditionExpression="attribute_not_exists(id)",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True


def _is_over(found: Mapping[str, Any]) -> bool:
    """Whether it has ended; Glue changes the status somewhat later than the numbers."""
    numbers = found.get("Statistics", {})
    counted = sum(numbers.get(name, 0) for name in _OVER)
    return found["Status"] in ENDS or 0 < numbers.get("TotalActions", 0) == counted


def _job_nodes(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [node for node in found.get("Graph", {}).get("Nodes", ()) if node["Type"] == "JOB"]
