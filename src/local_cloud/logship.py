"""Sends a run's output to CloudWatch Logs while it is written."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, BinaryIO

from botocore.exceptions import BotoCoreError, ClientError

OUTPUT_GROUP = "/aws-glue/jobs/output"
ERROR_GROUP = "/aws-glue/jobs/error"

# Limits of PutLogEvents: a batch has at most 10,000 events and 1 MiB, each event counted with 26 bytes more.
_MAX_EVENTS = 10_000
_MAX_BYTES = 1_048_576
_EVENT_OVERHEAD = 26
_MAX_LINE = 200_000
_GATHER_SECONDS = 0.3
_FLUSH_SECONDS = 30.0

_LOG = logging.getLogger(__name__)


class LogStream:
    """One log stream of a run: a file on the laptop, and the same lines in CloudWatch Logs.

    Args:
        logs: a boto3 client of CloudWatch Logs.
        group: the log group, made when it is not there.
        stream: the log stream: the id of the job run.
        path: the file.
    """

    def __init__(self, logs: Any, group: str, stream: str, path: Path) -> None:
        self._logs = logs
        self._group = group
        self._stream = stream
        self._file = path.open("ab", buffering=0)
        self._lines: queue.Queue[tuple[int, str] | None] = queue.Queue()
        self._sender = threading.Thread(target=self._send_all, name=f"logs-{stream}", daemon=True)
        self._sender.start()

    def write(self, line: bytes) -> None:
        """Write one line to the file, and send it soon."""
        self._file.write(line)
        text = line.decode("utf-8", errors="replace").rstrip("\r\n")
        if text:  # CloudWatch refuses empty events
            self._lines.put((int(time.time() * 1000), text))

    def copy(self, pipe: BinaryIO, last: deque[str] | None = None) -> None:
        """Write every line of a pipe until its other end is closed; keep the last ones in ``last``."""
        while line := pipe.readline(_MAX_LINE):
            self.write(line)
            if last is not None:
                last.append(line.decode("utf-8", errors="replace"))

    def close(self) -> None:
        """Send what is left and end."""
        self._lines.put(None)
        self._sender.join(_FLUSH_SECONDS)
        self._file.close()

    def _send_all(self) -> None:
        self._ensure_stream()
        ended = False
        held: tuple[int, str] | None = None
        while not ended:
            batch: list[dict[str, Any]] = []
            size = 0
            event = held or self._lines.get()
            held = None
            until = time.monotonic() + _GATHER_SECONDS
            while event is not None:
                weight = len(event[1].encode()) + _EVENT_OVERHEAD
                if len(batch) == _MAX_EVENTS or size + weight > _MAX_BYTES:
                    held = event
                    break
                batch.append({"timestamp": event[0], "message": event[1]})
                size += weight
                try:
                    event = self._lines.get(timeout=max(0.0, until - time.monotonic()))
                except queue.Empty:
                    break
            else:
                ended = True
            if batch:
                self._put(batch)

    def _put(self, batch: list[dict[str, Any]]) -> None:
        try:
            self._logs.put_log_events(logGroupName=self._group, logStreamName=self._stream, logEvents=batch)
        except (BotoCoreError, ClientError):
            # The file has the lines; a run does not fail because its log could not be sent.
            _LOG.exception("%d lines of %s were not sent to %s", len(batch), self._stream, self._group)

    def _ensure_stream(self) -> None:
        for create, names in (
            (self._logs.create_log_group, {"logGroupName": self._group}),
            (self._logs.create_log_stream, {"logGroupName": self._group, "logStreamName": self._stream}),
        ):
            try:
                create(**names)
            except self._logs.exceptions.ResourceAlreadyExistsException:
                continue
            except (BotoCoreError, ClientError):
                _LOG.exception("could not make %s", names)
