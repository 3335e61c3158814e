"""The model of the work: how many runs, how much each reads, how long it takes, and what Glue charges for it.

A run's duration is

    fixed_seconds + GB of the run * core seconds per GB / (executors * vCPUs * cores_per_vcpu * busy_share)

One worker is the driver; the others are executors, and of those only so many work as there are tasks of task_mb for.
"""

from __future__ import annotations

from dataclasses import dataclass

from cost.assumptions import Assumptions
from cost.schedules import fires_per_month
from cost.values import Environment, Job
from cost.volume import DAYS_PER_MONTH


@dataclass(frozen=True)
class JobRun:
    """A typical run of a job.

    Attributes:
        seconds: it takes.
        dpu_seconds: it is charged for.
    """

    seconds: float
    dpu_seconds: float


@dataclass(frozen=True)
class Workload:
    """The work of a month.

    Attributes:
        gb_per_day: that arrive.
        runs: of the workflow that find new data.
        idle_runs: of the workflow on its schedule, beside those; they find nothing to do.
        maintenance_runs: of the processing job.
        files: that arrive.
        datasets: with data in each run.
        days_running: until the month that is estimated.
        processed_gb, curated_gb: in the current files of their layers.
        read_gb: by all jobs in the month.
        runs_of: a typical run by job, idle and maintenance runs by ``<job> idle`` and ``data_processing maintenance``.
        core_seconds: of work on data, all jobs and runs.
        sweeps: calls of the trigger by the clock.
        summaries: calls of monitoring by the clock.
    """

    gb_per_day: float
    runs: float
    idle_runs: float
    maintenance_runs: float
    files: float
    datasets: int
    days_running: float
    processed_gb: float
    curated_gb: float
    read_gb: float
    runs_of: dict[str, JobRun]
    core_seconds: float
    sweeps: float
    summaries: float

    @property
    def gb(self) -> float:
        """GB that arrive in the month."""
        return self.gb_per_day * DAYS_PER_MONTH

    @property
    def workflow_runs(self) -> float:
        """All runs of the workflow."""
        return self.runs + self.idle_runs

    @property
    def job_runs(self) -> float:
        """All runs of jobs."""
        return 3 * self.workflow_runs + self.maintenance_runs

    @property
    def hours_per_day(self) -> float:
        """That the workflow runs in a day; there is one run at a time, so more than 24 can't be."""
        seconds = {key: run.seconds for key, run in self.runs_of.items() if not key.endswith("maintenance")}
        busy = sum(each for key, each in seconds.items() if not key.endswith("idle")) * self.runs
        idle = sum(each for key, each in seconds.items() if key.endswith("idle")) * self.idle_runs
        return (busy + idle) / 3600 / DAYS_PER_MONTH

    @property
    def dataset_runs(self) -> float:
        """Runs with new data, each dataset for itself."""
        return self.runs * self.datasets


def run_of(job: Job, gb: float, core_seconds_per_gb: float, assume: Assumptions) -> JobRun:
    """How long one run of a job takes, and what it is charged for.

    Args:
        job: its size.
        gb: that it reads.
        core_seconds_per_gb: of CPU.
        assume: the assumptions.
    """
    executors = max(job.workers - 1, 1)
    tasks = gb * 1000 / assume["task_mb"]
    busy = min(float(executors), max(1.0, tasks / job.vcpus_per_worker))
    speed = busy * job.vcpus_per_worker * assume["cores_per_vcpu"] * assume["busy_share"]
    work = gb * core_seconds_per_gb / speed
    seconds = max(assume["fixed_seconds"] + work, assume["billed_seconds_least"])
    if not job.scales:
        return JobRun(seconds, seconds * job.dpus)
    # Glue takes the executors away that have nothing to do: one stays for the time without much work.
    workers = 2 * (seconds - work) + (1 + busy) * work
    return JobRun(seconds, min(workers, job.workers * seconds) * job.dpus_per_worker)


def workload(environment: Environment, gb_per_day: float, assume: Assumptions) -> Workload:
    """The work of a month.

    Args:
        environment: whose jobs do it.
        gb_per_day: that arrive.
        assume: the assumptions.

    Raises:
        CostError: a job or a schedule can't be as it is written.
    """
    days = assume["months_running"] * DAYS_PER_MONTH
    runs = assume["runs_per_day"] * DAYS_PER_MONTH if gb_per_day > 0 else 0.0
    per_run = gb_per_day * DAYS_PER_MONTH / runs if runs else 0.0
    maintenance = fires_per_month(environment["maintenance_schedule"])
    since = gb_per_day * DAYS_PER_MONTH / maintenance if maintenance else 0.0
    kept = min(days, environment["maintenance_retention_days"]["processed"]) if maintenance else days
    curated = gb_per_day * assume["curated_ratio"] * assume["new_rows_share"] * days
    # What a run reads, and how much work a GB of it is.
    reads = {
        "data_ingestion": (per_run, assume["ingestion_core_seconds_per_gb"]),
        "data_processing": (per_run, assume["processing_core_seconds_per_gb"]),
        "data_quality": (curated, assume["quality_core_seconds_per_gb"]),
        "data_processing maintenance": (since * assume["curated_ratio"], assume["maintenance_core_seconds_per_gb"]),
    }
    jobs = {job.key: job for job in environment.jobs()}
    runs_of = {key: run_of(jobs[key.split()[0]], gb, cpu, assume) for key, (gb, cpu) in reads.items()}
    runs_of |= {f"{key} idle": run_of(job, 0.0, 0.0, assume) for key, job in jobs.items()}
    times = {key: maintenance if key.endswith("maintenance") else runs for key in reads}
    return Workload(
        gb_per_day,
        runs,
        fires_per_month(environment["schedule"]),
        maintenance,
        max(gb_per_day * DAYS_PER_MONTH * 1000 / assume["file_mb"], runs) if gb_per_day > 0 else 0.0,
        int(assume["datasets"]) or len(environment.datasets),
        days,
        gb_per_day * assume["processed_ratio"] * kept,
        curated,
        sum(times[key] * gb for key, (gb, _) in reads.items()),
        runs_of,
        sum(times[key] * gb * cpu for key, (gb, cpu) in reads.items()),
        fires_per_month(environment["sweep_schedule"]),
        fires_per_month(environment["health_summary_schedule"]),
    )
