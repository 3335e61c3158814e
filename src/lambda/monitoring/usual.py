"""What is usual for a job: how long its runs take, by median and median deviation, which single runs can't shift."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from job_runs import JobRun
from run_numbers import RunNumbers

# How many runs are looked at, and how many there must be before anything is called unusual.
MOST_RUNS, LEAST_RUNS = 50, 10
# A run is slow when it lies above all three of these.
DEVIATIONS, SHARE, SECONDS = 4, 1.5, 60
# Makes a median deviation comparable with a standard deviation.
_SCALE = 1.4826


@dataclass(frozen=True)
class Usual:
    """What is usual for a job's runs.

    Attributes:
        seconds: the median of their durations.
        limit: a run that takes longer is slow.
        runs: how many were looked at.
        rows: the median of the rows that they read; None if it is not known.
    """

    seconds: float
    limit: float
    runs: int
    rows: float | None = None


def usual_of(history: Iterable[Mapping[str, Any]], numbers: RunNumbers) -> Usual | None:
    """What is usual; None while there are too few runs to tell.

    Args:
        history: items of the run history, of one job.
        numbers: what the run in question did: runs with nothing to do are compared with such runs, others with others.
    """
    works = bool(numbers.totals or numbers.checks)
    alike = [run for run in history if bool(run.get("totals") or "lowest_score" in run) == works]
    if len(alike) < LEAST_RUNS:
        return None
    rows = [float(run["totals"]["rows_in"]) for run in alike if "rows_in" in run.get("totals", {})]
    middle, limit = limit_of([float(run["seconds"]) for run in alike])
    return Usual(middle, limit, len(alike), median(rows) if rows else None)


def limit_of(seconds: Sequence[float]) -> tuple[float, float]:
    """The median of durations, and the duration from which one is slow."""
    middle = median(seconds)
    deviation = _SCALE * median(abs(each - middle) for each in seconds)
    return middle, max(middle + DEVIATIONS * deviation, SHARE * middle, middle + SECONDS)


def is_slow(run: JobRun, numbers: RunNumbers, usual: Usual) -> bool:
    """Whether a run took longer than is usual, and more than its rows explain.

    Args:
        run: that succeeded.
        numbers: what it did.
        usual: of its job.
    """
    if run.seconds is None or run.seconds <= usual.limit:
        return False
    rows = numbers.totals.get("rows_in")
    explained = bool(rows and usual.rows and rows / usual.rows >= run.seconds / max(usual.seconds, 1))
    return not explained
