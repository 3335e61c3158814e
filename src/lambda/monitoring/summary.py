"""The health summary: how the last day was, and what needs somebody. Asked for by the clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from statistics import median
from typing import Any

from boto3.dynamodb.conditions import Attr, Key
from job_runs import ENDS, INDEX, JobRun, with_facts
from messages import Place
from run_numbers import added
from summary_text import Batch, Health, JobDay, Queue, Refused, Score, body, headline, subject
from telling import News
from usual import LEAST_RUNS, MOST_RUNS, limit_of
from watching import Watch
from workflow_runs import WorkflowUnderWayError

from etl.dynamo import query

DAY = timedelta(days=1)
# Events are delivered as well as AWS can; runs that ended this long ago and are not known were missed.
MISSED_AFTER, MISSED_BEFORE = timedelta(minutes=15), timedelta(days=2)
MOST_LOOKED_AT = 100
UNFINISHED = ("PLANNED", "INGESTED", "PROCESSED")


@dataclass(frozen=True)
class Sources:
    """What the summary is made of.

    Attributes:
        table: boto3 Table of the pipeline's state.
        sqs: boto3 SQS client.
        watch: knows the run history and what was told.
        prefix: of all names.
        jobs: names of the pipeline's jobs.
        queues: names of its queues; each has a dead-letter queue of the same name with -dlq.
    """

    table: Any
    sqs: Any
    watch: Watch
    prefix: str
    jobs: Sequence[str]
    queues: Sequence[str]


def tell_what_was_missed(watch: Watch, jobs: Sequence[str], place: Place, now: datetime) -> None:
    """Deal with runs whose events never came, and tell good news that was kept back.

    Args:
        watch: deals with runs.
        jobs: their names.
        place: where the pipeline is.
        now: UTC.
    """
    for job in jobs:
        answer = watch.glue.get_job_runs(JobName=job, MaxResults=MOST_LOOKED_AT)
        for found in reversed(answer["JobRuns"]):
            run = _ended_run(found, place, watch.price)
            if run is None or not MISSED_AFTER <= now - run.time <= MISSED_BEFORE or watch.history.is_done(run):
                continue
            try:
                watch.see(run)
            except WorkflowUnderWayError:
                continue
    watch.teller.tell_overdue(now)


def health_news(sources: Sources, place: Place, now: datetime) -> News:
    """How all is.

    Args:
        sources: what to look at.
        place: where the pipeline is.
        now: when the clock asked; the same when its message comes again.
    """
    health = health_of(sources, now)
    minute = f"{now:%Y-%m-%dT%H:%M}"
    # Each summary is another kind: the clock says how often people want one.
    return News(
        "system_health", f"summary#{minute}", minute, now, subject(health, sources.prefix),
        headline(health, sources.prefix), body(health, place),
    )  # fmt: skip


def health_of(sources: Sources, now: datetime) -> Health:
    """Everything that the summary tells.

    Args:
        sources: what to look at.
        now: UTC.
    """
    teller, table = sources.watch.teller, sources.table
    runs = sources.watch.history.since(now - DAY, sources.prefix)
    datasets = [item["id"] for item in query(table, KeyConditionExpression=Key("entity").eq("dataset"))]
    waiting = sources.watch.outbox.send(now)
    return Health(
        now=now,
        jobs=[_day_of(sources, job, runs, now) for job in _names(sources, runs)],
        cost_usd=added(_number(run.get("cost_usd")) for run in runs),
        dpu_hours=added(_number(run.get("dpu_hours")) for run in runs),
        totals=_totals(runs),
        scores=[score for dataset in datasets for score in _newest_score(table, dataset)],
        queues=[_queue(sources.sqs, name) for name in sources.queues],
        alerts_waiting=len(waiting),
        alerts_since=datetime.fromisoformat(waiting[0]["updated_at"]) if waiting else None,
        messages_unsent=teller.unsent(),
        refused=_refused(table, now),
        held={dataset: count for dataset in datasets if (count := _held(table, dataset))},
        oldest=_oldest(table),
        findings=[
            each for topic in ("notifications", "performance", "system_health") for each in teller.findings(topic)
            if not each.name.startswith(("through#", "summary#"))
        ],
    )  # fmt: skip


def _ended_run(found: Mapping[str, Any], place: Place, price: float) -> JobRun | None:
    state, ended = found["JobRunState"], found.get("CompletedOn") or found.get("LastModifiedOn")
    if state not in ENDS or ended is None:
        return None
    time = ended.astimezone(timezone.utc).replace(microsecond=0)
    run = JobRun(found["JobName"], found["Id"], state, time, "", place.account, place.region)
    return with_facts(run, found, price)


def _names(sources: Sources, runs: Iterable[Mapping[str, Any]]) -> list[str]:
    seen = {run["entity"].removeprefix("glue_run#") for run in runs}
    return [*sources.jobs, *sorted(seen.difference(sources.jobs))]


def _day_of(sources: Sources, job: str, runs: Sequence[Mapping[str, Any]], now: datetime) -> JobDay:
    mine = [run for run in runs if run["entity"] == f"glue_run#{job}"]
    states = Counter(run["status"] for run in mine)
    seconds = [float(run["seconds"]) for run in mine if run["status"] == "SUCCEEDED" and "seconds" in run]
    before = JobRun(job, "", "SUCCEEDED", now - DAY, "", "", "")
    earlier = [float(run["seconds"]) for run in sources.watch.history.earlier(before, MOST_RUNS)] if seconds else []
    failed = [run for run in mine if run["status"] not in ("SUCCEEDED", "STOPPED")]
    return JobDay(
        job=job,
        succeeded=states["SUCCEEDED"],
        failed=len(failed),
        stopped=states["STOPPED"],
        seconds=median(seconds) if seconds else None,
        usual=limit_of(earlier)[0] if len(earlier) >= LEAST_RUNS else None,
        last_error=max(failed, key=lambda run: run["updated_at"])["message"] if failed else "",
    )


def _totals(runs: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Files, bytes and rows of the day: what ingestion read, what processing curated, what either refused."""
    found: Counter[str] = Counter()
    for run in runs:
        totals = run.get("totals", {})
        if run["entity"].endswith("-data-ingestion"):
            found.update({name: int(totals.get(name, 0)) for name in ("files", "files_refused", "bytes", "rows_in")})
        if run["entity"].endswith("-data-processing"):
            found["rows_out"] += int(totals.get("rows_out", 0))
        found["rows_refused"] += int(totals.get("rows_refused", 0))
    return dict(found)


def _newest_score(table: Any, dataset: str) -> Iterator[Score]:
    newest = table.query(
        KeyConditionExpression=Key("entity").eq(f"metrics#{dataset}"),
        ScanIndexForward=False,
        Limit=1,
        ProjectionExpression="score, passed, checked_at, report",
    )
    for item in newest["Items"]:
        yield Score(dataset, float(item["score"]), bool(item.get("passed", True)), item.get("report", ""))


def _queue(sqs: Any, name: str) -> Queue:
    numbers = []
    for each in (name, f"{name}-dlq"):
        url = sqs.get_queue_url(QueueName=each)["QueueUrl"]
        wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
        numbers.append(sum(int(found.get(attribute, 0)) for attribute in wanted))
    return Queue(name, *numbers)


def _refused(table: Any, now: datetime) -> list[Refused]:
    """Objects that the trigger has refused within the day."""
    key = Key("status").eq("REFUSED") & Key("updated_at").gte((now - DAY).isoformat())
    mine = Attr("entity").begins_with("refused_object#")
    items = _indexed(table, key, mine)
    return [Refused(item["entity"].partition("#")[2], item["id"], item.get("reason", "")) for item in items]


def _held(table: Any, dataset: str) -> int:
    """How many batches of a dataset wait for their quality."""
    return sum(1 for _ in query(table, KeyConditionExpression=Key("entity").eq(f"held#{dataset}")))


def _oldest(table: Any) -> Batch | None:
    """The batch that has been unfinished longest."""
    found = []
    for status in UNFINISHED:
        mine = Attr("entity").begins_with("batch#")
        key = Key("status").eq(status)
        items = _indexed(table, key, mine)
        found += [
            Batch(item["entity"].partition("#")[2], item["id"], status, datetime.fromisoformat(item["planned_at"]))
            for item in items
            if "planned_at" in item
        ]
    return min(found, key=lambda batch: batch.planned_at, default=None)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _indexed(table: Any, key: Any, condition: Any) -> Iterator[dict[str, Any]]:
    """Items by their status; the index can't be read consistently."""
    arguments = {"IndexName": INDEX, "KeyConditionExpression": key, "FilterExpression": condition}
    while True:
        answer = table.query(**arguments)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
