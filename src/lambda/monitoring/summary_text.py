"""The health summary in words: what needs somebody first, then the last day in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from messages import Place
from telling import Finding
from wording import console, cost, duration, facts, object_link, one_line, period, size, time_text

# A batch is finished by the next run; one that is older than some runs is stuck.
STUCK_AFTER = timedelta(hours=24)
MOST_LISTED = 10


@dataclass(frozen=True)
class JobDay:
    """The runs of a job within the day; durations are medians in seconds, None where there is nothing to tell."""

    job: str
    succeeded: int
    failed: int
    stopped: int
    seconds: float | None
    usual: float | None
    last_error: str


@dataclass(frozen=True)
class Score:
    """The newest score of a dataset."""

    dataset: str
    score: float
    passed: bool
    report: str


@dataclass(frozen=True)
class Queue:
    """How many messages wait in a queue, and in its dead-letter queue."""

    name: str
    waiting: int
    dead: int


@dataclass(frozen=True)
class Refused:
    """An object that was refused when it arrived."""

    dataset: str
    object: str
    reason: str


@dataclass(frozen=True)
class Batch:
    """A batch that is not finished."""

    dataset: str
    id: str
    status: str
    planned_at: datetime


@dataclass(frozen=True)
class Health:
    """Everything that the summary tells; see :mod:`summary`."""

    now: datetime
    jobs: Sequence[JobDay] = ()
    cost_usd: float | None = None
    dpu_hours: float | None = None
    totals: Mapping[str, int] = field(default_factory=dict)
    scores: Sequence[Score] = ()
    queues: Sequence[Queue] = ()
    alerts_waiting: int = 0
    alerts_since: datetime | None = None
    messages_unsent: int = 0
    refused: Sequence[Refused] = ()
    held: Mapping[str, int] = field(default_factory=dict)
    oldest: Batch | None = None
    findings: Sequence[Finding] = ()


def troubles(health: Health) -> list[str]:
    """What needs somebody, one line each, with what to do."""
    return [
        *[_finding(each) for each in health.findings],
        *[_dead(queue) for queue in health.queues if queue.dead],
        *_waiting_alerts(health),
        *[
            f"{check.dataset}: quality {check.score:.2f} is below its threshold: {check.report}"
            for check in health.scores if not check.passed
        ],
        *[
            f"{dataset}: {count} batch(es) are held until their quality is right (docs/publication.md)"
            for dataset, count in health.held.items()
        ],
        *_stuck(health),
    ]  # fmt: skip


def subject(health: Health, prefix: str) -> str:
    """One line: whether all is well."""
    count = len(troubles(health))
    return one_line(f"{prefix}: " + (f"{count} thing(s) need somebody" if count else "all is well"))


def headline(health: Health, prefix: str) -> str:
    """The first sentence."""
    count = len(troubles(health))
    runs = sum(job.succeeded + job.failed + job.stopped for job in health.jobs)
    state = f"{count} thing(s) of {prefix} need somebody." if count else f"All is well with {prefix}."
    return f"{state} {runs} run(s) of jobs ended in the 24 hours before {time_text(health.now)}."


def body(health: Health, place: Place) -> str:
    """The rest."""
    need = troubles(health)
    dashboard = f"{console(place.region)}/cloudwatch/home?region={place.region}#dashboards"
    return "\n".join([
        *(["Needs somebody", *[f"{number}. {line}" for number, line in enumerate(need, 1)], ""] if need else []),
        "Jobs",
        *[line for job in health.jobs for line in _job(job)],
        "",
        *facts({
            "Where": f"account {place.account}, region {place.region}",
            "Files": _files(health.totals),
            "Rows": _rows(health.totals),
            "Refused": _refused(health),
            "Quality": _quality(health.scores),
            "Cost": cost(health.cost_usd, health.dpu_hours),
            "Queues": ", ".join(f"{each.name} {each.waiting} (dead letters {each.dead})" for each in health.queues),
            "Alerts": f"{health.alerts_waiting} wait" if health.alerts_waiting else "all are sent",
            "Unfinished": _unfinished(health),
            "Dashboard": dashboard,
            "Reports": object_link(place.region, place.reports) if place.reports else "",
        }),
    ])  # fmt: skip


def _finding(each: Finding) -> str:
    standing = each.standing
    since = standing.since or standing.last_at
    over = "" if standing.is_open else " (not since the last run)"
    return f"{each.title}: {standing.count} time(s) since {time_text(since)}{over}; its message says what to do"


def _dead(queue: Queue) -> str:
    return (
        f"{queue.name}-dlq holds {queue.dead} dead letter(s): look at the Lambda's log, put the cause right, and send "
        "them back with scripts/redrive_dlq.py"
    )


def _waiting_alerts(health: Health) -> list[str]:
    found = []
    if health.alerts_waiting:
        found.append(
            f"{health.alerts_waiting} alert(s) about data could not be sent since {time_text(health.alerts_since)}"
        )
    if health.messages_unsent:
        found.append(
            f"{health.messages_unsent} message(s) about runs are not sent yet; their events come back by the queue"
        )
    return found


def _stuck(health: Health) -> list[str]:
    batch = health.oldest
    if batch is None or health.now - batch.planned_at < STUCK_AFTER:
        return []
    return [
        f"{batch.dataset}: batch {batch.id} has been {batch.status} for {period(health.now - batch.planned_at)}: see "
        "what the runs of its next job say of the dataset"
    ]


def _job(job: JobDay) -> list[str]:
    numbers = [
        f"{job.succeeded} succeeded",
        f"{job.failed} failed",
        *([f"{job.stopped} stopped"] if job.stopped else []),
    ]
    took = ""
    if job.seconds is not None:
        usual = f"; usual {duration(job.usual)}" if job.usual is not None else "; too few runs to say what is usual"
        took = f"; took {duration(job.seconds)}{usual}"
    error = [f"   last error: {job.last_error}"] if job.last_error else []
    return [f"- {job.job}: {', '.join(numbers)}{took}", *error]


def _files(totals: Mapping[str, int]) -> str:
    if "files" not in totals:
        return "none"
    return f"{totals['files']:,} ({size(totals['bytes'])}), {totals['files_refused']:,} of them refused"


def _rows(totals: Mapping[str, int]) -> str:
    read, curated, refused = (totals.get(name, 0) for name in ("rows_in", "rows_out", "rows_refused"))
    return f"{read:,} read, {curated:,} curated, {refused:,} refused"


def _refused(health: Health) -> str:
    if not health.refused:
        return "no object was refused on arrival"
    by = Counter(each.dataset for each in health.refused)
    listed = ", ".join(f"{dataset} {count}" for dataset, count in by.most_common(MOST_LISTED))
    return f"{len(health.refused)} object(s) were refused on arrival ({listed}); each has an alert of its own"


def _quality(scores: Sequence[Score]) -> str:
    worst = sorted(scores, key=lambda each: each.score)
    more = f", and {len(worst) - MOST_LISTED} more" if len(worst) > MOST_LISTED else ""
    return ", ".join(f"{each.dataset} {each.score:.2f}" for each in worst[:MOST_LISTED]) + more


def _unfinished(health: Health) -> str:
    batch = health.oldest
    if batch is None:
        return "no batch"
    return f"oldest is batch {batch.id} of {batch.dataset}, {batch.status} since {time_text(batch.planned_at)}"
