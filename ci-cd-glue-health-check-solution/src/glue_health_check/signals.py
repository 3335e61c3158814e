"""SIGTERM, SIGINT and SIGHUP (CI cancels a check) become an exception, and wait while things are being removed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from glue_health_check.errors import CancelledError

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextmanager
def cancellable() -> Iterator[None]:
    """Inside, a signal raises CancelledError. In other threads than the main one signals can't be caught."""

    def cancel(number: int, frame: FrameType | None) -> None:
        raise CancelledError(f"cancelled by {signal.Signals(number).name}")

    with _handlers(cancel):
        yield


@contextmanager
def held() -> Iterator[None]:
    """Inside, signals do nothing: what is being removed must be removed."""

    def nothing(number: int, frame: FrameType | None) -> None:
        pass

    with _handlers(nothing):
        yield


@contextmanager
def _handlers(handler: object) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in SIGNALS}  # type: ignore[arg-type]
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
