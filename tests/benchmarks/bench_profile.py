"""Where a run's time goes: the pipeline's own functions, and Spark's jobs and stages as Spark counted them."""

from __future__ import annotations

import cProfile
import pstats
from pathlib import Path
from typing import Any

_OURS = ("/src/etl/", "/src/utils/")


class Profiled:
    """Profiles a ``with`` block; costs nothing when it is not wanted.

    Functions are found by the profiler, not by name, so that the pipeline can be rewritten freely. Only the main
    thread is seen: work on other threads shows as the time of the function that waits for them.
    """

    def __init__(self, spark: Any, *, wanted: bool) -> None:
        self._spark, self._wanted = spark, wanted
        self._profiler = cProfile.Profile()
        self._known: set[int] = set()

    def __enter__(self) -> Profiled:
        if self._wanted:
            self._known = {job["job"] for job in spark_jobs(self._spark)}
            self._profiler.enable()
        return self

    def __exit__(self, *_: object) -> None:
        if self._wanted:
            self._profiler.disable()

    def numbers(self) -> dict[str, Any]:
        """``functions`` and ``spark_jobs`` of the block, the costliest first; nothing when not wanted."""
        if not self._wanted:
            return {}
        jobs = [job for job in spark_jobs(self._spark) if job["job"] not in self._known]
        return {"functions": _functions(self._profiler), "spark_jobs": jobs}


def _functions(profiler: cProfile.Profile) -> list[dict[str, Any]]:
    found = []
    stats: dict[Any, Any] = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    for (file, _, name), (_, calls, own, cumulative, _) in stats.items():
        if any(part in file for part in _OURS):
            path = Path(file)
            found.append(
                {"function": f"{path.parent.name}.{path.stem}.{name}", "calls": calls, "own": own, "total": cumulative}
            )
    return sorted(found, key=lambda entry: -entry["total"])


def spark_jobs(spark: Any) -> list[dict[str, Any]]:
    """Spark's jobs so far, in order, with the sums over their stages that ran (times in seconds, sizes in MB)."""
    store = spark.sparkContext._jsc.sc().statusStore()
    jobs = store.jobsList(None)
    found = [_job(store, jobs.apply(position)) for position in range(jobs.size())]
    return sorted(found, key=lambda job: job["job"])


def _job(store: Any, job: Any) -> dict[str, Any]:
    ended = job.completionTime()
    wall = (ended.get().getTime() - job.submissionTime().get().getTime()) / 1000 if ended.isDefined() else None
    ids = job.stageIds()
    stages = [store.lastStageAttempt(ids.apply(position)) for position in range(ids.size())]
    stages = [stage for stage in stages if stage.status().toString() == "COMPLETE"]
    return {
        "job": job.jobId(),
        "name": job.name(),
        "wall": wall,
        "tasks": sum(stage.numCompleteTasks() for stage in stages),
        "run": sum(stage.executorRunTime() for stage in stages) / 1e3,
        "cpu": sum(stage.executorCpuTime() for stage in stages) / 1e9,
        "gc": sum(stage.jvmGcTime() for stage in stages) / 1e3,
        "input_mb": sum(stage.inputBytes() for stage in stages) / 1e6,
        "shuffle_mb": sum(stage.shuffleWriteBytes() for stage in stages) / 1e6,
        "spill_mb": sum(stage.diskBytesSpilled() for stage in stages) / 1e6,
        "output_mb": sum(stage.outputBytes() for stage in stages) / 1e6,
    }
