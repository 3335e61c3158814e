"""What a run of a job took and did: DPU hours, cost, rows, files, scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

# DPUs of a worker.
DPUS = {
    "Standard": 1.0,
    "G.025X": 0.25,
    "G.1X": 1.0,
    "G.2X": 2.0,
    "G.4X": 4.0,
    "G.8X": 8.0,
    "G.12X": 12.0,
    "G.16X": 16.0,
}
# Glue charges a run by the second, for a minute at least.
LEAST_SECONDS = 60
# A DPU hour of Flex costs 0.29 USD where one of Standard costs 0.44, in all regions that AWS lists.
FLEX_SHARE = 0.29 / 0.44
# The stage under which a job keeps its history, by the end of the job's name.
STAGES = {"-data-ingestion": "ingestion", "-data-processing": "processing", "-data-quality": "quality"}


@dataclass(frozen=True)
class Check:
    """A dataset that a run has checked: its score, and where the report is."""

    dataset: str
    score: float
    passed: bool
    report: str


@dataclass(frozen=True)
class RunNumbers:
    """What a run did, as its job has written it down.

    Attributes:
        totals: rows_in, rows_out, rows_refused, files, files_refused, bytes, as far as its stage knows them.
        checks: of the job that checks quality.
        workflow_run_id: the workflow run that it belongs to, or "".
    """

    totals: Mapping[str, int] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    workflow_run_id: str = ""

    @property
    def lowest_score(self) -> float | None:
        """The worst of the scores; None where nothing was checked."""
        return min((check.score for check in self.checks), default=None)


def stage_of(job: str) -> str | None:
    """The stage of a job; None for a job that keeps no history of its own."""
    return next((stage for ending, stage in STAGES.items() if job.endswith(ending)), None)


def numbers_of(table: Any, job: str, run_id: str) -> RunNumbers:
    """What a run's item ``run#<stage>`` says; nothing for a run that ended before it could write.

    Args:
        table: boto3 Table of the pipeline's state.
        job: name of the job.
        run_id: the job run.
    """
    stage = stage_of(job)
    key = {"entity": f"run#{stage}", "id": run_id}
    item = table.get_item(Key=key, ConsistentRead=True).get("Item", {}) if stage else {}
    return RunNumbers(
        totals={name: int(value) for name, value in item.get("totals", {}).items()},
        checks=tuple(
            Check(each["dataset"], float(each["score"]), bool(each["passed"]), each["report"])
            for each in item.get("checks", ())
        ),
        workflow_run_id=item.get("workflow_run_id", ""),
    )


def dpu_hours(details: Mapping[str, Any]) -> float | None:
    """The DPU hours that a run is charged for, as far as Glue tells; None where it tells neither time nor size.

    Args:
        details: the JobRun of GetJobRun. It has DPUSeconds only for runs that scale or are Flex; for others size times
            time is exact.
    """
    if details.get("DPUSeconds") is not None:
        return float(details["DPUSeconds"]) / 3600
    seconds, dpus = details.get("ExecutionTime"), _dpus(details)
    if seconds is None or dpus is None:
        return None
    return max(seconds, LEAST_SECONDS) * dpus / 3600 if seconds else 0.0


def cost_usd(hours: float | None, details: Mapping[str, Any], price: float) -> float | None:
    """The estimated cost of a run.

    Args:
        hours: from :func:`dpu_hours`.
        details: the JobRun of GetJobRun.
        price: of a DPU hour of execution class STANDARD, US dollars.
    """
    if hours is None:
        return None
    return hours * price * (FLEX_SHARE if details.get("ExecutionClass") == "FLEX" else 1)


def added(numbers: Iterable[float | None]) -> float | None:
    """The sum of what is known; None where nothing is."""
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _dpus(details: Mapping[str, Any]) -> float | None:
    if details.get("MaxCapacity"):
        return float(details["MaxCapacity"])
    size, workers = DPUS.get(details.get("WorkerType", "")), details.get("NumberOfWorkers")
    return size * workers if size and workers else None
