"""Checks that end in an unusual way: cancelled by CI, or killed."""

from __future__ import annotations

import signal
import subprocess
from datetime import datetime, timedelta, timezone

from system_test.checks import broken
from system_test.outcomes import CaseError, Outcomes
from system_test.stage import Stage, everything, traces


def try_cancel(stage: Stage, outcomes: Outcomes) -> None:
    """SIGTERM while the job runs, as CI sends it to a run that is cancelled: the check removes all itself."""
    with outcomes.case("a cancelled check (SIGTERM) removes everything") as told:
        process, check = _running(stage)
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=120)
        if process.returncode != 3:
            raise CaseError(f"exit {process.returncode} instead of 3:\n{rest}")
        if left := traces(check):
            raise CaseError(f"left behind: {', '.join(left)}")
        told.shown = "exit 3, nothing left behind"


def kill(stage: Stage) -> str:
    """SIGKILL a check while its job runs. Returns its id."""
    process, check = _running(stage)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return check


def try_sweep(check: str, stage: Stage, outcomes: Outcomes) -> None:
    """The sweeper leaves what a killed check made until its TTL is over, and then removes it, the running job too.

    No other check may be under way: the clock of the second sweep is a day ahead.
    """
    with outcomes.case("after SIGKILL the sweeper removes everything, once its TTL is over") as told:
        if not traces(check):
            raise CaseError("the killed check had left nothing, so nothing was tried")
        early = stage.run("sweep")
        if early.returncode or "0 removed" not in early.stdout:
            raise CaseError(f"before the TTL was over: {early.stdout}{early.stderr}")
        later = (datetime.now(timezone.utc) + timedelta(days=1)).isoformat()
        late = stage.run("sweep", "--at", later)
        if left := traces(check):
            raise CaseError(f"left behind: {', '.join(left)}\n{late.stdout}{late.stderr}")
        if late.returncode:
            raise CaseError(late.stdout + late.stderr)
        told.shown = late.stdout.strip().splitlines()[-1]


def try_nothing_left(before: set[str], outcomes: Outcomes) -> None:
    """After all cases there is in the cloud what was there before them."""
    with outcomes.case("at the end the cloud is as it was before") as told:
        now = everything()
        if now != before:
            raise CaseError(f"left behind: {sorted(now - before)}; missing: {sorted(before - now)}")
        told.shown = f"{len(now)} things, as before"


def _running(stage: Stage) -> tuple[subprocess.Popen[str], str]:
    """A check whose job, which hangs, is running; and its id."""
    process, check = stage.start("run", *broken("hang")), ""
    if process.stderr is None:
        raise CaseError("the check has no standard error")
    for line in process.stderr:
        if line.startswith("check "):
            check = line.removeprefix("check ").partition(":")[0]
        if line.rstrip().endswith("RUNNING"):
            return process, check
    raise CaseError(f"the check ended with {process.wait()} before its job was running")
