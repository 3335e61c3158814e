"""Why a run did not succeed, in one line that an author of a pull request can use."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from glue_health_check.cloud.watch import RunResult
from glue_health_check.models import Finding
from glue_health_check.wrapper.run_script import MARKER

_FRAME = re.compile(r'\s*File "([^"]+)", line (\d+)')
_ERROR = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning)\b.*)$")
_LONGEST = 500
_SILENT_SECONDS = 10.0  # logs come in bundles, some seconds apart


def of_run(result: RunResult, script: str, timeout_minutes: float) -> Finding:
    """The finding of a run that did not succeed.

    Args:
        result: how it ended.
        script: the path of its script, as findings show it.
        timeout_minutes: the check's time limit.
    """
    if result.timed_out:
        said, remedy = _timed_out(result)
        message = f"the job did not end within {timeout_minutes:g} minutes and was stopped; {said}"[:_LONGEST]
        return Finding(message, remedy, file=script)
    told = _told(result.log)
    error, line = told if told else _traceback(result.log, PurePosixPath(script).name)
    text = error or result.message or "it left no message"
    message = f"the job ended as {result.state}: {text}"[:_LONGEST]
    return Finding(message, "the end of its log is in this report", file=script, line=line)


def _timed_out(result: RunResult) -> tuple[str, str]:
    """What its log says about a run that was stopped, and what would help."""
    last = next((line.strip()[:200] for line in reversed(result.log) if line.strip()), "")
    hangs, slow = "find what it waits for", "give it more time (--timeout), or less to do"
    if not last:
        return "it logged nothing", f"{hangs}, or {slow}"
    if result.silent is None:
        return f"the last line of its log is: {last}", f"{hangs}, or {slow}"
    if result.silent < _SILENT_SECONDS:
        return f"it was still writing to its log: {last}", slow
    return f"its log had been silent for {result.silent:.0f} s after: {last}", hangs


def _told(log: Sequence[str]) -> tuple[str, int] | None:
    """What the wrapper said."""
    for text in reversed(log):
        if MARKER in text:
            try:
                outcome = json.loads(text.partition(MARKER)[2])
            except ValueError:
                return None
            return (str(outcome["error"]), int(outcome.get("line", 0))) if not outcome.get("ok") else None
    return None


def _traceback(log: Sequence[str], name: str) -> tuple[str, int]:
    """The last error of the log, and the last line of the script that a traceback names."""
    error = next((text.strip() for text in reversed(log) if _ERROR.match(text.strip())), "")
    frames = [found for text in log if (found := _FRAME.match(text))]
    lines = [int(found[2]) for found in frames if PurePosixPath(found[1]).name == name]
    return error, lines[-1] if lines else 0
