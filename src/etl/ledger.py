"""The ledger: which files a batch has claimed, and how far each batch has come. DynamoDB holds it.

A batch is a fixed list of files and moves one way: PLANNED -> INGESTED -> PROCESSED -> CHECKED. Every step is
one conditional update that carries the token of the run that made it. When a write's answer is lost or it is
refused, the item is read back: our own write may have landed (a lost answer to a conditional write comes back
as ConditionalCheckFailed when the client tries again).

What keeps two runs from taking the same files, however long one of them was paused and wherever:

- a batch is planned in one transaction with a look at the lease, so only by the run that has it; the run that gets
  the lease next finds every batch that was planned before and takes it over,
- claims are written in transactions with a look at the batch, so only by the run that has the batch,
- a step is one update with the batch's status, owner and attempt in its condition.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import BotoCoreError, ClientError

from etl.batches import CHECKED as CHECKED
from etl.batches import INGESTED as INGESTED
from etl.batches import PLANNED as PLANNED
from etl.batches import PROCESSED as PROCESSED
from etl.batches import Batch as Batch
from etl.batches import batch_key, batch_of, described, is_still, step_name
from etl.batches import new_batch_id as new_batch_id
from etl.claims import claim_item, claimed_file, release_claim, utc_now
from etl.discovery import SourceFile
from etl.dynamo import is_refusal, plain, query, storable, transact
from etl.errors import LeaseLostError, LedgerConflictError
from etl.leases import Lease
from utils.faults import fault_points

_LOG = logging.getLogger("ledger")
# A transaction of DynamoDB has up to 100 writes; one of them looks at the batch.
_CLAIMS_AT_ONCE = 99


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
        items = query(self._bookmarks, KeyConditionExpression=Key("source").eq(folder))
        return {item["object_key"]: claimed_file(item) for item in items}

    def claim(self, files: Sequence[SourceFile], batch: Batch) -> None:
        """Write the files of a batch into the bookmarks; writing them again changes nothing.

        Raises:
            LeaseLostError: the batch is another run's by now; nothing more was written, and what was written before
                is what the other run writes, too.
        """
        held = {
            "TableName": self.state.name,
            "Key": batch_key(batch),
            "UpdateExpression": "SET claimed_at = :now",
            **is_still(batch, {":now": utc_now().isoformat()}),
        }
        for start in range(0, len(files), _CLAIMS_AT_ONCE):
            claims = [claim_item(file, batch.id) for file in files[start : start + _CLAIMS_AT_ONCE]]
            puts = [{"Put": {"TableName": self._bookmarks.name, "Item": item}} for item in claims]
            try:
                with fault_points("ledger.claim"):
                    transact(self.state, [{"Update": held}, *puts])
            except ClientError as error:
                if not is_refusal(error):
                    raise
                raise self._lost(batch, self._batch_item(batch.dataset, batch.id)) from error

    def release(self, files: Sequence[SourceFile], batch: Batch) -> None:
        """Give back the batch's claims of files of which nothing was read: they are new work when they come back."""
        with fault_points("ledger.release"):
            for file in files:
                release_claim(self._bookmarks, file, batch.id)

    def refresh_claim(self, file: SourceFile) -> None:
        """The same content was written again: remember its new time, so that it need not be hashed again.

        Raises:
            LeaseLostError: the claim has changed since it was read.
        """
        try:
            with fault_points("ledger.refresh_claim"):
                self._bookmarks.update_item(
                    Key={"source": file.folder, "object_key": file.key},
                    UpdateExpression="SET modified_ms = :modified, #size = :size",
                    ConditionExpression=Attr("content_hash").eq(file.content_hash),
                    ExpressionAttributeNames={"#size": "size"},
                    ExpressionAttributeValues={":modified": file.modified_ms, ":size": file.size},
                )
        except ClientError as error:
            if not is_refusal(error):
                raise
            raise LeaseLostError(
                f"the claim of {file.uri} has changed since this run read it: another run is at work on {file.dataset}"
            ) from error

    # Batches -----------------------------------------------------------------------------------------

    def plan(self, dataset: str, batch_id: str, lease: Lease | None = None, /, **facts: Any) -> Batch:
        """Put a new batch in state PLANNED, and among the dataset's open ones.

        Args:
            dataset: whose files.
            batch_id: see :func:`new_batch_id`.
            lease: the dataset's, which this run must still have.
            facts: what is known of the batch by now.

        Raises:
            LeaseLostError: another run has got the lease; nothing was planned.
            LedgerConflictError: the id belongs to another run's batch.
        """
        item = {
            "entity": f"batch#{dataset}",
            "id": batch_id,
            "status": PLANNED,
            "owner": self.owner,
            "updated_at": utc_now().isoformat(),
            "attempt": 1,
            **storable(facts),
        }
        table = self.state.name
        writes: list[dict[str, Any]] = [
            {"Put": {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(id)"}},
            {"Put": {"TableName": table, "Item": {"entity": f"open#{dataset}", "id": batch_id}}},
        ]
        if lease is not None:
            writes.append({"Update": {"TableName": table, **lease.planning(batch_id)}})
        try:
            with fault_points("ledger.plan"):
                transact(self.state, writes)
        except (BotoCoreError, ClientError) as error:
            found = self._batch_item(dataset, batch_id)
            if found is not None and found["owner"] != self.owner:
                raise LedgerConflictError(f"batch {dataset}/{batch_id} belongs to another run") from error
            if found is None and is_refusal(error):
                raise LeaseLostError(f"{dataset}: another run has got its lease; nothing was planned") from error
            if found is None:
                raise
        return batch_of(item)

    def take_over(self, batch: Batch) -> Batch:
        """Make this run the owner of an unfinished batch; the run that had it is fenced from then on.

        A batch still PLANNED gets its next attempt, and so folders of its own. From INGESTED on its facts ``prefix``
        and ``quarantine`` tell where its data lie; ``tries`` counts the runs that have taken it on since.

        Raises:
            LeaseLostError: the batch is no longer as it was read; nothing was changed.
        """
        tries = {"tries": batch.facts.get("tries", 0) + 1}
        return self._move(batch, batch.status, {"attempt": batch.attempt + 1} if batch.status == PLANNED else tries)

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
        """A dataset's batches in one state, oldest first (read consistently).

        All but CHECKED ones are found by the entries that :meth:`plan` makes, so the time it takes does not grow
        with the dataset's history.
        """
        if status == CHECKED:
            return [batch for batch in map(batch_of, self.items(f"batch#{dataset}")) if batch.status == CHECKED]
        found = [self._batch_item(dataset, entry["id"]) for entry in self.items(f"open#{dataset}")]
        batches = [batch_of(item) for item in found if item is not None]
        for batch in batches:
            if batch.status == CHECKED:  # the run that checked it was killed before it took away the entry
                self._close(batch)
        return [batch for batch in batches if batch.status == status]

    def batch(self, dataset: str, batch_id: str) -> Batch | None:
        """One batch, read consistently, or None."""
        item = self._batch_item(dataset, batch_id)
        return batch_of(item) if item else None

    def hold(self, batch: Batch) -> None:
        """Put a batch among those whose curated rows are held back; see :mod:`etl.publication`."""
        with fault_points("ledger.hold"):
            self.state.put_item(Item={"entity": f"held#{batch.dataset}", "id": batch.id})

    def held(self, dataset: str) -> list[Batch]:
        """A dataset's CHECKED batches whose curated rows are held back, oldest first."""
        found = [self.batch(dataset, entry["id"]) for entry in self.items(f"held#{dataset}")]
        return [batch for batch in found if batch and batch.status == CHECKED]

    def let_go(self, batch: Batch) -> None:
        """Take a batch from those that are held back."""
        with fault_points("ledger.let_go"):
            self.state.delete_item(Key={"entity": f"held#{batch.dataset}", "id": batch.id})

    def _close(self, batch: Batch) -> None:
        try:
            with fault_points("ledger.close"):
                self.state.delete_item(Key={"entity": f"open#{batch.dataset}", "id": batch.id})
        except (BotoCoreError, ClientError) as error:
            _LOG.warning("batch %s/%s stays among the open ones until the next run: %s", batch.dataset, batch.id, error)

    def _move(self, batch: Batch, status: str, facts: Mapping[str, Any]) -> Batch:
        values = {
            "status": status,
            "owner": self.owner,
            "attempt": batch.attempt,
            "updated_at": utc_now().isoformat(),
            **storable(facts),
        }
        names = {f"#{position}": name for position, name in enumerate(values)}
        update = ", ".join(f"#{position} = :{position}" for position in range(len(values)))
        condition = is_still(batch, {f":{position}": value for position, value in enumerate(values.values())})
        condition["ExpressionAttributeNames"] |= names
        try:
            with fault_points(f"ledger.{step_name(batch, values)}"):
                answer = self.state.update_item(
                    Key=batch_key(batch), UpdateExpression=f"SET {update}", ReturnValues="ALL_NEW", **condition
                )
            moved = batch_of(answer["Attributes"])
        except (BotoCoreError, ClientError) as error:
            moved = self._moved_or_lost(batch, values, error)
        if moved.status == CHECKED:
            self._close(moved)
        return moved

    def _moved_or_lost(self, batch: Batch, values: Mapping[str, Any], error: BotoCoreError | ClientError) -> Batch:
        """The batch as it is now, if our step has landed after all; else the error, or that the batch is lost."""
        found = self._batch_item(batch.dataset, batch.id)
        # After a refusal, these tell that we have made this step. After any other error they may have been the
        # same before (note), so every value is compared.
        ours = ("owner", "status", "attempt") if is_refusal(error) else tuple(values)
        if found is not None and all(found.get(name) == values[name] for name in ours):
            return batch_of(found)
        if not is_refusal(error):
            raise error
        raise self._lost(batch, found) from error

    @staticmethod
    def _lost(batch: Batch, found: Mapping[str, Any] | None) -> LeaseLostError:
        state = described(batch_of(found)) if found else "gone"
        return LeaseLostError(f"batch {batch.dataset}/{batch.id} is {state}; this run had it as {described(batch)}")

    def _batch_item(self, dataset: str, batch_id: str) -> dict[str, Any] | None:
        return self.get(f"batch#{dataset}", batch_id)

    # Datasets, runs, metric history ------------------------------------------------------------------

    def put(self, entity: str, item_id: str, **facts: Any) -> None:
        """Write an item of the state table, replacing what was there."""
        item = {"entity": entity, "id": item_id, "updated_at": utc_now().isoformat(), **storable(facts)}
        with fault_points(_put_name(entity)):
            self.state.put_item(Item=item)

    def put_once(self, entity: str, item_id: str, **facts: Any) -> bool:
        """Write an item unless it is there already; whether it was written now."""
        item = {"entity": entity, "id": item_id, "updated_at": utc_now().isoformat(), **storable(facts)}
        try:
            with fault_points(_put_name(entity)):
                self.state.put_item(Item=item, ConditionExpression=Attr("id").not_exists())
        except ClientError as error:
            if not is_refusal(error):
                raise
            return False
        return True

    def remember(self, entity: str, item_id: str, **facts: Any) -> None:
        """Write facts of an item, leaving its other facts as they are."""
        names = {f"#{position}": name for position, name in enumerate(facts)}
        with fault_points(f"ledger.remember.{entity}"):
            self.state.update_item(
                Key={"entity": entity, "id": item_id},
                UpdateExpression="SET " + ", ".join(f"{sign} = :{sign[1:]}" for sign in names),
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={f":{place}": storable(fact) for place, fact in enumerate(facts.values())},
            )

    def settle(self, entity: str, item_id: str, **facts: Any) -> dict[str, Any]:
        """Write facts once for all: the first run to settle one decides, and all others go by it.

        Args:
            entity: e.g. ``dataset``.
            item_id: e.g. the dataset's name.
            facts: what is written where the item has nothing of this name.

        Returns:
            The item's facts of these names as they are now.
        """
        names = {f"#{position}": name for position, name in enumerate(facts)}
        with fault_points(f"ledger.settle.{entity}"):
            answer = self.state.update_item(
                Key={"entity": entity, "id": item_id},
                UpdateExpression="SET " + ", ".join(f"{sign} = if_not_exists({sign}, :{sign[1:]})" for sign in names),
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={f":{place}": storable(fact) for place, fact in enumerate(facts.values())},
                ReturnValues="ALL_NEW",
            )
        return {name: plain(answer["Attributes"][name]) for name in facts}

    def get(self, entity: str, item_id: str) -> dict[str, Any] | None:
        """One item of the state table, read consistently, or None."""
        answer = self.state.get_item(Key={"entity": entity, "id": item_id}, ConsistentRead=True)
        item: dict[str, Any] | None = answer.get("Item")
        return item

    def items(self, entity: str) -> list[dict[str, Any]]:
        """All items of an entity in the order of their ids."""
        return list(query(self.state, KeyConditionExpression=Key("entity").eq(entity)))

    def newest(self, entity: str, limit: int, *, before: str = "", only: Sequence[str] = ()) -> list[dict[str, Any]]:
        """The last items of an entity, oldest first; what lies before them is not read.

        Args:
            entity: e.g. ``metrics#orders``.
            limit: how many at most.
            before: only items whose ids are less than this.
            only: facts that are wanted; all by default.
        """
        key = Key("entity").eq(entity)
        names = {f"#{position}": name for position, name in enumerate(only)}
        projection = {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names} if names else {}
        found = query(
            self.state,
            KeyConditionExpression=key & Key("id").lt(before) if before else key,
            ScanIndexForward=False,
            Limit=limit,
            **projection,
        )
        return [*islice(found, limit)][::-1]

    def datasets(self) -> list[str]:
        """Every dataset that has ever had a batch."""
        return [item["id"] for item in self.items("dataset")]


def _put_name(entity: str) -> str:
    return f"ledger.put.{entity.partition('#')[0]}"
