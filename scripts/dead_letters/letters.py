"""Dead letters: reading a queue without losing anything, and what each letter is about."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

# Letters that are looked at are hidden for so long; then they are given back.
HELD_SECONDS = 300
AT_ONCE = 10  # of SQS's calls


@dataclass(frozen=True)
class Queue:
    """A queue and its dead-letter queue.

    Attributes:
        name: of the queue.
        url, arn: of the queue.
        dead_url, dead_arn: of its dead-letter queue.
    """

    name: str
    url: str
    arn: str
    dead_url: str
    dead_arn: str


@dataclass(frozen=True)
class Letter:
    """One dead letter.

    Attributes:
        id: of the message.
        handle: with which it is deleted or given back.
        body: as it was sent.
        attributes: as they were sent with it.
        sent: when.
        reason: why it is dead.
        kind: what it is: an event's type, or the kind of a message by the clock.
        about: the file's folder, the job and its state; "" if nothing can be told.
    """

    id: str
    handle: str
    body: str
    attributes: dict[str, Any]
    sent: datetime
    reason: str
    kind: str
    about: str


@dataclass(frozen=True)
class Group:
    """Letters that are about the same."""

    reason: str
    kind: str
    about: str
    letters: tuple[Letter, ...]


def open_queue(sqs: Any, name: str) -> Queue:
    """A queue by its name, with its dead-letter queue.

    Args:
        sqs: client.
        name: of the queue.
    """
    places = []
    for each in (name, f"{name}-dlq"):
        url = sqs.get_queue_url(QueueName=each)["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        places += [url, attributes["QueueArn"]]
    return Queue(name, *places)


def take(sqs: Any, queue: Queue, most: int) -> list[Letter]:
    """Take letters to look at; they stay in their queue, hidden until they are given back or the time is over.

    Args:
        sqs: client.
        queue: whose dead letters.
        most: how many.
    """
    taken: dict[str, Letter] = {}
    while len(taken) < most:
        found = sqs.receive_message(
            QueueUrl=queue.dead_url,
            MaxNumberOfMessages=AT_ONCE,
            VisibilityTimeout=HELD_SECONDS,
            WaitTimeSeconds=1,  # asks all servers that keep the queue, not some
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        if not found:
            break
        taken.update((message["MessageId"], letter_of(message)) for message in found)
    return list(taken.values())


def give_back(sqs: Any, queue: Queue, letters: Sequence[Letter]) -> None:
    """Let letters be seen by others at once."""
    for chunk in chunks(letters):
        entries = [{"Id": str(n), "ReceiptHandle": one.handle, "VisibilityTimeout": 0} for n, one in enumerate(chunk)]
        sqs.change_message_visibility_batch(QueueUrl=queue.dead_url, Entries=entries)


def letter_of(message: dict[str, Any]) -> Letter:
    """A message of a dead-letter queue as a letter.

    Args:
        message: as ReceiveMessage gives it, with all attributes.
    """
    given = message.get("MessageAttributes", {})
    kind, about = _subject(message["Body"])
    return Letter(
        id=message["MessageId"],
        handle=message["ReceiptHandle"],
        body=message["Body"],
        attributes=given,
        sent=datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, timezone.utc),
        reason=_reason(given),
        kind=kind,
        about=about,
    )


def grouped(letters: Sequence[Letter]) -> list[Group]:
    """Letters by reason, kind and subject, the largest group first."""
    groups: dict[tuple[str, str, str], list[Letter]] = defaultdict(list)
    for letter in letters:
        groups[letter.reason, letter.kind, letter.about].append(letter)
    found = [Group(*key, tuple(sorted(group, key=lambda one: one.sent))) for key, group in groups.items()]
    return sorted(found, key=lambda group: (-len(group.letters), group.reason, group.kind, group.about))


def chunks(letters: Sequence[Letter]) -> Iterator[Sequence[Letter]]:
    """As many at a time as a call of SQS takes."""
    for start in range(0, len(letters), AT_ONCE):
        yield letters[start : start + AT_ONCE]


def _reason(attributes: dict[str, Any]) -> str:
    """EventBridge writes its reason beside what it could not deliver; SQS moves what was received too often."""
    if "ERROR_CODE" in attributes:
        text = attributes.get("ERROR_MESSAGE", {}).get("StringValue", "")
        return f"EventBridge could not deliver it: {attributes['ERROR_CODE']['StringValue']} {text}".strip()
    return "the Lambda failed as often as the queue tries"


def _subject(body: str) -> tuple[str, str]:
    try:
        event = json.loads(body)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        return "no JSON object", ""
    detail = event.get("detail")
    detail = detail if isinstance(detail, dict) else {}
    if event.get("detail-type") == "Object Created":
        stored = detail.get("object")
        key = str(stored.get("key", "")) if isinstance(stored, dict) else ""
        return "Object Created", f"{key.rpartition('/')[0]}/" if key else ""
    if "detail-type" in event:
        return str(event["detail-type"]), " ".join(str(detail[name]) for name in ("jobName", "state") if name in detail)
    return (str(event["kind"]), "by the clock") if "kind" in event else ("unknown", "")
