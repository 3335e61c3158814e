"""Batches: fixed lists of files that move one way, as the state table's items have them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from etl.dynamo import plain

PLANNED, INGESTED, PROCESSED, CHECKED = "PLANNED", "INGESTED", "PROCESSED", "CHECKED"


@dataclass(frozen=True)
class Batch:
    """A batch as the state table has it.

    Attributes:
        dataset: whose rows.
        id: sorts by the time of planning.
        status: PLANNED, INGESTED, PROCESSED or CHECKED.
        owner: token of the run that planned or took over the batch.
        facts: everything else that was noted (manifest, attempt, counts, touched dates, score).
    """

    dataset: str
    id: str
    status: str
    owner: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def attempt(self) -> int:
        """Which run in turn is writing the batch, from 1; one more with every take-over of a PLANNED batch."""
        return int(self.facts.get("attempt", 1))

    @property
    def is_streamed(self) -> bool:
        """Whether its rows came from a stream and not in files; see :mod:`etl.streaming.landing`."""
        return "landed" in self.facts

    @property
    def folder(self) -> str:
        """The name of the folders that belong to this attempt alone: ``batch_id=<id>``, later ``batch_id=<id>.<n>``.

        A run that was paused and wakes up after a take-over still writes, but not where the committed data lie.
        """
        return f"batch_id={self.id}" if self.attempt == 1 else f"batch_id={self.id}.{self.attempt}"


def new_batch_id(now: datetime) -> str:
    """A batch id that sorts by time and is never given twice: ``20240115T093000123-4f1c2a9b``."""
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}-{uuid.uuid4().hex[:8]}"


def batch_of(item: Mapping[str, Any]) -> Batch:
    """The batch of an item of the state table."""
    fixed = {"entity", "id", "status", "owner", "updated_at"}
    facts = {name: plain(value) for name, value in item.items() if name not in fixed}
    return Batch(item["entity"].removeprefix("batch#"), item["id"], item["status"], item["owner"], facts)


def described(batch: Batch) -> str:
    """A batch's state in words, for messages."""
    return f"{batch.status}, owned by {batch.owner}, attempt {batch.attempt}"


def batch_key(batch: Batch) -> dict[str, str]:
    """The key of a batch's item."""
    return {"entity": f"batch#{batch.dataset}", "id": batch.id}


def is_still(batch: Batch, values: Mapping[str, Any]) -> dict[str, Any]:
    """The condition that a batch is as this run has it, together with the values of an update."""
    # A batch of before there were attempts has none, and is at its first.
    first = " OR attribute_not_exists(#a)" if batch.attempt == 1 else ""
    return {
        "ConditionExpression": f"#s = :before AND #o = :owner AND (#a = :attempt{first})",
        "ExpressionAttributeNames": {"#s": "status", "#o": "owner", "#a": "attempt"},
        "ExpressionAttributeValues": {
            ":before": batch.status,
            ":owner": batch.owner,
            ":attempt": batch.attempt,
            **values,
        },
    }


def step_name(batch: Batch, values: Mapping[str, Any]) -> str:
    """What tests call a step: ``take_over``, ``note``, ``advance``."""
    if batch.owner != values["owner"]:
        return "take_over"
    return "note" if batch.status == values["status"] else "advance"
