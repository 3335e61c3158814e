"""The state of connectors in the state table: up to where everything is in raw, and what is under way.

Entity ``cursor#<connector>``: the item ``state`` holds the cursor, the window under way with its progress, and whose
turn it is; an item ``part#<window>#<number>#<hash>`` holds what follows a file with that content
(:mod:`connectors.loading`). A run has the connector to itself by a lease in the same item: every later write of the run
is refused once another run has taken over, so a run that was paused can move nothing.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from connectors.errors import BusyError, ConnectorError, LeaseLostError
from connectors.windows import Cursor, Progress, Window, progress_from, to_text, window_from

LEASE_SECONDS = 300
PART_DAYS = 30
_LOG = logging.getLogger("connectors")


class Held:
    """A connector's state, held by one run: its cursor, and the window under way with its progress."""

    def __init__(self, table: Any, connector: str, owner: str, seconds: int = LEASE_SECONDS) -> None:
        self._table, self._owner, self._seconds = table, owner, seconds
        self.entity = f"cursor#{connector}"
        self._key = {"entity": self.entity, "id": "state"}
        self._renew_at = 0.0
        self.cursor, self.window, self.progress = Cursor(), None, Progress()  # type: Cursor, Window | None, Progress

    def take(self) -> None:
        """Take the connector, or take it over from a run that has died.

        Raises:
            BusyError: another run has it and is alive.
        """
        now = int(time.time())
        try:
            item = self._table.update_item(
                Key=self._key,
                UpdateExpression="SET #o = :owner, lease_until = :until",
                ConditionExpression="attribute_not_exists(#o) OR #o = :owner OR lease_until < :now",
                ExpressionAttributeNames={"#o": "owner"},
                ExpressionAttributeValues={":owner": self._owner, ":until": now + self._seconds, ":now": now},
                ReturnValues="ALL_NEW",
            )["Attributes"]
        except ClientError as error:
            if not _is_refusal(error):
                raise
            raise BusyError(f"another run of {self.entity[7:]} is at work; it goes on where this one would") from error
        self._renew_at = time.monotonic() + self._seconds / 3
        self.cursor = Cursor(item.get("cursor", ""), tuple(json.loads(item.get("boundary", "[]"))))
        if "window" in item:
            self.window, self.progress = window_from(item["window"]), progress_from(item["progress"])

    def open(self, window: Window) -> None:
        """Fix what this load takes, before anything is fetched."""
        self._update("SET #w = :w, progress = :p", {":w": to_text(window), ":p": to_text(Progress())}, {"#w": "window"})
        self.window, self.progress = window, Progress()

    def advance(self, progress: Progress) -> None:
        """Note how far the window has come."""
        self._update("SET progress = :p", {":p": to_text(progress)})
        self.progress = progress

    def finish(self, cursor: Cursor, rows: int) -> None:
        """Move the cursor, now that everything before it is in raw; the window is over.

        Args:
            cursor: the new one.
            rows: how many the window brought; for people only.
        """
        values = {":c": cursor.value, ":b": json.dumps(cursor.boundary), ":r": rows}
        names = {"#c": "cursor", "#w": "window"}
        self._update("SET #c = :c, boundary = :b, last_rows = :r REMOVE #w, progress", values, names)
        self.cursor, self.window, self.progress = cursor, None, Progress()

    def renew(self) -> None:
        """Keep the connector; asked before every page, it writes only when a third of the lease has passed.

        Raises:
            LeaseLostError: another run has it.
        """
        if time.monotonic() >= self._renew_at:
            self._update("SET lease_until = :u", {":u": int(time.time()) + self._seconds})
            self._renew_at = time.monotonic() + self._seconds / 3

    def release(self) -> None:
        """Let the next run in; a failure is logged, and the lease then ends by itself."""
        try:
            self._update("REMOVE #o, lease_until", {})
        except (BotoCoreError, ClientError, LeaseLostError) as error:
            _LOG.warning("%s was not released: %s", self.entity, error)

    def record_part(self, window: Window, number: int, content: str, progress: Progress) -> None:
        """Write down what follows a file with this content, before the file is put.

        Args:
            window: the file's. number: of the file. content: hash of it. progress: after it.
        """
        key = {"entity": self.entity, "id": f"part#{window.id}#{number:04d}#{content}"}
        expires = int(time.time()) + PART_DAYS * 86400
        self._table.put_item(Item={**key, "progress": to_text(progress), "expires_at": expires})

    def part_progress(self, window: Window, number: int, content: str) -> Progress:
        """What follows a file that was found in raw.

        Raises:
            ConnectorError: the file is no connector's, or its record has expired.
        """
        key = {"entity": self.entity, "id": f"part#{window.id}#{number:04d}#{content}"}
        item = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
        if item is None:
            raise ConnectorError(
                f"file {number} of window {window.id} lies in raw, but nothing says what follows it: it was put there "
                f"by somebody else, or more than {PART_DAYS} days ago. Set the cursor by hand (docs/connectors.md)"
            )
        return progress_from(item["progress"])

    def _update(self, expression: str, values: dict[str, Any], names: dict[str, str] | None = None) -> None:
        """A write that only the connector's holder may do. The same write again (a lost reply) does no harm."""
        set_part, _, remove_part = expression.partition(" REMOVE ")
        if expression.startswith("SET"):
            set_part += ", updated_at = :updated"
            values = {**values, ":updated": datetime.now(timezone.utc).isoformat(timespec="seconds")}
        try:
            self._table.update_item(
                Key=self._key,
                UpdateExpression=set_part + (f" REMOVE {remove_part}" if remove_part else ""),
                ConditionExpression="#o = :owner",
                ExpressionAttributeNames={"#o": "owner", **(names or {})},
                ExpressionAttributeValues={":owner": self._owner, **values},
            )
        except ClientError as error:
            if not _is_refusal(error):
                raise
            raise LeaseLostError(
                f"{self.entity[7:]} was taken over by another run; this one writes nothing more"
            ) from error


@contextmanager
def held(table: Any, connector: str, owner: str, seconds: int = LEASE_SECONDS) -> Iterator[Held]:
    """A connector's state, for as long as the block runs.

    Args:
        table: boto3 Table of the state.
        connector: its name.
        owner: token of this run, its own and nobody else's.
        seconds: how long a run that died keeps others out.

    Raises:
        BusyError: another run has it.
    """
    state = Held(table, connector, owner, seconds)
    state.take()
    try:
        yield state
    finally:
        state.release()


def _is_refusal(error: ClientError) -> bool:
    return bool(error.response["Error"]["Code"] == "ConditionalCheckFailedException")
