"""Every message of every SNS topic, to be read on the laptop: a queue that hears of all topics, and is never emptied.

The Glue endpoint keeps the queue subscribed. It is made beside Terraform, which plans nothing about it. Reading looks
at the emulator's own list of the queue's messages, so it takes none away.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.settings import ACCOUNT, LocalCloudError, Settings

QUEUE = "local-cloud-inbox"
_MESSAGES = "/_ministack/sqs/messages"
_LOOK_SECONDS = 2.0  # SNS tells nobody of a new topic
_FOURTEEN_DAYS = "1209600"  # the longest that SQS keeps messages

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Message:
    """One message that was published.

    Args:
        id: SNS's id of it.
        topic: name of its topic.
        subject: its subject; empty when it has none.
        text: the message itself.
        at: when it was published, UTC.
    """

    id: str
    topic: str
    subject: str
    text: str
    at: datetime


def messages(settings: Settings, topic: str | None = None) -> list[Message]:
    """All messages since the local cloud was made, at most 14 days old, newest last.

    Args:
        settings: of the local cloud.
        topic: the name of a topic or its end, such as ``alerts``; all topics when not given.

    Raises:
        LocalCloudError: the emulator does not answer.
    """
    trusted = {"ca_certs": str(settings.certificate)} if settings.enforce_iam else {}
    pool = urllib3.PoolManager(retries=False, **trusted)  # type: ignore[arg-type]
    try:
        answer = pool.request("GET", settings.endpoint + _MESSAGES, fields={"account": ACCOUNT}, timeout=30)
    except urllib3.exceptions.HTTPError as error:
        raise LocalCloudError(
            f"the emulator does not answer at {settings.endpoint}; start it first: {error}"
        ) from error
    finally:
        pool.clear()
    queues = json.loads(answer.data)["messages"].get(ACCOUNT, {}).get(settings.region, {})
    found = [_message(held["Body"]) for url, all_held in queues.items() if is_inbox(url) for held in all_held]
    chosen = [one for one in found if topic is None or one.topic == topic or one.topic.endswith(f"-{topic}")]
    return sorted(chosen, key=lambda one: one.at)


def is_inbox(queue_url: str) -> bool:
    """Whether a queue is the inbox, which is no part of what was deployed."""
    return queue_url.rpartition("/")[2] == QUEUE


class InboxKeeper:
    """Subscribes the inbox to every topic, as topics come and go.

    Args:
        clients: makes a boto3 client of the emulator from a service's name.
    """

    def __init__(self, clients: Callable[[str], Any]) -> None:
        self._clients = clients
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
        self._arn: str | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Subscribe the inbox to the topics that it does not hear of yet."""
        sns = self._clients("sns")
        topics = [one["TopicArn"] for page in sns.get_paginator("list_topics").paginate() for one in page["Topics"]]
        pages = sns.get_paginator("list_subscriptions").paginate()
        heard = {one["TopicArn"] for page in pages for one in page["Subscriptions"] if _is_inbox_arn(one["Endpoint"])}
        for arn in topics:
            if arn not in heard:
                sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=self._queue())

    def _queue(self) -> str:
        """The queue's ARN; it is made at the first topic."""
        if self._arn is None:
            sqs = self._clients("sqs")
            sends = {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": "*",
            }
            policy = json.dumps({"Version": "2012-10-17", "Statement": [sends]})
            attributes = {"Policy": policy, "MessageRetentionPeriod": _FOURTEEN_DAYS}
            url = sqs.create_queue(QueueName=QUEUE, Attributes=attributes)["QueueUrl"]
            self._arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return str(self._arn)

    def _run(self) -> None:
        while True:
            try:
                self.look()
            except (BotoCoreError, ClientError) as error:
                _LOG.warning("the inbox may miss new topics; the next look comes in %s s: %s", _LOOK_SECONDS, error)
            if self._ended.wait(_LOOK_SECONDS):
                return


def _is_inbox_arn(arn: str) -> bool:
    return arn.rpartition(":")[2] == QUEUE


def _message(body: str) -> Message:
    envelope = json.loads(body)
    at = datetime.fromisoformat(envelope["Timestamp"].replace("Z", "+00:00")).astimezone(timezone.utc)
    topic = envelope["TopicArn"].rpartition(":")[2]
    return Message(envelope["MessageId"], topic, envelope.get("Subject") or "", envelope["Message"], at)
