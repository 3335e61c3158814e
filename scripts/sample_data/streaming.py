"""A stream: files of transactions that are put into a bucket at a rate, until its time is over or someone ends it.

What is sent is decided by the seed alone, when it is sent by the clock: file n holds the rows that are due between two
of its ticks, so two streams with one seed, rate and start date send the same files. Whoever ends a stream early gets
the rows that are due by then, as a last file with fewer rows.
"""

from __future__ import annotations

import math
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from pathlib import Path
from types import FrameType

from sample_data.columns import DATASETS
from sample_data.manifest import Manifest
from sample_data.plan import PlannedFile, RowSource
from sample_data.targets import Target
from sample_data.writers import WRITERS

_MOST_FIRST = 10**8


@dataclass(frozen=True)
class Flow:
    """What is streamed, and how fast.

    Attributes:
        rate: rows a second.
        files: files a second.
        length: seconds; None until someone ends it.
        rows: at most so many; None for no limit.
        formats: that files take in turns.
        day: the folder of all files, and the day of their rows.
        seed: told by the files' names, so that two seeds don't overwrite each other.
        first: number of the first transaction.
        customers: so many are sent as one file before the stream; 0 for none.
    """

    rate: float
    files: float
    length: float | None
    rows: int | None
    formats: tuple[str, ...]
    day: date
    seed: int
    first: int
    customers: int

    def planned(self) -> Iterator[tuple[float, int]]:
        """For each file the second at which it is due, and the number of rows that are due by then."""
        limit = math.inf if self.rows is None else self.rows
        for number in count(1):
            moment = number / self.files
            last = self.length is not None and moment >= self.length
            moment = min(moment, self.length) if self.length is not None else moment
            yield moment, int(min(self.due(moment), limit))
            if last or self.due(moment) >= limit:
                return

    def total(self) -> int | None:
        """How many rows there will be; None where only someone's stop ends the stream."""
        if self.length is None:
            return self.rows
        return self.due(self.length) if self.rows is None else min(self.rows, self.due(self.length))

    def due(self, moment: float) -> int:
        """How many rows are due at a second; a whisker more, since 0.1 + 0.2 is no 0.3."""
        return math.floor(self.rate * moment + 1e-9)


@dataclass
class Sent:
    """What has been sent.

    Attributes:
        rows: of both datasets.
        transactions: of these rows.
        took: seconds from the first tick to the last file.
        ended_early: someone ended the stream.
    """

    files: int = 0
    rows: int = 0
    transactions: int = 0
    took: float = 0.0
    ended_early: bool = False
    formats: dict[str, int] = field(default_factory=dict)


class Stop:
    """Whether someone wants the stream to end; waiting for the next tick ends with it."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """End the stream."""
        self._event.set()

    def is_set(self) -> bool:
        """Whether the stream is to end."""
        return self._event.is_set()

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than until the end."""
        self._event.wait(max(0.0, seconds))


@contextmanager
def on_signals() -> Iterator[Stop]:
    """Ctrl-C and SIGTERM end the stream in order; a second one ends it at once."""
    stop = Stop()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stream(
    flow: Flow, source: RowSource, target: Target, manifest: Manifest | None, stop: Stop, told: Callable[[Sent], None]
) -> Sent:
    """Send files until the flow's end or the stop.

    Args:
        flow: what and how fast.
        source: makes the rows.
        target: where they go.
        manifest: notes every defect that is sent; None for nobody.
        stop: ends it early.
        told: is told after every file.

    Returns:
        What was sent.

    Raises:
        TargetError: a file did not arrive. What had been sent is told before.
    """
    sent = Sent()
    with tempfile.TemporaryDirectory(prefix="sample-stream-") as folder:
        sender = _Sender(flow, source, target, manifest, Path(folder), sent, told)
        if flow.customers:
            sender.send(PlannedFile("customers", "csv", flow.day, 0, 1, flow.customers))
        start = time.monotonic()
        done = 0
        for moment, due in flow.planned():
            stop.wait(start + moment - time.monotonic())
            if stop.is_set():
                due = min(due, flow.due(time.monotonic() - start))
            if due > done:
                fmt = flow.formats[sent.files % len(flow.formats)]
                sender.send(PlannedFile("transactions", fmt, flow.day, 0, flow.first + done, due - done))
                done = due
            sent.took = time.monotonic() - start
            if stop.is_set():
                sent.ended_early = True
                break
    told(sent)
    return sent


@dataclass
class _Sender:
    """Makes one file after the other and puts it into the bucket."""

    flow: Flow
    source: RowSource
    target: Target
    manifest: Manifest | None
    folder: Path
    sent: Sent
    told: Callable[[Sent], None]

    def send(self, file: PlannedFile) -> None:
        # Duplicates repeat rows of earlier files: to the source the stream is one file that grows.
        first = self.flow.first if file.dataset == "transactions" else 1
        whole = PlannedFile(file.dataset, file.fmt, file.day, 0, first, _MOST_FIRST)
        path = f"{file.dataset}/{file.day:%Y/%m/%d}/{file.dataset}-s{self.flow.seed}-{file.first:09d}.{file.fmt}"
        rows = self.source.rows_of(file, [whole])
        noted = self.manifest.record(file, rows, path) if self.manifest else rows
        local = self.folder / f"file.{file.fmt}"
        WRITERS[file.fmt](local, DATASETS[file.dataset], noted)
        self.target.put(local, path)
        self.sent.files += 1
        self.sent.rows += file.rows
        self.sent.transactions += file.rows if file.dataset == "transactions" else 0
        self.sent.formats[file.fmt] = self.sent.formats.get(file.fmt, 0) + 1
        self.told(self.sent)
