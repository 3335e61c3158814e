"""Points at which tests kill or pause a job, as a lost or frozen machine would. In production they do nothing.

A test that starts a job as a process of its own sets environment variables:

- ``GLUE_ETL_FAULT_POINT=<name>`` or ``<name>:<n>``: the process ends by SIGKILL when it passes the point of this
  name (for the n-th time). No handler runs, nothing is flushed and nothing is given back.
- ``GLUE_ETL_FAULT_SIGNAL=SIGSTOP``: the process is not killed at its point but stands still until SIGCONT.
- ``GLUE_ETL_FAULT_TRACE=<file>``: the name of every point that is passed goes into the file, a line each, so that a
  test can find out which points there are and kill at every one of them.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POINT, SIGNAL, TRACE = "GLUE_ETL_FAULT_POINT", "GLUE_ETL_FAULT_SIGNAL", "GLUE_ETL_FAULT_TRACE"
_passed: Counter[str] = Counter()


def fault_point(name: str) -> None:
    """End the process here when a test wants it to; else nothing.

    Args:
        name: what is about to be done or was just done, e.g. ``ledger.plan.before``.
    """
    if POINT in os.environ or TRACE in os.environ:
        _pass(name)


@contextmanager
def fault_points(name: str) -> Iterator[None]:
    """Points before and after a write: ``<name>.before`` and ``<name>.after``. Also a decorator."""
    fault_point(f"{name}.before")
    yield
    fault_point(f"{name}.after")


def _pass(name: str) -> None:
    _passed[name] += 1
    if TRACE in os.environ:
        with Path(os.environ[TRACE]).open("a", encoding="utf-8") as trace:
            trace.write(f"{name}\n")
    wanted, _, number = os.environ.get(POINT, "").partition(":")
    if wanted == name and _passed[name] == int(number or 1):
        os.kill(os.getpid(), signal.Signals[os.environ.get(SIGNAL, "SIGKILL")])
