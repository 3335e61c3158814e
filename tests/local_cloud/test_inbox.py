"""Messages of SNS topics on the laptop, rules that fire by the clock, and what status shows of them."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed
from tests.local_cloud.helpers import Cloud, on_demand

from local_cloud.environment import process_environment
from local_cloud.inbox import Message, messages
from local_cloud.inbox_view import as_json, as_text
from local_cloud.report import started_by
from local_cloud.settings import LocalCloudError, to_environment
from local_cloud.testing import settings_for_tests


def until(look: object, seconds: float = 30.0) -> object:
    """What a look returns once it is something."""
    waiting = Retrying(
        retry=retry_if_result(lambda found: not found), wait=wait_fixed(0.1), stop=stop_after_delay(seconds)
    )
    return waiting(look)  # type: ignore[arg-type]


@pytest.fixture
def topic(cloud: Cloud) -> str:
    """A topic that the inbox hears of; its ARN."""
    sns, name = cloud.client("sns"), f"p{uuid.uuid4().hex[:8]}-alerts"
    arn = sns.create_topic(Name=name)["TopicArn"]
    until(lambda: sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"])
    return str(arn)


def show(cloud: Cloud, *words: str) -> str:
    """What ``python -m local_cloud`` prints."""
    env = {**process_environment(cloud.settings), **to_environment(cloud.settings), "COLUMNS": "200"}
    done = subprocess.run([sys.executable, "-m", "local_cloud", *words], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_messages_of_new_topics_can_be_read_again_and_again_the_newest_last(cloud: Cloud, topic: str) -> None:
    sns, name = cloud.client("sns"), topic.rpartition(":")[2]
    sns.publish(TopicArn=topic, Subject="first", Message="one\ntwo")
    sns.publish(TopicArn=topic, Message="ünï")
    for _ in range(2):
        first, second = messages(cloud.settings, name)
        assert (first.topic, first.subject, first.text) == (name, "first", "one\ntwo")
        assert (second.subject, second.text) == ("", "ünï")
        assert datetime.now(timezone.utc) - first.at < timedelta(minutes=1)
    assert [one.id for one in messages(cloud.settings, "alerts")][-2:] == [first.id, second.id]
    assert messages(cloud.settings, "performance") == []
    assert f"{name}  first\n    one\n    two\n" in show(cloud, "inbox", "--topic", name)
    [line] = show(cloud, "inbox", "--json", "-n", "1", "--topic", name).splitlines()
    assert json.loads(line)["text"] == "ünï"


def test_a_message_is_shown_with_its_lines_indented_or_as_one_object() -> None:
    message = Message("1", "p-alerts", "S", "a\nb\n", datetime(2024, 1, 15, 10, 0, tzinfo=timezone.utc))
    assert as_text(message).endswith("p-alerts  S\n    a\n    b\n\n")
    assert json.loads(as_json(message)) == {
        "id": "1", "topic": "p-alerts", "subject": "S", "text": "a\nb\n", "at": "2024-01-15T10:00:00+00:00",
    }  # fmt: skip


def test_an_emulator_that_is_down_is_named(tmp_path: object) -> None:
    settings = settings_for_tests(tmp_path)  # type: ignore[arg-type]
    with pytest.raises(LocalCloudError, match=f"does not answer at {settings.endpoint}"):
        messages(settings)


def test_what_started_a_workflow_run_is_told_by_its_properties() -> None:
    assert started_by({}) == "hand or schedule"
    properties = {"object_count": "2", "trigger": "file arrival", "first_key": "data/incoming/orders/a.csv"}
    assert started_by(properties) == "file arrival, object_count 2"


def test_status_shows_runs_with_their_cause_dead_letters_waiting_alerts_and_messages(cloud: Cloud, topic: str) -> None:
    sqs, dynamodb, name = cloud.client("sqs"), cloud.client("dynamodb"), f"s{uuid.uuid4().hex[:8]}"
    cloud.run_workflow(cloud.workflow(on_demand(cloud.job("print()"))), RunProperties={"trigger": "sweep"})
    dead = sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": redrive})
    for _ in range(7):
        sqs.send_message(QueueUrl=dead, MessageBody="poison")
    dynamodb.create_table(
        TableName=f"{name}-job-state",
        KeySchema=[{"AttributeName": "entity", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("entity", "id")],
        BillingMode="PAY_PER_REQUEST",
    )
    for alert, status in (("waits", "PENDING"), ("gone", "SENT")):
        item = {"entity": "outbox", "id": f"{alert}-{name}", "status": status, "subject": "score [low]"}
        dynamodb.put_item(TableName=f"{name}-job-state", Item={key: {"S": value} for key, value in item.items()})
    cloud.client("sns").publish(TopicArn=topic, Subject=f"subject of {name}", Message="m")
    shown = {" ".join(line.split()) for line in show(cloud, "status").splitlines()}
    assert f"{name} 0 0 7" in shown
    assert f"waits-{name} score [low]" in shown
    assert not [line for line in shown if f"gone-{name}" in line or "local-cloud-inbox" in line]
    assert any(line.endswith(f"subject of {name}") for line in shown)
    assert any(" sweep 1 of 1 succeeded " in line for line in shown)


def test_rules_fire_by_the_clock_with_their_targets_input(cloud: Cloud) -> None:
    events, sqs, name = cloud.client("events"), cloud.client("sqs"), f"r{uuid.uuid4().hex[:8]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    expressions = {"rate": "rate(1 minute)", "cron": "cron(* * * * ? *)"}  # nothing fires more often
    for kind, expression in expressions.items():
        events.put_rule(Name=f"{name}-{kind}", ScheduleExpression=expression, State="ENABLED")
        target = {"Id": "queue", "Arn": arn, "Input": json.dumps({"kind": kind})}
        events.put_targets(Rule=f"{name}-{kind}", Targets=[target])
    told: set[str] = set()

    def all_told() -> bool:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages", []):
            told.add(json.loads(message["Body"])["kind"])
        return told == expressions.keys()

    until(all_told, 100)
