"""What the tests of the data trigger share: a bucket, tables and a topic in process, and a call as Lambda makes it."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest

from .conftest import LAMBDAS, Context, load_handler, make_table, object_created, sqs_event

WORKFLOW = "pipeline-test-etl-workflow"
PREFIX = "data/incoming/"
KEY = "data/incoming/transactions/2024/01/15/t.csv"
EVENT_TIME_MS = 1705311000000  # 2024-01-15T09:30:00Z
ENVIRONMENT = {
    "ENVIRONMENT": "test",
    "RAW_BUCKET": "raw",
    "INCOMING_PREFIX": PREFIX,
    "ALLOWED_EXTENSIONS": "csv,json,jsonl,parquet,txt,",
    "MAX_OBJECT_BYTES": "10000",
    "BOOKMARKS_TABLE": "bookmarks",
    "STATE_TABLE": "state",
    "WORKFLOW_NAME": WORKFLOW,
    "QUALITY_BUCKET": "quality",
    "CONTRACTS_URI": "s3://scripts/config/datasets/",
    "POWERTOOLS_TRACE_DISABLED": "true",
}


@dataclass(frozen=True)
class LastingContext(Context):
    """A call that has some time left."""

    seconds: float = 30

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


def trigger_module(name: str) -> ModuleType:
    """A module of the data trigger, as its handler imports it."""
    folder = str(LAMBDAS / "data_trigger")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


def load_trigger() -> ModuleType:
    """The handler as a new container has it: nothing of an earlier one is left."""
    for path in Path(LAMBDAS, "data_trigger").glob("*.py"):
        sys.modules.pop(path.stem, None)
    return load_handler("data_trigger")


class Site:
    """AWS as the data trigger meets it, and what it has done there."""

    def __init__(self) -> None:
        make_table("bookmarks", "source", "object_key")
        make_table("state", "entity", "id")
        self.s3 = boto3.client("s3")
        for bucket in ("raw", "quality", "scripts"):
            self.s3.create_bucket(Bucket=bucket)
        self.s3.put_bucket_versioning(Bucket="raw", VersioningConfiguration={"Status": "Enabled"})
        self.glue = boto3.client("glue")
        self.glue.create_workflow(Name=WORKFLOW)
        self.topic = boto3.client("sns").create_topic(Name="alerts")["TopicArn"]
        self.inbox = boto3.client("sqs").create_queue(QueueName="inbox")["QueueUrl"]
        boto3.client("sns").subscribe(
            TopicArn=self.topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:inbox"
        )

    @property
    def state(self) -> Any:
        return boto3.resource("dynamodb").Table("state")

    @property
    def bookmarks(self) -> Any:
        return boto3.resource("dynamodb").Table("bookmarks")

    def drop(self, key: str, content: bytes = b"id,amount\n1,2\n") -> dict[str, Any]:
        """Put an object into raw; the event that tells of it."""
        self.s3.put_object(Bucket="raw", Key=key, Body=content)
        head = self.s3.head_object(Bucket="raw", Key=key)
        return dict(object_created(key, size=len(content), time=f"{head['LastModified']:%Y-%m-%dT%H:%M:%SZ}"))

    def items(self, entity: str) -> list[dict[str, Any]]:
        """Items of the state table by the beginning of their entity."""
        found = [item for item in self.state.scan()["Items"] if item["entity"].startswith(entity)]
        return sorted(found, key=lambda item: item["id"])

    def claims(self) -> dict[str, dict[str, Any]]:
        return {item["object_key"]: item for item in self.bookmarks.scan()["Items"]}

    def told(self) -> list[dict[str, str]]:
        """The messages that were sent since the last look: subject and text."""
        messages = []
        while found := boto3.client("sqs").receive_message(QueueUrl=self.inbox, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                boto3.client("sqs").delete_message(QueueUrl=self.inbox, ReceiptHandle=message["ReceiptHandle"])
                messages.append(json.loads(message["Body"]))
        return [{"subject": message["Subject"], "text": message["Message"]} for message in messages]

    def runs(self) -> list[dict[str, str]]:
        """The properties of the runs that were started, oldest first."""
        found = self.glue.get_workflow_runs(Name=WORKFLOW)["Runs"]
        return [run["WorkflowRunProperties"] for run in found]

    def claim(self, key: str = KEY, size: int = 9468, modified_ms: int = EVENT_TIME_MS, batch: str = "b1") -> None:
        """A batch's claim on an object."""
        folder = f"s3://raw/{key.rpartition('/')[0]}/"
        self.bookmarks.put_item(
            Item={
                "source": folder,
                "object_key": key,
                "uri": f"s3://raw/{key}",
                "size": size,
                "modified_ms": modified_ms,
                "content_hash": "abc",
                "batch_id": batch,
                "dataset": "transactions",
                "claimed_at": "2024-01-15T09:31:00+00:00",
            }
        )

    def listed(self, key: str) -> tuple[int, int]:
        """Size and time of an object as listings have them."""
        found = self.s3.list_objects_v2(Bucket="raw", Prefix=key)["Contents"][0]
        return found["Size"], int(found["LastModified"].timestamp() * 1000)


def call(trigger: ModuleType, *bodies: Any, seconds: float = 30, first: int = 0) -> list[str]:
    """One call of the Lambda with these messages; the ids of those that come back.

    The ids are m0, m1, and so on; with `first` from there on.
    """
    event = sqs_event(*bodies)
    for number, record in enumerate(event["Records"]):
        record["messageId"] = f"m{first + number}"
    answer = trigger.handler(event, LastingContext(seconds=seconds))
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def keys_in(messages: Sequence[dict[str, str]], *keys: str) -> list[int]:
    """How often each key stands in messages."""
    text = "\n".join(message["text"] for message in messages)
    return [text.count(f"/{key}:") for key in keys]


@pytest.fixture
def site(aws: None) -> Site:
    """AWS as the data trigger meets it."""
    return Site()


@pytest.fixture
def trigger(site: Site, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The data trigger's handler as a new container has it."""
    for name, value in {**ENVIRONMENT, "ALERTS_TOPIC_ARN": site.topic}.items():
        monkeypatch.setenv(name, value)
    return load_trigger()
