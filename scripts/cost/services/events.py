"""What starts runs and tells people: EventBridge, SQS, Lambda, SNS, X-Ray."""

from __future__ import annotations

from collections.abc import Iterator

from cost.lines import Case, Line
from cost.schedules import fires_per_month
from cost.services.s3 import raw_steps
from cost.volume import DAYS_PER_MONTH, HOURS_PER_MONTH

# modules/events: long polls of 20 seconds; memory of the Lambdas, and of the trigger where it scans.
_POLL_SECONDS = 20
_MEMORY_GB = 0.25
_SCANNING_MEMORY_GB = 1.0
_TOPICS = 4


def trigger_calls(case: Case) -> float:
    """Calls of the data_trigger Lambda: for files that arrive, and by the clock."""
    return case.work.files / case.assume["files_per_trigger_call"] + case.work.sweeps


def monitoring_calls(case: Case) -> float:
    """Calls of the monitoring Lambda: one for each run of a job, and by the clock."""
    return case.work.job_runs + case.work.summaries


def api_loads(case: Case) -> float:
    """Loads of REST APIs."""
    return sum(fires_per_month(one.get("schedule")) for one in case.environment.connectors_of("rest").values())


def events_lines(case: Case) -> Iterator[Line]:
    """The lines of Lambda, SQS, SNS, EventBridge and X-Ray."""
    calls = {
        "data_trigger": trigger_calls(case),
        "monitoring": monitoring_calls(case),
        "api_connector": api_loads(case),
    }
    for name, count in calls.items():
        if count:
            yield case.line("Lambda", f"{name}: calls", "lambda.request", count)
            yield case.line(
                "Lambda",
                f"{name}: duration",
                "lambda.arm_gb_second",
                count * _gb_seconds(case, name),
                "memory by time of a call",
            )
    yield from _sqs(case, calls["api_connector"])
    yield from _sns(case)
    yield from _event_bus(case)
    if case.environment["enable_lambda_tracing"]:
        yield case.line("X-Ray", "traces", "xray.trace", sum(calls.values()), "every call at most")


def _gb_seconds(case: Case, name: str) -> float:
    assume = case.assume
    if name == "api_connector":
        return float(case.environment["connector_loading"]["api_memory_mb"]) / 1024 * assume["api_connector_seconds"]
    if name == "data_trigger" and case.environment["incoming_scan"] != "off":
        return _SCANNING_MEMORY_GB * (
            assume["lambda_seconds"] + assume["files_per_trigger_call"] * assume["scan_seconds_per_file"]
        )
    return _MEMORY_GB * assume["lambda_seconds"]


def _sqs(case: Case, loads: float) -> Iterator[Line]:
    queues = 2 + (loads > 0)
    polls = queues * case.assume["queue_pollers"] * HOURS_PER_MONTH * 3600 / _POLL_SECONDS
    yield case.line(
        "SQS",
        "polls of empty queues",
        "sqs.request",
        polls,
        f"{queues} queues, {case.assume['queue_pollers']:.0f} pollers each",
    )
    messages = case.work.files + case.work.job_runs + case.work.sweeps + case.work.summaries + loads
    yield case.line("SQS", "messages", "sqs.request", 3 * messages, "sent, received, deleted")


def _sns(case: Case) -> Iterator[Line]:
    messages = case.assume["messages_per_day"] * DAYS_PER_MONTH
    yield case.line("SNS", "messages", "sns.request", messages)
    # An address in alert_emails hears every topic, so each message once; others hear one topic.
    mails = len(case.environment["alert_emails"]) + sum(
        one["protocol"].startswith("email") / _TOPICS for one in case.environment["subscriptions"].values()
    )
    if mails:
        yield case.line("SNS", "mails", "sns.email", messages * mails)


def _event_bus(case: Case) -> Iterator[Line]:
    """Schedules and Glue's events are free; S3's are data events, which are charged; a file's move makes one, too."""
    moves = sum(0 < day < case.work.days_running for day in raw_steps(case).values())
    how = "each new raw file, and each move of one to a colder class"
    yield case.line(
        "EventBridge", "S3's events of the raw bucket", "events.data_event", case.work.files * (1 + moves), how
    )
