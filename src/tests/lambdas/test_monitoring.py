"""The monitoring: run history, metrics, and messages to people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from types import ModuleType
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError
from botocore.stub import Stubber

from .conftest import Context, job_state_change, metrics_in, sqs_event
from .watched import Inbox, make_state_table, monitoring_handler

JOB = "pipeline-test-data-ingestion"
LAST_JOB = "pipeline-test-data-quality"
RUN = "jr_ca2144d747b45ad412d3c66a1b6934b6b27aa252be9a21a95c54dfaa224a1925"


@pytest.fixture
def table(aws: None) -> Any:
    return make_state_table()


@pytest.fixture
def inbox(aws: None) -> Inbox:
    return Inbox()


@pytest.fixture
def monitoring(table: Any, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return monitoring_handler(inbox, monkeypatch)


@pytest.fixture
def glue(monitoring: ModuleType) -> Iterator[Stubber]:
    """Glue's answers, in order; a call that is not expected is an error."""
    stubber = Stubber(monitoring.glue())
    with stubber:
        yield stubber


def expect_details(glue: Stubber, job: str = JOB, times: int = 1, **details: Any) -> None:
    run = {
        "Id": RUN,
        "JobName": job,
        "StartedOn": datetime(2024, 1, 15, 10, 0, tzinfo=timezone.utc),
        "CompletedOn": datetime(2024, 1, 15, 10, 4, 58, tzinfo=timezone.utc),
        "ExecutionTime": 283,
        "LogGroupName": "/aws-glue/jobs",
        **details,
    }
    for _ in range(times):
        glue.add_response("get_job_run", {"JobRun": run}, {"JobName": job, "RunId": RUN})


def item(table: Any, job: str = JOB) -> dict[str, Any] | None:
    found: dict[str, Any] | None = table.get_item(Key={"entity": f"glue_run#{job}", "id": RUN}).get("Item")
    return found


def test_a_failed_run_is_recorded_measured_and_told(
    monitoring: ModuleType,
    glue: Stubber,
    table: Any,
    inbox: Inbox,
    context: Context,
    capsys: pytest.CaptureFixture[str],
) -> None:
    expect_details(glue, ErrorMessage="ContractError: transactions.yml: columns[3].type 'money' is unknown")
    answer = monitoring.handler(sqs_event(job_state_change(JOB, RUN, "FAILED")), context)
    assert answer == {"batchItemFailures": []}
    found = item(table)
    assert found is not None
    assert found.pop("notified_at")
    assert found == {
        "entity": f"glue_run#{JOB}",
        "id": RUN,
        "status": "FAILED",
        "updated_at": "2024-01-15T10:05:00+00:00",
        "message": "ContractError: transactions.yml: columns[3].type 'money' is unknown",
        "started_at": "2024-01-15T10:00:00+00:00",
        "ended_at": "2024-01-15T10:04:58+00:00",
        "seconds": 283,
        "expires_at": 1705313100 + 400 * 86400,
    }
    (metrics,) = metrics_in(capsys.readouterr().out)
    directive = metrics["_aws"]["CloudWatchMetrics"][0]
    assert (directive["Namespace"], directive["Dimensions"]) == ("Tests", [["JobName"]])
    assert metrics["JobName"] == JOB
    assert (metrics["JobFailures"], metrics["JobSuccesses"], metrics["JobDuration"]) == (
        [1.0],
        [0.0],
        [283.0],
    )
    (message,) = inbox.messages()
    assert message["Subject"] == f"FAILED: {JOB}"
    assert message["Message"] == (
        f"The Glue job {JOB} failed.\n"
        "\n"
        "What:     ContractError: transactions.yml: columns[3].type 'money' is unknown\n"
        "Where:    account 123456789012, region us-east-1\n"
        f"Run:      {RUN}\n"
        "Started:  2024-01-15 10:00:00 UTC\n"
        "Ended:    2024-01-15 10:04:58 UTC\n"
        "Duration: 4 min 43 s\n"
        f"Console:  https://console.aws.amazon.com/gluestudio/home?region=us-east-1#/job/{JOB}/run/{RUN}\n"
        "Log:      https://console.aws.amazon.com/cloudwatch/home?region=us-east-1"
        f"#logsV2:log-groups/log-group/$252Faws-glue$252Fjobs$252Ferror/log-events/{RUN}\n"
        "\n"
        "What to do\n"
        f"1. Read the log:  aws logs tail /aws-glue/jobs/error --log-stream-names {RUN} --since 7d"
        " --region us-east-1\n"
        "   The log's last lines name the step and the cause.\n"
        f"2. Start again:   aws glue start-job-run --job-name {JOB} --region us-east-1\n"
        "   No file is lost: the ledger knows what is done, and a new run does just what is left.\n"
    )


@pytest.mark.parametrize(
    ("job", "state", "told"),
    [
        (JOB, "TIMEOUT", True),
        (JOB, "STOPPED", True),
        (JOB, "SUCCEEDED", False),
        (LAST_JOB, "SUCCEEDED", True),
        (LAST_JOB, "RUNNING", False),
    ],
)
def test_people_are_told_of_bad_ends_and_of_the_last_jobs_success(
    monitoring: ModuleType,
    glue: Stubber,
    table: Any,
    inbox: Inbox,
    context: Context,
    job: str,
    state: str,
    told: bool,
) -> None:
    expect_details(glue, job)
    monitoring.handler(sqs_event(job_state_change(job, RUN, state)), context)
    found = item(table, job)
    assert found is not None
    assert found["status"] == state
    assert [message["Subject"] for message in inbox.messages()] == ([f"{state}: {job}"] if told else [])


def test_a_stop_by_hand_is_no_failure(
    monitoring: ModuleType, glue: Stubber, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    expect_details(glue)
    monitoring.handler(sqs_event(job_state_change(JOB, RUN, "STOPPED")), context)
    (metrics,) = metrics_in(capsys.readouterr().out)
    assert (metrics["JobFailures"], metrics["JobSuccesses"]) == ([0.0], [0.0])


def test_the_same_event_again_changes_nothing(
    monitoring: ModuleType,
    glue: Stubber,
    table: Any,
    inbox: Inbox,
    context: Context,
    capsys: pytest.CaptureFixture[str],
) -> None:
    expect_details(glue, times=3)
    event = job_state_change(JOB, RUN, "FAILED")
    monitoring.handler(sqs_event(event, event), context)
    before = item(table)
    monitoring.handler(sqs_event(event), context)
    assert item(table) == before
    assert len(inbox.messages()) == 1
    assert len(metrics_in(capsys.readouterr().out)) == 1


def test_a_late_event_does_not_undo_the_end(
    monitoring: ModuleType, glue: Stubber, table: Any, inbox: Inbox, context: Context
) -> None:
    expect_details(glue, times=3)
    events = (
        job_state_change(JOB, RUN, "SUCCEEDED", time="2024-01-15T10:05:00Z"),
        job_state_change(JOB, RUN, "RUNNING", time="2024-01-15T10:00:10Z"),
        job_state_change(JOB, RUN, "RUNNING", time="2024-01-15T10:09:00Z"),
    )
    monitoring.handler(sqs_event(*events), context)
    found = item(table)
    assert found is not None
    assert (found["status"], found["updated_at"]) == ("SUCCEEDED", "2024-01-15T10:05:00+00:00")
    assert inbox.messages() == []


def test_an_earlier_state_does_not_replace_a_later_one_on_the_way(
    monitoring: ModuleType, glue: Stubber, table: Any, context: Context
) -> None:
    expect_details(glue, times=3)
    states = (("STARTING", "10:00:00"), ("RUNNING", "10:00:10"), ("STARTING", "10:00:00"))
    events = [job_state_change(JOB, RUN, state, time=f"2024-01-15T{time}Z") for state, time in states]
    monitoring.handler(sqs_event(*events), context)
    found = item(table)
    assert found is not None
    assert found["status"] == "RUNNING"


def test_people_are_told_when_the_first_try_to_tell_them_failed(
    monitoring: ModuleType, glue: Stubber, table: Any, inbox: Inbox, context: Context
) -> None:
    expect_details(glue, times=2)
    event = sqs_event(job_state_change(JOB, RUN, "FAILED"))
    with Stubber(monitoring.sns()) as broken:
        broken.add_client_error("publish", "InternalErrorException")
        with pytest.raises(BatchProcessingError):
            monitoring.handler(event, context)
    found = item(table)
    assert found is not None
    assert found["status"] == "FAILED"
    monitoring.handler(event, context)
    assert len(inbox.messages()) == 1


def test_a_run_that_glue_no_longer_knows_is_recorded_as_the_event_tells(
    monitoring: ModuleType, glue: Stubber, table: Any, inbox: Inbox, context: Context
) -> None:
    glue.add_client_error("get_job_run", "EntityNotFoundException")
    monitoring.handler(sqs_event(job_state_change(JOB, RUN, "FAILED", message="SystemExit: 1")), context)
    found = item(table)
    assert found is not None
    assert found["message"] == "SystemExit: 1"
    assert "Duration: not known" in inbox.messages()[0]["Message"]


def test_an_event_comes_back_when_glue_does_not_answer(
    monitoring: ModuleType, glue: Stubber, table: Any, context: Context
) -> None:
    glue.add_client_error("get_job_run", "ThrottlingException")
    expect_details(glue, LAST_JOB)
    events = (job_state_change(JOB, RUN, "FAILED"), job_state_change(LAST_JOB, RUN, "SUCCEEDED"))
    answer = monitoring.handler(sqs_event(*events), context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert item(table) is None
    assert item(table, LAST_JOB)


@pytest.mark.parametrize(
    "event",
    [
        job_state_change("another-job", RUN, "FAILED"),
        job_state_change("pipeline-test2-data-ingestion", RUN, "FAILED"),
        {**job_state_change(JOB, RUN, "FAILED"), "detail-type": "Glue Job Run Status"},
    ],
    ids=["another job", "a pipeline with a longer name", "another kind of event"],
)
def test_what_is_not_for_us_is_passed_over(
    monitoring: ModuleType, glue: Stubber, table: Any, inbox: Inbox, context: Context, event: dict[str, Any]
) -> None:
    assert monitoring.handler(sqs_event(event), context) == {"batchItemFailures": []}
    assert table.scan()["Count"] == 0
    assert inbox.messages() == []


@pytest.mark.parametrize("body", ["no json", '{"source": "aws.glue", "detail-type": "Glue Job State Change"}'])
def test_a_message_that_is_no_event_comes_back(
    monitoring: ModuleType, glue: Stubber, context: Context, body: str
) -> None:
    expect_details(glue, LAST_JOB)
    events = (body, job_state_change(LAST_JOB, RUN, "SUCCEEDED"))
    answer = monitoring.handler(sqs_event(*events), context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}


def test_a_subject_stays_within_what_sns_takes(monitoring: ModuleType, inbox: Inbox, context: Context) -> None:
    name = "pipeline-test-" + "größe" * 40
    boto3.client("glue").create_job(Name=name, Role="role", Command={"Name": "glueetl"})
    run = boto3.client("glue").start_job_run(JobName=name)["JobRunId"]
    monitoring.handler(sqs_event(job_state_change(name, run, "FAILED")), context)
    (message,) = inbox.messages()
    assert len(message["Subject"]) == 100
    assert message["Subject"].isascii()
    assert name in message["Message"]
