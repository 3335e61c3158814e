"""Alerts: an outbox that loses nothing, tells each finding once, and outlives SNS being down."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from etl.alerts import OUTBOX, PENDING, SENT, Alerts
from etl.ledger import Ledger

TOPIC = "arn:aws:sns:us-east-1:123456789012:alerts"


class Topic:
    """The alerts topic with a mailbox behind it, so that a test sees what was really delivered."""

    def __init__(self) -> None:
        self.sns = boto3.client("sns")
        self._sqs = boto3.client("sqs")
        self._queue = self._sqs.create_queue(QueueName="mailbox")["QueueUrl"]
        self.sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:mailbox")

    def delivered(self) -> list[tuple[str, str]]:
        """Subject and message of everything delivered since the last look."""
        mails = []
        while found := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                body = json.loads(message["Body"])
                mails.append((body["Subject"], body["Message"]))
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return sorted(mails)


class SnsDown:
    """SNS that is out of reach."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.calls = 0

    def publish(self, **_: Any) -> None:
        self.calls += 1
        raise self._error


@pytest.fixture
def topic(aws: None) -> Topic:
    return Topic()


@pytest.fixture
def ledger(aws: None) -> Ledger:
    return Ledger(boto3.resource("dynamodb"), "bookmarks", "state", "run-a")


def test_a_queued_alert_waits_in_the_outbox_and_is_sent_once(ledger: Ledger, topic: Topic) -> None:
    alerts = Alerts(ledger, topic.sns, TOPIC)
    alerts.queue("quality#orders#b1", "low score", "the score is 12")
    assert ledger.get(OUTBOX, "quality#orders#b1")["status"] == PENDING  # type: ignore[index]
    assert topic.delivered() == []
    assert alerts.send_pending() == 1
    assert topic.delivered() == [("low score", "the score is 12")]
    assert alerts.send_pending() == 0
    assert topic.delivered() == []


def test_a_sent_alert_is_kept_for_ninety_days_with_its_text(ledger: Ledger, topic: Topic) -> None:
    alerts = Alerts(ledger, topic.sns, TOPIC)
    alerts.queue("a", "subject", "message")
    alerts.send_pending()
    item = ledger.get(OUTBOX, "a")
    assert item is not None
    assert (item["status"], item["subject"], item["message"]) == (SENT, "subject", "message")
    assert abs(int(item["expires_at"]) - time.time() - 90 * 24 * 3600) < 60


def test_a_pending_alert_does_not_expire(ledger: Ledger, topic: Topic) -> None:
    Alerts(ledger, topic.sns, TOPIC).queue("a", "subject", "message")
    assert "expires_at" not in ledger.get(OUTBOX, "a")  # type: ignore[operator]


def test_the_same_finding_is_told_once_also_by_another_run(ledger: Ledger, topic: Topic) -> None:
    alerts = Alerts(ledger, topic.sns, TOPIC)
    alerts.queue("a", "first", "1")
    alerts.queue("a", "again", "2")
    assert alerts.send_pending() == 1
    alerts.queue("a", "and again", "3")
    another = Alerts(Ledger(boto3.resource("dynamodb"), "bookmarks", "state", "run-b"), topic.sns, TOPIC)
    assert another.send_pending() == 0
    assert topic.delivered() == [("first", "1")]


@pytest.mark.parametrize(
    "error",
    [
        ClientError(
            {"Error": {"Code": "InternalError", "Message": "down"}, "ResponseMetadata": {"HTTPStatusCode": 500}},
            "Publish",
        ),
        EndpointConnectionError(endpoint_url="https://sns.us-east-1.amazonaws.com"),
    ],
)
def test_an_alert_outlives_sns_being_down_and_the_next_job_sends_it(
    ledger: Ledger, topic: Topic, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    sns = SnsDown(error)
    alerts = Alerts(ledger, sns, TOPIC)
    alerts.queue("a", "one", "1")
    alerts.queue("b", "two", "2")
    with caplog.at_level(logging.WARNING):
        assert alerts.send_pending() == 0
    assert "2 alert(s) stay in the outbox" in caplog.text
    assert sns.calls == 1
    assert [item["status"] for item in ledger.items(OUTBOX)] == [PENDING, PENDING]
    assert Alerts(ledger, topic.sns, TOPIC).send_pending() == 2
    assert topic.delivered() == [("one", "1"), ("two", "2")]


def test_one_alert_that_sns_refuses_holds_back_no_other(ledger: Ledger, topic: Topic) -> None:
    ledger.put(OUTBOX, "a", status=PENDING, subject="x" * 101, message="refused for its subject")
    alerts = Alerts(ledger, topic.sns, TOPIC)
    alerts.queue("b", "good", "2")
    assert alerts.send_pending() == 1
    assert topic.delivered() == [("good", "2")]


@pytest.mark.parametrize(
    ("subject", "sent"),
    [
        ("x" * 300, "x" * 100),
        ("two\nlines\tand  blanks ", "two lines and blanks"),
    ],
)
def test_a_subject_is_made_one_line_that_sns_takes(ledger: Ledger, topic: Topic, subject: str, sent: str) -> None:
    alerts = Alerts(ledger, topic.sns, TOPIC)
    alerts.queue("a", subject, "message")
    assert alerts.send_pending() == 1
    assert topic.delivered() == [(sent, "message")]


def test_a_message_longer_than_sns_takes_is_cut_instead_of_staying_for_ever(ledger: Ledger, topic: Topic) -> None:
    alerts = Alerts(ledger, topic.sns, TOPIC)
    alerts.queue("a", "long", "€" * 300_000)
    assert alerts.send_pending() == 1
    [(_, message)] = topic.delivered()
    assert 200_000 > len(message.encode()) > 100_000


def test_without_a_topic_everything_stays_pending(ledger: Ledger, topic: Topic) -> None:
    Alerts(ledger, topic.sns, "").queue("a", "one", "1")
    assert Alerts(ledger, topic.sns, "").send_pending() == 0
    assert Alerts(ledger, topic.sns, TOPIC).send_pending() == 1


@pytest.mark.parametrize("operation", ["query", "put_item"])
def test_a_state_table_that_is_out_of_reach_fails_no_run_and_the_alert_is_sent_later(
    ledger: Ledger, topic: Topic, operation: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts = Alerts(ledger, topic.sns, TOPIC)
    alerts.queue("a", "one", "1")

    def broken(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://dynamodb.us-east-1.amazonaws.com")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(ledger.state, operation, broken)
        assert alerts.send_pending() == 0
    assert "outbox" in caplog.text
    assert alerts.send_pending() == 1
    assert set(topic.delivered()) == {("one", "1")}
