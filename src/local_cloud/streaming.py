"""Keeps the lake in step with S3 while a streaming job runs, which has no end at which it could be done."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.lake import Lake, LakePlan, Note
from local_cloud.settings import LocalCloudError
from local_cloud.transfer import NotAllowedError, Transfer

_LOG = logging.getLogger(__name__)


class KeptInStep:
    """Every few seconds brings inputs into the lake and sends outputs out of it, while the ``with`` block runs.

    Args:
        lake: the lake.
        plan: the run's buckets.
        note: writes a line into the run's error log.
        transfer: with the rights of the run's role.
        seconds: from the end of one look to the next.
        stop: ends the run; called when its role may not do what it did.
    """

    def __init__(
        self,
        lake: Lake,
        plan: LakePlan,
        note: Note,
        transfer: Transfer | None,
        seconds: float,
        stop: Callable[[], None],
    ) -> None:
        self._lake, self._plan, self._note, self._transfer = lake, plan, note, transfer
        self._seconds, self._stop = seconds, stop
        self._ended = threading.Event()
        self._refused: NotAllowedError | None = None
        self._thread = threading.Thread(target=self._run, name="lake-in-step", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        if self._refused is not None and error is None:
            raise self._refused

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            try:
                self._lake.bring_in(self._plan, self._note, self._transfer)
                self._lake.send_out(self._plan, self._note, self._transfer, while_it_runs=True)
            except NotAllowedError as error:
                self._refused = error
                self._stop()
                return
            except (LocalCloudError, BotoCoreError, ClientError, OSError) as error:
                _LOG.exception("the lake was not brought in step; the next look comes in %s s", self._seconds)
                self._note(f"the lake was not brought in step, it is tried again: {error}")
