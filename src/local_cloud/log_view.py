"""Shows the logs of the servers and of job runs."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from local_cloud.cloud import emulator, glue_endpoint
from local_cloud.settings import LocalCloudError, Settings
from local_cloud.store import Store

_LOOK_SECONDS = 0.25


def files_of(settings: Settings, what: str) -> list[Path]:
    """The log files of a thing.

    Args:
        settings: of the local cloud.
        what: ``emulator``, ``glue``, a job run's id or its beginning, or a job's name for its last run.

    Raises:
        LocalCloudError: there is no such thing, or it has no log yet.
    """
    if what in ("emulator", "glue"):
        files = [(emulator if what == "emulator" else glue_endpoint)(settings).log_file]
    else:
        folder = settings.runs / _run_id(settings, what)
        files = [folder / "stdout.log", folder / "stderr.log"]
    present = [file for file in files if file.exists()]
    if not present:
        raise LocalCloudError(f"{what} has no log yet; it would be {files[0]}")
    return present


def show(files: Sequence[Path], write: Callable[[str], object], *, lines: int, follow: bool) -> None:
    """Write the last lines of some files, each under its name if there are several.

    Args:
        files: the logs.
        write: takes text.
        lines: how many of each.
        follow: go on until interrupted.
    """
    ends = {}
    for file in files:
        if len(files) > 1:
            write(f"==> {file} <==\n")
        with file.open(errors="replace") as log:
            write("".join(deque(log, maxlen=lines)))
            ends[file] = log.tell()
    with contextlib.suppress(KeyboardInterrupt):
        while follow:
            for file, end in ends.items():
                with file.open(errors="replace") as log:
                    log.seek(end)
                    write(log.read())
                    ends[file] = log.tell()
            time.sleep(_LOOK_SECONDS)  # a file on any system can only be looked at again


def _run_id(settings: Settings, what: str) -> str:
    matching = [path.name for path in settings.runs.glob(f"{what}*")] if what.startswith("jr_") else []
    if what in matching or len(matching) == 1:
        return what if what in matching else matching[0]
    if matching:
        raise LocalCloudError(f"{len(matching)} job runs begin with {what!r}; give more of the id")
    if not settings.database.exists():
        raise LocalCloudError(f"no job has run yet, so there is no log of {what!r}")
    store = Store(settings.database)
    try:
        runs = store.job_runs(what, limit=1)
    finally:
        store.close()
    if not runs:
        raise LocalCloudError(f"there is no job or job run named {what!r}; say emulator, glue, or one of those")
    return str(runs[0]["Id"])
