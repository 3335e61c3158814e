"""The data trigger: which events start the workflow, and what comes back when it cannot start."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError
from botocore.stub import ANY, Stubber

from .arriving import EVENT_TIME_MS, KEY, WORKFLOW, LastingContext, Site, trigger_module
from .arriving import site as site
from .arriving import trigger as trigger
from .conftest import load_handler, metrics_in, object_created, sqs_event


@pytest.fixture
def glue(trigger: ModuleType) -> Iterator[Stubber]:
    """Glue's answers, in order; a call that is not expected is an error."""
    stubber = Stubber(trigger_module("trigger_services").glue())
    with stubber:
        yield stubber


@pytest.fixture
def context() -> LastingContext:
    return LastingContext()


def expect_run(glue: Stubber, **properties: str) -> None:
    wanted = {
        "Name": WORKFLOW,
        "RunProperties": {"trigger": "file arrival", **properties} if properties else ANY,
    }
    glue.add_response("start_workflow_run", {"RunId": "wr_1"}, wanted)


def failed(answer: dict[str, Any]) -> list[str]:
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_a_new_file_starts_the_workflow(trigger: ModuleType, glue: Stubber, context: LastingContext) -> None:
    expect_run(glue, object_count="1", first_key=KEY)
    assert failed(trigger.handler(sqs_event(object_created(KEY)), context)) == []
    glue.assert_no_pending_responses()


def test_the_workflow_really_starts_in_glue(trigger: ModuleType, context: LastingContext) -> None:
    trigger.handler(sqs_event(object_created(KEY)), context)
    runs = boto3.client("glue").get_workflow_runs(Name=WORKFLOW)["Runs"]
    assert [run["WorkflowRunProperties"]["first_key"] for run in runs] == [KEY]


def test_many_files_start_the_workflow_once(trigger: ModuleType, glue: Stubber, context: LastingContext) -> None:
    keys = [f"data/incoming/2024/01/15/{number}.csv" for number in range(50)]
    events = [object_created(key) for key in keys]
    expect_run(glue, object_count="50", first_key=keys[0])
    assert failed(trigger.handler(sqs_event(*events, *events), context)) == []
    glue.assert_no_pending_responses()


@pytest.mark.parametrize(
    "name", ["a b.csv", "a+b.csv", "100%.csv", "a%20b.csv", "year=2024.csv", "größe-注文.csv", "no_extension"]
)
def test_keys_are_taken_as_they_are(
    trigger: ModuleType, site: Site, glue: Stubber, context: LastingContext, name: str
) -> None:
    key = f"data/incoming/2024/01/15/{name}"
    expect_run(glue, object_count="1", first_key=key)
    trigger.handler(sqs_event(object_created(key)), context)
    glue.assert_no_pending_responses()
    site.claim(key=key)
    assert failed(trigger.handler(sqs_event(object_created(key)), context)) == []


@pytest.mark.parametrize(
    "event",
    [
        object_created(KEY, bucket="another"),
        object_created("exports/t.csv"),
        object_created("data/incoming/2024/01/15/", size=0),
        object_created("data/incoming/2024_$folder$", size=0),
        {**object_created(KEY), "detail-type": "Object Deleted"},
        {**object_created(KEY), "source": "my.app"},
    ],
    ids=["bucket", "prefix", "folder", "hadoop folder", "deleted", "source"],
)
def test_what_is_not_for_us_is_passed_over(
    trigger: ModuleType, glue: Stubber, context: LastingContext, event: dict[str, Any]
) -> None:
    assert failed(trigger.handler(sqs_event(event), context)) == []


@pytest.mark.parametrize("modified_ms", [EVENT_TIME_MS, EVENT_TIME_MS + 5000])
def test_a_version_that_is_claimed_starts_nothing(
    trigger: ModuleType, site: Site, glue: Stubber, context: LastingContext, modified_ms: int
) -> None:
    site.claim(modified_ms=modified_ms)
    assert failed(trigger.handler(sqs_event(object_created(KEY)), context)) == []


@pytest.mark.parametrize(("size", "modified_ms"), [(9468, EVENT_TIME_MS - 1000), (1, EVENT_TIME_MS)])
def test_a_file_written_again_is_new(
    trigger: ModuleType, site: Site, glue: Stubber, context: LastingContext, size: int, modified_ms: int
) -> None:
    site.claim(size=size, modified_ms=modified_ms)
    expect_run(glue)
    trigger.handler(sqs_event(object_created(KEY)), context)
    glue.assert_no_pending_responses()


def test_fractions_of_a_second_in_the_event_do_not_count(
    trigger: ModuleType, site: Site, glue: Stubber, context: LastingContext
) -> None:
    site.claim()
    event = object_created(KEY, time="2024-01-15T09:30:00.875Z")
    assert failed(trigger.handler(sqs_event(event), context)) == []


def test_messages_come_back_while_a_run_is_under_way(
    trigger: ModuleType, site: Site, glue: Stubber, context: LastingContext
) -> None:
    site.claim(key="data/incoming/known.csv")
    events = [object_created(key) for key in (KEY, "data/incoming/known.csv", "data/incoming/new.csv")]
    glue.add_client_error("start_workflow_run", "ConcurrentRunsExceededException", "1 run is enough")
    assert failed(trigger.handler(sqs_event(*events), context)) == ["m0", "m2"]
    expect_run(glue)
    assert failed(trigger.handler(sqs_event(events[0], events[2]), context)) == []


def test_a_busy_workflow_is_no_error_of_the_function(
    trigger: ModuleType, glue: Stubber, context: LastingContext, capsys: pytest.CaptureFixture[str]
) -> None:
    glue.add_client_error("start_workflow_run", "ConcurrentRunsExceededException")
    assert failed(trigger.handler(sqs_event(object_created(KEY)), context)) == ["m0"]
    assert "WorkflowStartErrors" not in metrics_in(capsys.readouterr().out)[0]


def test_messages_come_back_when_the_start_fails_for_another_reason(
    trigger: ModuleType,
    glue: Stubber,
    context: LastingContext,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    glue.add_client_error("start_workflow_run", "AccessDeniedException", "not for you")
    events = (object_created(KEY), object_created("elsewhere/x.csv"))
    assert failed(trigger.handler(sqs_event(*events), context)) == ["m0"]
    assert "AccessDeniedException" in caplog.text
    assert metrics_in(capsys.readouterr().out)[0]["WorkflowStartErrors"] == [1.0]


def test_the_function_fails_when_nothing_works_so_that_an_alarm_sees_it(
    trigger: ModuleType, glue: Stubber, context: LastingContext, capsys: pytest.CaptureFixture[str]
) -> None:
    glue.add_client_error("start_workflow_run", "AccessDeniedException")
    with pytest.raises(BatchProcessingError):
        trigger.handler(sqs_event(object_created(KEY)), context)
    assert metrics_in(capsys.readouterr().out)[0]["WorkflowStartErrors"] == [1.0]


@pytest.mark.parametrize("body", ["no json", "[]", "{}", '{"source": "aws.s3", "detail-type": "Object Created"}'])
def test_a_message_that_is_no_event_comes_back_and_the_others_are_served(
    trigger: ModuleType, glue: Stubber, context: LastingContext, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    expect_run(glue)
    assert failed(trigger.handler(sqs_event(body, object_created(KEY)), context)) == ["m0"]
    assert "not an S3 event as EventBridge sends it" in caplog.text


def test_a_file_whose_claim_cannot_be_read_comes_back(
    trigger: ModuleType, glue: Stubber, context: LastingContext
) -> None:
    boto3.client("dynamodb").delete_table(TableName="bookmarks")
    events = (object_created(KEY), object_created("elsewhere/x.csv"))
    assert failed(trigger.handler(sqs_event(*events), context)) == ["m0"]


def test_loading_the_handler_opens_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("a client was opened at import")

    monkeypatch.setattr(boto3, "client", forbidden)
    monkeypatch.setattr(boto3, "resource", forbidden)
    load_handler("data_trigger")
    load_handler("monitoring")
