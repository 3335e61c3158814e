"""What a message of the queue says: an object that was written, a sweep that is due, or nothing for this Lambda."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aws_lambda_powertools.utilities.data_classes import S3EventBridgeNotificationEvent

from etl.names import dataset_from_file_name, standard_name

_YEAR = re.compile(r"\d{4}")


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
class SweepDue:
    """The message that comes by the clock: look for what no event has led to."""


def message_from(body: str) -> Arrival | SweepDue | None:
    """What a message tells; None for an event of another kind.

    Args:
        body: body of the SQS message: an EventBridge event as JSON, or ``{"kind": "sweep"}``.

    Raises:
        ValueError: the message is neither an event of S3 in the form that AWS documents nor a sweep.
    """
    try:
        content = json.loads(body)
        if content.get("kind") == "sweep":
            return SweepDue()
        event = S3EventBridgeNotificationEvent(content)
        if (event.source, event.detail_type) != ("aws.s3", "Object Created"):
            return None
        # Not `event.detail.object.key`: Powertools URL-decodes that, but EventBridge gives keys as they
        # are (unlike S3's own notifications), and a key with a plus or a percent sign would be changed.
        key = event.detail.object["key"]
        return Arrival(event.detail.bucket.name, key, event.detail.object.size, _milliseconds(event.time))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not an S3 event as EventBridge sends it ({error!r}): {body[:500]}") from error


def is_covered(arrival: Arrival, claim: dict[str, Any] | None) -> bool:
    """Whether a claim covers the version of the object that an event tells of.

    A claim made of the object as it was written at this time or later, with this size, covers it. When in doubt
    it does not: an unneeded run finds nothing to do. (S3 dates an upload in parts by its beginning, and the event by
    its end, so its claim never covers it; the sweep and the listing go by S3's own times.)

    Args:
        arrival: from :func:`message_from`.
        claim: its item in the bookmarks (``size``, ``modified_ms``); None if there is none.
    """
    return bool(claim and int(claim["modified_ms"]) >= arrival.time_ms and int(claim["size"]) == arrival.size)


def dataset_of(key: str, prefix: str) -> str:
    """The dataset of an object as far as its key tells: its folder, else a name made from the file's.

    Files without a folder whose name fits a contract's pattern are ingested under that contract's name; this is
    only for records and messages.

    Args:
        key: the object's key.
        prefix: under which files arrive.
    """
    folder, _, name = key.removeprefix(prefix).rpartition("/")
    first = folder.partition("/")[0]
    return standard_name(first) if first and not _YEAR.fullmatch(first) else dataset_from_file_name(name)


def _milliseconds(time: str) -> int:
    return int(datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()) * 1000
