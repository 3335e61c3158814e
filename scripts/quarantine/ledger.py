"""The record of replays: which refused rows and files were sent, so that none is ever sent twice.

The replays of a batch are numbered 1, 2, 3 … A replay is planned by putting the item of the next number, on the
condition that it is not there. Whoever puts it has read everything that the numbers before it took; of two replays
that plan at once, one is refused, reads again, and chooses among what is left. There is no lock that a killed
replay could leave behind, and no clock. The item says PLANNED, then SENT. What it sends lies complete in the raw
bucket before the item is put, so that anyone can finish it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from quarantine.batches import StateTable
from quarantine.target import Target

PLANNED, SENT = "PLANNED", "SENT"


@dataclass(frozen=True)
class Replay:
    """One replay of one batch.

    Attributes:
        dataset: whose.
        batch_id: the batch whose quarantine is sent.
        number: from 1.
        folder: URI of what it sends and of the rows it has taken, with a trailing slash.
        status: PLANNED or SENT.
        facts: who, when, counts, note, import_hash.
    """

    dataset: str
    batch_id: str
    number: int
    folder: str
    status: str = PLANNED
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The stem of the names of the files that it puts into raw."""
        return f"replay-{self.batch_id}-{self.number}"


def now() -> str:
    """The present time, ISO, UTC."""
    return datetime.now(timezone.utc).isoformat()


class ReplayLedger:
    """The replays of one dataset in the state table.

    Args:
        target: the environment.
        dataset: its name.
    """

    def __init__(self, target: Target, dataset: str) -> None:
        self._target = target
        self._dataset = dataset
        self._table = StateTable(target)

    def replays(self) -> list[Replay]:
        """All replays of the dataset, by batch and number."""
        return [_replay(item) for item in self._table.items(self._entity)]

    def next_of(self, batch_id: str, earlier: list[Replay]) -> Replay:
        """A replay that is not planned yet, with a folder that nobody else has."""
        number = 1 + max((replay.number for replay in earlier), default=0)
        place = f"{self._dataset}/batch_id={batch_id}/{number}-{uuid.uuid4().hex[:8]}"
        return Replay(self._dataset, batch_id, number, f"s3://{self._target.raw}/replays/{place}/")

    def plan(self, replay: Replay, **facts: Any) -> Replay | None:
        """Put a replay as PLANNED; None when another replay of the batch was planned in the meantime."""
        time = now()
        item = {
            "entity": self._entity,
            "id": _item_id(replay),
            "status": PLANNED,
            "updated_at": time,
            "planned_at": time,
            "batch_id": replay.batch_id,
            "number": replay.number,
            "folder": replay.folder,
            **facts,
        }
        try:
            self._table.client.put_item(
                TableName=self._table.name, Item=item, ConditionExpression="attribute_not_exists(id)"
            )
        except (BotoCoreError, ClientError) as error:
            # The answer to a write that landed may be lost, and boto3's next try is then refused: look.
            found = self._item(replay)
            if found is not None:
                return _replay(found) if found["folder"] == replay.folder else None
            raise error
        return _replay(item)

    def finish(self, replay: Replay, **facts: Any) -> None:
        """PLANNED -> SENT. Who comes second changes nothing."""
        values = {"status": SENT, "updated_at": now(), **facts}
        marked = {f":{name}": value for name, value in values.items()}
        try:
            self._table.client.update_item(
                TableName=self._table.name,
                Key={"entity": self._entity, "id": _item_id(replay)},
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
                ConditionExpression="#status = :planned",
                ExpressionAttributeNames={f"#{name}": name for name in values},
                ExpressionAttributeValues={**marked, ":planned": PLANNED},
            )
        except (BotoCoreError, ClientError):
            found = self._item(replay)
            if found is None or found["status"] != SENT:
                raise

    @property
    def _entity(self) -> str:
        return f"replay#{self._dataset}"

    def _item(self, replay: Replay) -> dict[str, Any] | None:
        key = {"entity": self._entity, "id": _item_id(replay)}
        answer = self._table.client.get_item(TableName=self._table.name, Key=key, ConsistentRead=True)
        item: dict[str, Any] | None = answer.get("Item")
        return item


def _item_id(replay: Replay) -> str:
    return f"{replay.batch_id}#{replay.number:05d}"


def _replay(item: Mapping[str, Any]) -> Replay:
    return Replay(
        item["entity"].removeprefix("replay#"),
        item["batch_id"],
        int(item["number"]),
        item["folder"],
        item["status"],
        item,
    )
