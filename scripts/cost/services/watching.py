"""CloudWatch: logs, metrics, alarms, dashboards. Custom metrics are charged by the hour in which they get values."""

from __future__ import annotations

from collections.abc import Iterator

from cost.lines import Case, Line
from cost.services.events import api_loads, monitoring_calls, trigger_calls
from cost.volume import DAYS_PER_MONTH, HOURS_PER_MONTH

# An anomaly detection alarm is charged as three: the metric, and both ends of its band.
_METRICS_OF_A_BAND = 3


def watching_lines(case: Case) -> Iterator[Line]:
    """The lines of CloudWatch."""
    yield from _logs(case)
    yield from _metrics(case)
    alarms = alarm_metrics(case)
    yield case.line(
        "CloudWatch", "alarms", "cloudwatch.alarm_metric", alarms, "metrics that alarms look at (modules/monitoring)"
    )
    yield case.line("CloudWatch", "composite alarm", "cloudwatch.composite_alarm", 1)
    if case.environment["dashboards"]:
        count = len(case.environment["dashboards"])
        yield case.line(
            "CloudWatch", "dashboards", "cloudwatch.dashboard", count, "three of an account are free; they are counted"
        )


def alarm_metrics(case: Case) -> int:
    """Metrics of all alarms, as modules/monitoring/alarms.tf makes them."""
    environment = case.environment
    streaming = environment.streaming_job() is not None
    database, rest = (bool(environment.connectors_of(kind)) for kind in ("database", "rest"))
    jobs = 3 + streaming + database
    queues, lambdas, rules, tables = 2 + rest, 2 + rest, 2, 2
    streams = int(environment.own_stream) + environment.delivers
    if streaming and not environment.own_stream and environment["streaming"]["job"].get("source") == "kinesis":
        streams += 1
    no_data = (environment["no_data_hours"] is not None) + len(environment["dataset_no_data_hours"])
    plain = jobs + queues + 2 * lambdas + rules + 1 + streams + 2 * tables + len(environment.rated) + no_data
    slow = (jobs - streaming) * _METRICS_OF_A_BAND if environment["duration_band_width"] is not None else 0
    return int(plain + slow)


def log_gb(case: Case) -> dict[str, float]:
    """GB of logs in a month, by what writes them."""
    work, assume = case.work, case.assume
    calls = trigger_calls(case) + monitoring_calls(case) + api_loads(case)
    logs = {
        "jobs": work.job_runs * assume["log_mb_per_job_run"] / 1000,
        "Lambdas": calls * assume["log_kb_per_call"] / 1e6,
    }
    if case.environment.own_vpc:
        runs = {key: work.runs for key in work.runs_of if " " not in key}
        runs |= {f"{key} idle": work.idle_runs for key in runs}
        runs["data_processing maintenance"] = work.maintenance_runs
        sizes = {job.key: job.dpus_per_worker for job in case.environment.jobs()}
        hours = sum(count * work.runs_of[key].dpu_seconds / 3600 / sizes[key.split()[0]] for key, count in runs.items())
        logs["VPC flow logs"] = hours * assume["flow_log_mb_per_worker_hour"] / 1000
    return logs


def _logs(case: Case) -> Iterator[Line]:
    logs = log_gb(case)
    for what, gb in logs.items():
        yield case.line("CloudWatch", f"logs of {what}", "cloudwatch.log_gb", gb, "written")
    days = min(case.environment["log_retention_days"], case.work.days_running)
    stored = sum(logs.values()) / DAYS_PER_MONTH * days * case.assume["log_compression"]
    yield case.line("CloudWatch", "logs kept", "cloudwatch.log_storage", stored, f"{days:.0f} days, compressed")


def _metrics(case: Case) -> Iterator[Line]:
    work, assume = case.work, case.assume
    jobs = 3 + (case.environment.streaming_job() is not None)
    count = work.datasets * assume["metrics_per_dataset"] + assume["metrics_of_workflow"]
    count += jobs * (assume["metrics_per_job"] + assume["glue_metrics_per_job"])
    share = min(work.workflow_runs / HOURS_PER_MONTH, 1.0)
    yield case.line(
        "CloudWatch",
        "custom metrics",
        "cloudwatch.metric",
        count * share,
        f"{count:.0f} metrics in {share:.0%} of the hours",
    )
    puts = work.dataset_runs * assume["puts_of_metrics_per_dataset_run"]
    yield case.line("CloudWatch", "PutMetricData", "cloudwatch.put_metrics", puts, "by dataset and run")
