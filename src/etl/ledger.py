"""The ledger: which files a batch has claimed, and how far each batch has come. DynamoDB holds it.

A batch is a fixed list of files and moves one way: PLANNED -> INGESTED -> PROCESSED -> CHECKED. Every step is
one conditional update that carries the token of the run that made it. When a write's answer is lost or it is
refused, the item is read back: our own write may have landed (a lost answer to a conditional write comes back
as ConditionalCheckFailed when the client tries again).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import Decimal
from math import copysign, isfinite, isnan
from typing import Any

from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import BotoCoreError, ClientError

from etl.discovery import SourceFile
from etl.errors import LeaseLostError, LedgerConflictError

PLANNED, INGESTED, PROCESSED, CHECKED = "PLANNED", "INGESTED", "PROCESSED", "CHECKED"
# The range of DynamoDB's numbers, with room for the digits.
_SMALLEST, _LARGEST = 1e-110, 1e125


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
    def folder(self) -> str:
        """The name of the folders that belong to this attempt alone: ``batch_id=<id>``, later ``batch_id=<id>.<n>``.

        A run that was paused and wakes up after a take-over still writes, but not where the committed data lie.
        """
        return f"batch_id={self.id}" if self.attempt == 1 else f"batch_id={self.id}.{self.attempt}"


def utc_now() -> datetime:
    """The present time in UTC."""
    return datetime.now(timezone.utc)


def new_batch_id(now: datetime) -> str:
    """A batch id that sorts by time and is never given twice: ``20240115T093000123-4f1c2a9b``."""
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}-{uuid.uuid4().hex[:8]}"


class Ledger:
    """Batches, claims, runs, metric history and dataset facts.

    Args:
        dynamodb: boto3 DynamoDB service resource.
        bookmarks_table: name of the table of claims.
        state_table: name of the table of everything else.
        owner: token of this run, part of every conditional write.
    """

    def __init__(self, dynamodb: Any, bookmarks_table: str, state_table: str, owner: str) -> None:
        self._bookmarks = dynamodb.Table(bookmarks_table)
        self.state = dynamodb.Table(state_table)
        self.owner = owner

    # Claims ------------------------------------------------------------------------------------------

    def claims_of(self, folder: str) -> dict[str, SourceFile]:
        """The claimed version of every file in a folder, by object key.

        Args:
            folder: URI of the folder with a trailing slash.
        """
        items = self._query(self._bookmarks, KeyConditionExpression=Key("source").eq(folder), ConsistentRead=True)
        return {item["object_key"]: _claimed_file(item) for item in items}

    def claim(self, files: list[SourceFile], batch_id: str) -> None:
        """Write the files of a batch into the bookmarks; writing them again changes nothing."""
        with self._bookmarks.batch_writer() as writer:
            for file in files:
                writer.put_item(Item=_claim_item(file, batch_id))

    def refresh_claim(self, file: SourceFile) -> None:
        """The same content was written again: remember its new time, so that it need not be hashed again."""
        self._bookmarks.update_item(
            Key={"source": file.folder, "object_key": file.key},
            UpdateExpression="SET modified_ms = :modified, #size = :size",
            ConditionExpression=Attr("content_hash").eq(file.content_hash),
            ExpressionAttributeNames={"#size": "size"},
            ExpressionAttributeValues={":modified": file.modified_ms, ":size": file.size},
        )

    # Batches -----------------------------------------------------------------------------------------

    def plan(self, dataset: str, batch_id: str, **facts: Any) -> Batch:
        """Put a new batch in state PLANNED.

        Raises:
            LedgerConflictError: the id belongs to another run's batch.
        """
        item = {
            "entity": f"batch#{dataset}",
            "id": batch_id,
            "status": PLANNED,
            "owner": self.owner,
            "updated_at": utc_now().isoformat(),
            "attempt": 1,
            **_storable(facts),
        }
        try:
            self.state.put_item(Item=item, ConditionExpression=Attr("id").not_exists())
        except (BotoCoreError, ClientError) as error:
            found = self._batch_item(dataset, batch_id)
            if not _is_refusal(error) and found is None:
                raise
            if found is None or found["owner"] != self.owner:
                raise LedgerConflictError(f"batch {dataset}/{batch_id} belongs to another run") from error
        return _batch(item)

    def take_over(self, batch: Batch) -> Batch:
        """Make this run the owner of an unfinished batch; the run that had it is fenced from then on.

        A batch still PLANNED gets its next attempt, and so folders of its own. From INGESTED on its facts ``prefix``
        and ``quarantine`` tell where its data lie, and the attempt stays the one that was committed.

        Raises:
            LeaseLostError: the batch is no longer as it was read; nothing was changed.
        """
        return self._move(batch, batch.status, {"attempt": batch.attempt + 1} if batch.status == PLANNED else {})

    def advance(self, batch: Batch, status: str, **facts: Any) -> Batch:
        """Commit one step of a batch.

        Args:
            batch: as this run read, planned or took it over.
            status: the state after the step.
            facts: what the step found out (counts, snapshot, score).

        Raises:
            LeaseLostError: another run has taken the batch over or finished it; nothing was changed.
        """
        return self._move(batch, status, facts)

    def note(self, batch: Batch, **facts: Any) -> Batch:
        """Write facts of a batch without moving it on; the condition is that of :meth:`advance`."""
        return self._move(batch, batch.status, facts)

    def batches(self, dataset: str, status: str) -> list[Batch]:
        """A dataset's batches in one state, oldest first (read consistently)."""
        items = self._query(
            self.state,
            KeyConditionExpression=Key("entity").eq(f"batch#{dataset}"),
            FilterExpression=Attr("status").eq(status),
            ConsistentRead=True,
        )
        return [_batch(item) for item in items]

    def _move(self, batch: Batch, status: str, facts: Mapping[str, Any]) -> Batch:
        values = {
            "status": status,
            "owner": self.owner,
            "attempt": batch.attempt,
            "updated_at": utc_now().isoformat(),
            **_storable(facts),
        }
        names = {f"#{position}": name for position, name in enumerate(values)}
        update = ", ".join(f"#{position} = :{position}" for position in range(len(values)))
        # A batch of before there were attempts has none, and is at its first.
        first = " OR attribute_not_exists(#a)" if batch.attempt == 1 else ""
        try:
            answer = self.state.update_item(
                Key={"entity": f"batch#{batch.dataset}", "id": batch.id},
                UpdateExpression=f"SET {update}",
                ConditionExpression=f"#s = :before AND #o = :owner AND (#a = :attempt{first})",
                ExpressionAttributeNames={**names, "#s": "status", "#o": "owner", "#a": "attempt"},
                ExpressionAttributeValues={
                    **{f":{position}": value for position, value in enumerate(values.values())},
                    ":before": batch.status,
                    ":owner": batch.owner,
                    ":attempt": batch.attempt,
                },
                ReturnValues="ALL_NEW",
            )
            return _batch(answer["Attributes"])
        except (BotoCoreError, ClientError) as error:
            return self._moved_or_lost(batch, values, error)

    def _moved_or_lost(self, batch: Batch, values: Mapping[str, Any], error: BotoCoreError | ClientError) -> Batch:
        """The batch as it is now, if our step has landed after all; else the error, or that the batch is lost."""
        found = self._batch_item(batch.dataset, batch.id)
        # After a refusal, these tell that we have made this step. After any other error they may have been the
        # same before (note), so every value is compared.
        ours = ("owner", "status", "attempt") if _is_refusal(error) else tuple(values)
        if found is not None and all(found.get(name) == values[name] for name in ours):
            return _batch(found)
        if not _is_refusal(error):
            raise error
        state = _described(_batch(found)) if found else "gone"
        raise LeaseLostError(
            f"batch {batch.dataset}/{batch.id} is {state}; this run had it as {_described(batch)}"
        ) from error

    def _batch_item(self, dataset: str, batch_id: str) -> dict[str, Any] | None:
        return self.get(f"batch#{dataset}", batch_id)

    # Datasets, runs, metric history ------------------------------------------------------------------

    def put(self, entity: str, item_id: str, **facts: Any) -> None:
        """Write an item of the state table, replacing what was there."""
        item = {"entity": entity, "id": item_id, "updated_at": utc_now().isoformat(), **_storable(facts)}
        self.state.put_item(Item=item)

    def put_once(self, entity: str, item_id: str, **facts: Any) -> bool:
        """Write an item unless it is there already; whether it was written now."""
        item = {"entity": entity, "id": item_id, "updated_at": utc_now().isoformat(), **_storable(facts)}
        try:
            self.state.put_item(Item=item, ConditionExpression=Attr("id").not_exists())
        except ClientError as error:
            if not _is_refusal(error):
                raise
            return False
        return True

    def get(self, entity: str, item_id: str) -> dict[str, Any] | None:
        """One item of the state table, read consistently, or None."""
        answer = self.state.get_item(Key={"entity": entity, "id": item_id}, ConsistentRead=True)
        item: dict[str, Any] | None = answer.get("Item")
        return item

    def items(self, entity: str) -> list[dict[str, Any]]:
        """All items of an entity in the order of their ids."""
        return list(self._query(self.state, KeyConditionExpression=Key("entity").eq(entity), ConsistentRead=True))

    def datasets(self) -> list[str]:
        """Every dataset that has ever had a batch."""
        return [item["id"] for item in self.items("dataset")]

    @staticmethod
    def _query(table: Any, **arguments: Any) -> Iterator[dict[str, Any]]:
        while True:
            answer = table.query(**arguments)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _claim_item(file: SourceFile, batch_id: str) -> dict[str, Any]:
    return {
        "source": file.folder,
        "object_key": file.key,
        "uri": file.uri,
        "dataset": file.dataset,
        "size": file.size,
        "modified_ms": file.modified_ms,
        "content_hash": file.content_hash,
        "batch_id": batch_id,
        "claimed_at": utc_now().isoformat(),
    }


def _claimed_file(item: Mapping[str, Any]) -> SourceFile:
    return SourceFile(
        uri=item["uri"],
        folder=item["source"],
        key=item["object_key"],
        dataset=item["dataset"],
        size=int(item["size"]),
        modified_ms=int(item["modified_ms"]),
        content_hash=item["content_hash"],
    )


def _batch(item: Mapping[str, Any]) -> Batch:
    fixed = {"entity", "id", "status", "owner", "updated_at"}
    facts = {name: _plain(value) for name, value in item.items() if name not in fixed}
    return Batch(item["entity"].removeprefix("batch#"), item["id"], item["status"], item["owner"], facts)


def _described(batch: Batch) -> str:
    return f"{batch.status}, owned by {batch.owner}, attempt {batch.attempt}"


def _is_refusal(error: BotoCoreError | ClientError) -> bool:
    return isinstance(error, ClientError) and error.response["Error"]["Code"] == "ConditionalCheckFailedException"


def _storable(value: Any) -> Any:
    """DynamoDB has Decimal where Python has float, and in a smaller range, at whose ends other values are put."""
    if isinstance(value, float):
        size = abs(value)
        if isfinite(value) and size > _LARGEST:
            return Decimal(str(copysign(_LARGEST, value)))
        return Decimal(str(value)) if size >= _SMALLEST or isnan(value) else Decimal(0)
    if isinstance(value, Mapping):
        return {name: _storable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    return value


def _plain(value: Any) -> Any:
    """Python numbers where DynamoDB has Decimal."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
