"""The files of a connector in raw: JSON lines, each put once and never replaced."""

from __future__ import annotations

import hashlib
from typing import Any

from botocore.exceptions import ClientError

from connectors.errors import ConnectorError
from connectors.windows import Progress, Window
from utils.faults import fault_points

INCOMING = "data/incoming/"
_EXISTS, _AT_ONCE = {"PreconditionFailed", "412"}, {"ConditionalRequestConflict", "409"}
_TRIES = 3


class Part:
    """Rows on their way into one file.

    Args:
        max_rows, max_megabytes: how many it takes before it is full.
    """

    def __init__(self, max_rows: int, max_megabytes: int) -> None:
        self._max_rows, self._max_bytes = max_rows, max_megabytes * 1024 * 1024
        self._lines: list[bytes] = []
        self._bytes = 0

    def add(self, line: str) -> None:
        """Take one row."""
        self._lines.append(line.encode() + b"\n")
        self._bytes += len(self._lines[-1])

    @property
    def rows(self) -> int:
        """How many it holds."""
        return len(self._lines)

    @property
    def is_full(self) -> bool:
        """Whether it is to be put before the next page."""
        return self.rows >= self._max_rows or self._bytes >= self._max_bytes

    def content(self) -> bytes:
        """The file."""
        return b"".join(self._lines)


class RawFolder:
    """A dataset's folder in raw.

    Args:
        client: of S3.
        bucket: the raw bucket.
        dataset, connector: their names; a file's name begins with the connector's.
    """

    def __init__(self, client: Any, bucket: str, dataset: str, connector: str) -> None:
        self._client, self._bucket = client, bucket
        self._prefix, self._connector = f"{INCOMING}{dataset}/", connector
        # The boto3 of Glue's Python shell is older than put_object's IfNoneMatch; the header is the same. Events are a
        # client's own: no other client is changed.
        client.meta.events.register("before-sign.s3.PutObject", _only_if_absent)

    def key(self, window: Window, number: int) -> str:
        """The key of a window's file; the same whenever the window is loaded again."""
        return f"{self._prefix}{window.day}/{self._connector}-{window.id}-{number:04d}.jsonl"

    def put(self, window: Window, number: int, content: bytes) -> str:
        """Put a file, unless it is there.

        Returns:
            The hash of the content that is there now: this one, or that of the run that was first.
        """
        key, name = self.key(window, number), content_hash(content)
        for attempt in range(_TRIES):
            try:
                with fault_points("connector.put"):
                    self._client.put_object(
                        Bucket=self._bucket, Key=key, Body=content, ContentType="application/x-ndjson",
                        Metadata={"content-sha256": name},
                    )  # fmt: skip
                return name
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code in _EXISTS:
                    return self._found(key)
                if code not in _AT_ONCE or attempt == _TRIES - 1:
                    raise
        raise AssertionError("the loop returns or raises")

    def _found(self, key: str) -> str:
        metadata: dict[str, str] = self._client.head_object(Bucket=self._bucket, Key=key)["Metadata"]
        if "content-sha256" not in metadata:
            raise ConnectorError(
                f"s3://{self._bucket}/{key} was put by somebody else under a name of this connector; move it away"
            )
        return metadata["content-sha256"]


def content_hash(content: bytes) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def part_progress(progress: Progress, part: Part, position: Any, done: bool) -> Progress:
    """The progress when a part is in raw.

    Args:
        progress: before it.
        part: with or without rows.
        position: where the next page begins.
        done: whether there is none.
    """
    return Progress(
        progress.parts + (1 if part.rows else 0), progress.rows + part.rows, position, done,
        progress.highest, progress.boundary,
    )  # fmt: skip


def _only_if_absent(request: Any, **_: Any) -> None:
    request.headers["If-None-Match"] = "*"
