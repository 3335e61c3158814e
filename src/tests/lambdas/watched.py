"""What the tests of the monitoring share: its state table, its environment, and a queue that hears all topics."""

from __future__ import annotations

import importlib
import json
import sys
from types import ModuleType
from typing import Any

import boto3
import pytest

from .conftest import LAMBDAS, load_handler

TOPICS = ("alerts", "notifications", "performance", "system_health")
INDEX = "status-updated_at-index"


def module(name: str) -> ModuleType:
    """A module of the monitoring, as its handler imports it."""
    folder = str(LAMBDAS / "monitoring")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


def make_state_table() -> Any:
    """The state table with its index, as Terraform makes it."""
    names = ("entity", "id", "status", "updated_at")
    index = [{"AttributeName": "status", "KeyType": "HASH"}, {"AttributeName": "updated_at", "KeyType": "RANGE"}]
    return boto3.resource("dynamodb").create_table(
        TableName="state",
        KeySchema=[{"AttributeName": "entity", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        GlobalSecondaryIndexes=[{"IndexName": INDEX, "KeySchema": index, "Projection": {"ProjectionType": "ALL"}}],
        BillingMode="PAY_PER_REQUEST",
    )


class Inbox:
    """A queue that is subscribed to all topics."""

    def __init__(self) -> None:
        self._sqs = boto3.client("sqs")
        self._url = self._sqs.create_queue(QueueName="inbox")["QueueUrl"]
        sns = boto3.client("sns")
        self.topics = {topic: sns.create_topic(Name=topic)["TopicArn"] for topic in TOPICS}
        for arn in self.topics.values():
            sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:inbox")

    def messages(self, topic: str = "") -> list[dict[str, Any]]:
        """What has arrived since the last look, in the order of sending; of one topic, or of all."""
        found: list[dict[str, Any]] = []
        while more := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages", []):
            for message in more:
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            found += [json.loads(message["Body"]) for message in more]
        return [message for message in found if message["TopicArn"].endswith(topic)]

    def subjects(self) -> list[str]:
        """Topic and subject of what has arrived since the last look."""
        return [f"{each['TopicArn'].rpartition(':')[2]} {each['Subject']}" for each in self.messages()]


def monitoring_handler(inbox: Inbox, monkeypatch: pytest.MonkeyPatch, **more: str) -> ModuleType:
    """A fresh handler with its environment."""
    environment = {
        "STATE_TABLE": "state",
        "PIPELINE_PREFIX": "pipeline-test",
        "METRICS_NAMESPACE": "Tests",
        "DPU_HOUR_PRICE_USD": "0.44",
        **{f"{topic.upper()}_TOPIC_ARN": arn for topic, arn in inbox.topics.items()},
        **more,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_handler("monitoring")
