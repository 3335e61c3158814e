"""Glue: jobs, Python shell, crawlers, table optimizers, catalog.

A run is charged by the second, for a minute at least, by the data processing units of its workers
(https://aws.amazon.com/glue/pricing/).
"""

from __future__ import annotations

from collections.abc import Iterator

from cost.lines import Case, Line
from cost.schedules import fires_per_month
from cost.values import Job
from cost.volume import HOURS_PER_MONTH

# Partitions of a day and dataset that stay in the catalog while its batches do; tables and their versions.
_OBJECTS_PER_TABLE = 10


def glue_lines(case: Case) -> Iterator[Line]:
    """The lines of Glue."""
    for job in case.environment.jobs():
        yield from _job_lines(case, job)
    yield from _others(case)
    work, assume = case.work, case.assume
    requests = work.dataset_runs * assume["catalog_requests_per_dataset_run"]
    # A partition for each run, as long as its batch is kept.
    kept = work.processed_gb / (work.gb_per_day * assume["processed_ratio"]) if work.processed_gb else 0.0
    objects = work.datasets * (2 * _OBJECTS_PER_TABLE + assume["runs_per_day"] * kept)
    yield case.line(
        "Glue", "catalog: tables and partitions", "glue.catalog_object", objects, f"{kept:.0f} days of batches"
    )
    yield case.line("Glue", "catalog: requests", "glue.catalog_request", requests, "by dataset and run")


def dpu_hours(case: Case, job: Job) -> dict[str, float]:
    """DPU hours of a job in the month: runs with work, runs without, maintenance; retries are in them."""
    work = case.work
    again = 1 + (case.assume["failed_runs_share"] if job.retries else 0.0)
    kinds = {"runs": (job.key, work.runs), "idle runs": (f"{job.key} idle", work.idle_runs)}
    if job.key == "data_processing":
        kinds["maintenance"] = (f"{job.key} maintenance", work.maintenance_runs)
    return {kind: runs * again * work.runs_of[key].dpu_seconds / 3600 for kind, (key, runs) in kinds.items()}


def _job_lines(case: Case, job: Job) -> Iterator[Line]:
    price = "glue.flex_dpu_hour" if job.flex else "glue.dpu_hour"
    size = f"{job.workers} x {job.worker_type}{', scaling' if job.scales else ''}{', Flex' if job.flex else ''}"
    keys = {"runs": job.key, "idle runs": f"{job.key} idle", "maintenance": f"{job.key} maintenance"}
    for kind, hours in dpu_hours(case, job).items():
        if hours:
            one = case.work.runs_of[keys[kind]]
            how = f"{size}; a run takes {one.seconds:.0f} s and is charged {one.dpu_seconds / 3600:.3f} DPU hours"
            yield case.line("Glue", f"{job.key}: {kind}", price, hours, how)


def _others(case: Case) -> Iterator[Line]:
    environment, assume = case.environment, case.assume
    streaming = environment.streaming_job()
    if streaming:
        hours = streaming.dpus * HOURS_PER_MONTH
        how = f"{streaming.workers} x {streaming.worker_type}, day and night"
        yield case.line("Glue", "streaming_ingestion", "glue.dpu_hour", hours, how)
    loads = sum(fires_per_month(one.get("schedule")) for one in environment.connectors_of("database").values())
    if loads:
        seconds = max(assume["database_connector_seconds"], assume["billed_seconds_least"])
        hours = loads * seconds / 3600 * environment["connector_loading"]["database_capacity"]
        yield case.line(
            "Glue", "database_ingestion (Python shell)", "glue.python_shell_dpu_hour", hours, f"{loads:.0f} loads"
        )
    crawls = sum(fires_per_month(crawler.get("schedule")) for crawler in environment["crawlers"].values())
    if crawls:
        hours = crawls * assume["crawler_dpus"] * assume["crawler_minutes"] / 60
        yield case.line("Glue", "crawlers", "glue.crawler_dpu_hour", hours, f"{crawls:.0f} crawls")
    if environment["table_optimizers"] and case.work.datasets:
        share = min(len(environment["table_optimizers"]) / case.work.datasets, 1.0)
        hours = case.work.gb * assume["curated_ratio"] * share * assume["optimizer_dpu_seconds_per_gb"] / 3600
        yield case.line("Glue", "table optimizers", "glue.optimizer_dpu_hour", hours, f"{share:.0%} of the tables")
