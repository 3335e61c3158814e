"""The health summary, and what it makes up for: events that never came, and good news that was kept back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from .conftest import Context, sqs_event
from .watched import Inbox, make_state_table, monitoring_handler

PREFIX = "pipeline-test"
JOBS = [f"{PREFIX}-data-{stage}" for stage in ("ingestion", "processing", "quality")]
QUEUES = [f"{PREFIX}-data-events", f"{PREFIX}-job-events"]
ASKED = datetime(2024, 1, 15, 6, 0, tzinfo=timezone.utc)


@pytest.fixture
def table(aws: None) -> Any:
    return make_state_table()


@pytest.fixture
def inbox(aws: None) -> Inbox:
    return Inbox()


@pytest.fixture
def queues(aws: None) -> dict[str, str]:
    """URLs of the pipeline's queues by their names."""
    sqs = boto3.client("sqs")
    names = [f"{queue}{ending}" for queue in QUEUES for ending in ("", "-dlq")]
    return {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in names}


@pytest.fixture
def monitoring(
    table: Any, inbox: Inbox, queues: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> ModuleType:  # fmt: skip
    names = {"JOB_NAMES": str(JOBS).replace("'", '"'), "QUEUE_NAMES": str(QUEUES).replace("'", '"')}
    return monitoring_handler(inbox, monkeypatch, **names, REPORTS_URI="s3://quality/reports/index.html")


@pytest.fixture
def glue(monitoring: ModuleType) -> Iterator[Stubber]:
    stubber = Stubber(monitoring.glue())
    with stubber:
        yield stubber


def expect_runs(glue: Stubber, *runs: dict[str, Any]) -> None:
    """What GetJobRuns answers for each job, newest first."""
    for job in JOBS:
        found = [run for run in runs if run["JobName"] == job]
        glue.add_response("get_job_runs", {"JobRuns": found}, {"JobName": job, "MaxResults": 100})


def clock() -> dict[str, Any]:
    """What the clock sends: the message of terraform/modules/pipeline, by EventBridge and SQS."""
    event = sqs_event('{"kind":"health_summary"}')
    event["Records"][0]["attributes"]["SentTimestamp"] = str(int(ASKED.timestamp() * 1000))
    return event


def write_run(table: Any, job: str, number: int, status: str, hours: float, **facts: Any) -> None:
    """A run in the history that ended some hours before the summary."""
    at = (ASKED - timedelta(hours=hours)).isoformat()
    item = {"entity": f"glue_run#{job}", "id": f"jr_{job}_{number}", "status": status, "updated_at": at, **facts}
    table.put_item(Item=item)


def write_day(table: Any) -> None:
    """A day with a failure, and the days before it."""
    for number in range(12):
        write_run(table, JOBS[0], number, "SUCCEEDED", 30 + number, seconds=100)
    totals = {
        "files": 3,
        "files_refused": 1,
        "bytes": 3_400_000,
        "rows_in": 1200,
        "rows_out": 1100,
        "rows_refused": 100,
    }
    write_run(table, JOBS[0], 20, "SUCCEEDED", 2, seconds=110, cost_usd=Decimal("0.5"), dpu_hours=1, totals=totals)
    write_run(table, JOBS[1], 20, "SUCCEEDED", 2, seconds=90, totals={"rows_out": 1090, "rows_refused": 10})
    error = {"message": "QualityHaltError: score 71.00 is below 90", "cost_usd": Decimal("0.25"), "dpu_hours": 1}
    write_run(table, JOBS[2], 20, "FAILED", 1, **error)
    for dataset, score in (("orders", Decimal("98.2")), ("customers", Decimal(71))):
        table.put_item(Item={"entity": "dataset", "id": dataset})
        check = {"score": score, "passed": score > 90, "report": f"s3://quality/reports/{dataset}.html"}
        table.put_item(Item={"entity": f"metrics#{dataset}", "id": "b2", "checked_at": "2024-01-15", **check})
    table.put_item(Item={"entity": "held#customers", "id": "b2"})
    batch = {"entity": "batch#orders", "id": "b1", "status": "INGESTED", "updated_at": "2024-01-13T06:00:00+00:00"}
    table.put_item(Item={**batch, "planned_at": "2024-01-13T06:00:00+00:00"})
    refused = {"id": "data/incoming/x.exe#1", "status": "REFUSED", "reason": "extension .exe is not known"}
    table.put_item(Item={"entity": "refused_object#x", "updated_at": "2024-01-15T05:00:00+00:00", **refused})


def test_a_day_with_trouble_says_first_what_needs_somebody(
    monitoring: ModuleType, glue: Stubber, table: Any, inbox: Inbox, queues: dict[str, str], context: Context
) -> None:
    write_day(table)
    sqs = boto3.client("sqs")
    sqs.send_message(QueueUrl=queues[f"{QUEUES[0]}-dlq"], MessageBody="{}")
    sqs.send_message(QueueUrl=queues[QUEUES[1]], MessageBody="{}")
    expect_runs(glue)
    assert monitoring.handler(clock(), context) == {"batchItemFailures": []}
    [message] = inbox.messages()
    assert message["TopicArn"].endswith(":system_health")
    assert message["Subject"] == "pipeline-test: 4 thing(s) need somebody"
    assert message["Message"] == (
        "4 thing(s) of pipeline-test need somebody. 3 run(s) of jobs ended in the 24 hours before "
        "2024-01-15 06:00:00 UTC.\n"
        "\n"
        "Needs somebody\n"
        "1. pipeline-test-data-events-dlq holds 1 dead letter(s): look at the Lambda's log, put the cause right, and "
        "send them back with scripts/redrive_dlq.py\n"
        "2. customers: quality 71.00 is below its threshold: s3://quality/reports/customers.html\n"
        "3. customers: 1 batch(es) are held until their quality is right (docs/publication.md)\n"
        "4. orders: batch b1 has been INGESTED for 2 days: see what the runs of its next job say of the dataset\n"
        "\n"
        "Jobs\n"
        "- pipeline-test-data-ingestion: 1 succeeded, 0 failed; took 1 min 50 s; usual 1 min 40 s\n"
        "- pipeline-test-data-processing: 1 succeeded, 0 failed; took 1 min 30 s; too few runs to say what is usual\n"
        "- pipeline-test-data-quality: 0 succeeded, 1 failed\n"
        "   last error: QualityHaltError: score 71.00 is below 90\n"
        "\n"
        "Where:      account 123456789012, region us-east-1\n"
        "Files:      3 (3.4 MB), 1 of them refused\n"
        "Rows:       1,200 read, 1,090 curated, 110 refused\n"
        "Refused:    1 object(s) were refused on arrival (x 1); each has an alert of its own\n"
        "Quality:    customers 71.00, orders 98.20\n"
        "Cost:       about 0.75 USD (2.00 DPU hours)\n"
        "Queues:     pipeline-test-data-events 0 (dead letters 1), pipeline-test-job-events 1 (dead letters 0)\n"
        "Alerts:     all are sent\n"
        "Unfinished: oldest is batch b1 of orders, INGESTED since 2024-01-13 06:00:00 UTC\n"
        "Dashboard:  https://console.aws.amazon.com/cloudwatch/home?region=us-east-1#dashboards\n"
        "Reports:    https://console.aws.amazon.com/s3/object/quality?region=us-east-1&prefix=reports/index.html\n"
    )


def test_a_quiet_day_is_told_too(
    monitoring: ModuleType, glue: Stubber, inbox: Inbox, queues: dict[str, str], context: Context
) -> None:
    expect_runs(glue)
    monitoring.handler(clock(), context)
    [message] = inbox.messages()
    assert message["Subject"] == "pipeline-test: all is well"
    assert message["Message"].startswith("All is well with pipeline-test. 0 run(s) of jobs ended in the 24 hours")


def test_a_summary_that_could_not_be_sent_comes_back_and_is_sent_once(
    monitoring: ModuleType, glue: Stubber, inbox: Inbox, context: Context
) -> None:
    teller = monitoring.watch().teller
    topic = teller._topic_arns["system_health"]
    for arn in (f"{topic}-gone", topic, topic):
        expect_runs(glue)
        teller._topic_arns["system_health"] = arn
        try:
            monitoring.handler(clock(), context)
        except Exception as error:  # noqa: BLE001 - every message of the batch failed, which is this one
            assert "NotFound" in str(error), error
    assert inbox.subjects() == ["system_health pipeline-test: all is well"]


def test_a_run_whose_event_never_came_is_recorded_and_told_before_the_summary(
    monitoring: ModuleType, glue: Stubber, table: Any, inbox: Inbox, context: Context
) -> None:
    ended = ASKED - timedelta(hours=3)
    run = {"Id": "jr_lost", "JobName": JOBS[0], "JobRunState": "ERROR", "ErrorMessage": "internal error"}
    old = {**run, "Id": "jr_old", "CompletedOn": ASKED - timedelta(days=3)}
    new = {**run, "Id": "jr_new", "CompletedOn": ASKED - timedelta(minutes=1)}  # its event is on its way
    going = {"Id": "jr_going", "JobName": JOBS[0], "JobRunState": "RUNNING", "StartedOn": ended}
    runs = (going, new, {**run, "StartedOn": ended, "CompletedOn": ended, "ExecutionTime": 60}, old)
    for _ in range(2):
        expect_runs(glue, *runs)
        monitoring.handler(clock(), context)
    failed, summary = inbox.messages()
    assert failed["Subject"] == f"ERROR: {JOBS[0]}"
    assert "What:     internal error" in failed["Message"]
    assert f"1. ERROR: {JOBS[0]}: 1 time(s) since 2024-01-15 03:00:00 UTC" in summary["Message"]
    items = table.query(
        KeyConditionExpression="entity = :e", ExpressionAttributeValues={":e": f"glue_run#{JOBS[0]}"}
    )["Items"]  # fmt: skip
    assert [(item["id"], item["status"]) for item in items] == [("jr_lost", "ERROR")]


def test_queues_that_cannot_be_asked_bring_the_message_back(
    monitoring: ModuleType, glue: Stubber, queues: dict[str, str], context: Context
) -> None:
    boto3.client("sqs").delete_queue(QueueUrl=queues[QUEUES[0]])
    expect_runs(glue)
    with pytest.raises(Exception, match=r"NonExistentQueue|does not exist"):
        monitoring.handler(clock(), context)
