"""What an "Object Created" event says about a file, and whether it is new work."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aws_lambda_powertools.utilities.data_classes import S3EventBridgeNotificationEvent

NEW, CLAIMED, NOT_OURS, REFUSED = "new", "claimed", "not_ours", "refused"


@dataclass(frozen=True)
class Arrival:
    """An object that was written.

    Attributes:
        bucket: its bucket.
        key: its key as it is, not URL-encoded.
        size: bytes; None if the event does not say.
        time_ms: when it was written, milliseconds since 1970 (events know whole seconds).
    """

    bucket: str
    key: str
    size: int | None
    time_ms: int

    @property
    def folder(self) -> str:
        """URI of the folder that holds it, with a trailing slash: the hash key of its claim."""
        return f"s3://{self.bucket}/{self.key.rpartition('/')[0]}/"


@dataclass(frozen=True)
class Verdict:
    """What is to be done about an arrival (NEW, CLAIMED, NOT_OURS or REFUSED), and why."""

    kind: str
    reason: str
    arrival: Arrival | None = None


def arrival_from(body: str) -> Arrival | None:
    """The arrival that a queue message tells of; None for an event of another kind.

    Args:
        body: body of the SQS message, an EventBridge event as JSON.

    Raises:
        ValueError: the message is no event of S3 in the form that AWS documents.
    """
    try:
        event = S3EventBridgeNotificationEvent(json.loads(body))
        if (event.source, event.detail_type) != ("aws.s3", "Object Created"):
            return None
        # Not `event.detail.object.key`: Powertools URL-decodes that, but EventBridge gives keys as they
        # are (unlike S3's own notifications), and a key with a plus or a percent sign would be changed.
        key = event.detail.object["key"]
        return Arrival(event.detail.bucket.name, key, event.detail.object.size, _milliseconds(event.time))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not an S3 event as EventBridge sends it ({error!r}): {body[:500]}") from error


def judge(arrival: Arrival | None, bucket: str, prefix: str) -> Verdict:
    """What can be said without the ledger: NEW as far as the event tells, NOT_OURS or REFUSED.

    Args:
        arrival: from :func:`arrival_from`.
        bucket: the raw bucket.
        prefix: key prefix under which files arrive, e.g. ``data/incoming/``.
    """
    if arrival is None:
        return Verdict(NOT_OURS, "the event tells of no new object")
    if arrival.bucket != bucket:
        return Verdict(NOT_OURS, f"bucket {arrival.bucket} is not {bucket}", arrival)
    if not arrival.key.startswith(prefix):
        return Verdict(NOT_OURS, f"the key does not begin with {prefix}", arrival)
    if arrival.key.endswith(("/", "_$folder$")):
        return Verdict(NOT_OURS, "the object only marks a folder", arrival)
    if arrival.size == 0:
        return Verdict(REFUSED, "the file is empty (0 bytes); write it again with its content", arrival)
    return Verdict(NEW, "no batch has claimed this version", arrival)


def judge_claim(arrival: Arrival, claim: dict[str, Any] | None) -> Verdict:
    """Whether a batch has claimed this version of the object already.

    A claim made of the object as it was written at this time or later, with this size, covers the event.
    When in doubt the arrival is new: an unneeded run finds nothing to do.

    Args:
        arrival: an arrival that :func:`judge` found new.
        claim: its item in the bookmarks (``size``, ``modified_ms``, ``batch_id``); None if there is none.
    """
    if claim and int(claim["modified_ms"]) >= arrival.time_ms and int(claim["size"]) == arrival.size:
        return Verdict(CLAIMED, f"batch {claim.get('batch_id', '?')} has claimed this version", arrival)
    return Verdict(NEW, "no batch has claimed this version", arrival)


def _milliseconds(time: str) -> int:
    return int(datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()) * 1000
