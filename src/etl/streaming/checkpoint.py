"""A checkpoint as Spark keeps it: which query it belongs to, and when each of its epochs was begun."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta, timezone

from etl.errors import StreamCheckpointError
from utils.glue_utils import Storage

_BEGINNING = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Checkpoint:
    """The folder in which Spark notes what it has read.

    Args:
        storage: the buckets.
        uri: the folder, with a trailing slash.
    """

    def __init__(self, storage: Storage, uri: str) -> None:
        self._storage, self.uri = storage, uri

    @property
    def stop_file(self) -> str:
        """URI of the file whose presence asks the job to end between two epochs."""
        return f"{self.uri}stop"

    def query_id(self) -> str:
        """The id of the query whose checkpoint this is, the same over all restarts; empty before the first start.

        Raises:
            StreamCheckpointError: there is a checkpoint, and it can't be read.
        """
        uri = f"{self.uri}metadata"
        if not self._storage.exists(uri):
            return ""
        text = self._storage.read_text(uri)
        try:
            return str(json.loads(text)["id"])
        except (ValueError, KeyError, TypeError) as error:
            raise StreamCheckpointError(f"{uri} is not what Spark writes there: {text[:100]!r}") from error

    def begun_at(self, epoch: int) -> datetime:
        """When Spark planned an epoch, UTC: written down before the epoch is run, and the same when it is run again.

        Raises:
            StreamCheckpointError: Spark's note is not as it is known to write it.
        """
        uri = f"{self.uri}offsets/{epoch}"
        lines = self._storage.read_text(uri).splitlines()
        try:
            return _BEGINNING + timedelta(milliseconds=int(json.loads(lines[1])["batchTimestampMs"]))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise StreamCheckpointError(f"{uri} is not what Spark writes there: {lines[:2]!r}") from error


def epoch_batch_id(query_id: str, epoch: int, begun_at: datetime) -> str:
    """The id of an epoch's batch: the same whenever the epoch is run again, and sorted by time like all others.

    Args:
        query_id: see :meth:`Checkpoint.query_id`; epochs of two checkpoints have the same numbers.
        epoch: its number.
        begun_at: see :meth:`Checkpoint.begun_at`.
    """
    name = hashlib.sha256(f"{query_id}/{epoch}".encode()).hexdigest()[:8]
    return f"{begun_at:%Y%m%dT%H%M%S}{begun_at.microsecond // 1000:03d}-{name}"
