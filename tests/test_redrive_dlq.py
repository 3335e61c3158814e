"""redrive_dlq.py as a user meets it, and what it does with the letters."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import typer
from botocore.stub import Stubber
from moto import mock_aws
from typer.testing import CliRunner, Result

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
import redrive_dlq
from dead_letters.letters import Queue, grouped, letter_of, open_queue
from dead_letters.redrive import RedriveError, move_all, send_back

ENDS = ("shop-dev-data-events", "shop-dev-job-events")
ARN = "arn:aws:sqs:us-east-1:123456789012:shop-dev-data-events"


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The queues of the environment dev of the project shop."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    with mock_aws():
        client = boto3.client("sqs")
        for name in ENDS:
            client.create_queue(QueueName=f"{name}-dlq")
            client.create_queue(QueueName=name)
        yield client


def created(key: str) -> str:
    return json.dumps({"detail-type": "Object Created", "source": "aws.s3", "detail": {"object": {"key": key}}})


def bury(sqs: Any, *bodies: str, queue: str = ENDS[0], **attributes: str) -> None:
    url = sqs.get_queue_url(QueueName=f"{queue}-dlq")["QueueUrl"]
    given = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=given)


def bodies_in(sqs: Any, name: str) -> list[str]:
    url, bodies = sqs.get_queue_url(QueueName=name)["QueueUrl"], []
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600).get("Messages"):
        bodies += [message["Body"] for message in found]
    return sorted(bodies)


def call(monkeypatch: pytest.MonkeyPatch, *options: str, can_move: bool = False) -> Result:
    if not can_move:
        monkeypatch.setattr(redrive_dlq, "move_all", lambda *_: None)
    app = typer.Typer()
    app.command()(redrive_dlq.main)
    return CliRunner().invoke(app, ["--env", "dev", "--project-name", "shop", *options])


def test_a_dry_run_shows_letters_by_reason_and_kind_and_leaves_them(sqs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [created(f"data/incoming/orders/2024/01/15/{number}.csv") for number in range(12)]
    bury(sqs, *files, "not json")
    bury(sqs, files[0], ERROR_CODE="SDK_CLIENT_ERROR", ERROR_MESSAGE="no such queue")
    state = {"detail-type": "Glue Job State Change", "detail": {"jobName": "shop-dev-ingestion", "state": "FAILED"}}
    bury(sqs, json.dumps(state), queue=ENDS[1])
    shown = call(monkeypatch, "--dry-run")
    assert shown.exit_code == 0, shown.output
    words = " ".join(shown.output.split())
    for told in ("14 dead letter(s)", "SDK_CLIENT_ERROR", "no JSON object", "Glue Job State Change", "FAILED"):
        assert told in words
    assert len(bodies_in(sqs, f"{ENDS[0]}-dlq")) == 14
    assert bodies_in(sqs, ENDS[0]) == []


def test_without_the_service_s_move_letters_are_sent_one_by_one(sqs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [created(f"{number}.csv") for number in range(25)]
    bury(sqs, *files)
    assert call(monkeypatch, "--queue", "data-events").exit_code == 0
    assert bodies_in(sqs, ENDS[0]) == sorted(files)
    assert bodies_in(sqs, f"{ENDS[0]}-dlq") == []


def test_only_what_is_asked_for_is_sent_and_the_rest_can_be_seen_at_once(
    sqs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, other = created("data/incoming/orders/o.csv"), created("data/incoming/visits/v.csv")
    bury(sqs, wanted, other, json.dumps({"kind": "sweep"}))
    done = call(monkeypatch, "--queue", "data-events", "--about", "/orders/", can_move=True)
    assert done.exit_code == 0, done.output
    assert bodies_in(sqs, ENDS[0]) == [wanted]
    assert bodies_in(sqs, f"{ENDS[0]}-dlq") == sorted([other, json.dumps({"kind": "sweep"})])


def test_the_service_s_move_gets_both_ends_and_is_waited_for(sqs: Any) -> None:
    queue, told = open_queue(sqs, ENDS[0]), []
    with Stubber(sqs) as stub:
        ends = {"SourceArn": f"{ARN}-dlq", "DestinationArn": ARN}
        stub.add_response("start_message_move_task", {"TaskHandle": "t"}, ends)
        for status, moved in (("RUNNING", 3), ("COMPLETED", 7)):
            task = {"TaskHandle": "t", "Status": status, "ApproximateNumberOfMessagesMoved": moved}
            stub.add_response("list_message_move_tasks", {"Results": [task]})
        assert move_all(sqs, queue, told.append) == 7
    assert told == ["3 message(s)", "7 message(s)"]


def test_a_move_that_fails_says_why(sqs: Any) -> None:
    queue = open_queue(sqs, ENDS[0])
    with Stubber(sqs) as stub:
        stub.add_response("start_message_move_task", {"TaskHandle": "t"})
        task = {"TaskHandle": "t", "Status": "FAILED", "FailureReason": "CouldNotDetermineMessageSource"}
        stub.add_response("list_message_move_tasks", {"Results": [task]})
        with pytest.raises(RedriveError, match="CouldNotDetermineMessageSource"):
            move_all(sqs, queue, lambda _: None)


def test_a_service_that_knows_no_move_is_no_error(sqs: Any) -> None:
    with Stubber(sqs) as stub:
        stub.add_client_error("start_message_move_task", "InvalidAction")
        assert move_all(sqs, a_queue(), lambda _: None) is None


def a_queue() -> Any:
    return Queue("q", "https://sqs/q", ARN, "https://sqs/q-dlq", f"{ARN}-dlq")


def test_a_letter_that_sqs_does_not_take_stays(sqs: Any) -> None:
    message = {"MessageId": "m", "ReceiptHandle": "r", "Body": "{}", "Attributes": {"SentTimestamp": "0"}}
    letters = [letter_of({**message, "MessageId": name, "ReceiptHandle": name}) for name in "ab"]
    with Stubber(sqs) as stub:
        taken = {"Id": "0", "MessageId": "x", "MD5OfMessageBody": "y"}
        stub.add_response(
            "send_message_batch",
            {"Successful": [taken], "Failed": [{"Id": "1", "SenderFault": False, "Code": "InternalError"}]},
        )
        deleted = {"QueueUrl": "https://sqs/q-dlq", "Entries": [{"Id": "0", "ReceiptHandle": "a"}]}
        stub.add_response("delete_message_batch", {"Successful": [], "Failed": []}, deleted)
        with pytest.raises(RedriveError, match=r"1 message.*InternalError"):
            send_back(sqs, a_queue(), letters, lambda _: None)


def test_what_eventbridge_says_of_its_failure_is_the_reason_and_does_not_go_back(sqs: Any) -> None:
    bury(sqs, created("a/b.csv"), ERROR_CODE="NO_PERMISSIONS", ERROR_MESSAGE="denied", RULE_ARN="arn", note="kept")
    queue = open_queue(sqs, ENDS[0])
    (message,) = sqs.receive_message(QueueUrl=queue.dead_url, AttributeNames=["All"], MessageAttributeNames=["All"])[
        "Messages"
    ]
    letter = letter_of(message)
    (group,) = grouped([letter])
    assert (group.reason, group.kind, group.about) == (
        "EventBridge could not deliver it: NO_PERMISSIONS denied",
        "Object Created",
        "a/",
    )
    send_back(sqs, queue, [letter], lambda _: None)
    (sent,) = sqs.receive_message(QueueUrl=queue.url, MessageAttributeNames=["All"])["Messages"]
    assert set(sent["MessageAttributes"]) == {"note"}


def test_an_environment_that_is_not_there_says_so(sqs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()
    app.command()(redrive_dlq.main)
    failed = CliRunner().invoke(app, ["--env", "prod", "--project-name", "shop"])
    assert failed.exit_code == 1
    assert "Reason:" in failed.output
