"""Why a job failed, in the words that Glue would show."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable

_LIMIT = 1000
_TRACEBACK = "Traceback (most recent call last):"
_FRAME = re.compile(r"^(\s|$)")
_EXCEPTION = re.compile(r"^(?P<class>[A-Za-z_][\w.]*)(?P<rest>: .*)?$", re.DOTALL)
_JAVA_FRAME = re.compile(r"^\s+(at |\.\.\. )")


def failure_message(lines: Iterable[str], exit_code: int) -> str:
    """The message of a failed run: the last exception of its error log, else how its process ended.

    Args:
        lines: the last lines of the job's standard error.
        exit_code: of the job's process, negative for a signal.
    """
    message = _last_exception(list(lines))
    if message:
        return _shorten(message)
    if exit_code < 0:
        return f"the job's process was killed by {signal.Signals(-exit_code).name}"
    return f"SystemExit: {exit_code}"


def _last_exception(lines: list[str]) -> str:
    starts = [number for number, line in enumerate(lines) if line.rstrip().endswith(_TRACEBACK)]
    if not starts:
        return ""
    after = iter(lines[starts[-1] + 1 :])
    first = next((line for line in after if not _FRAME.match(line)), "")
    found = _EXCEPTION.match(first.rstrip())
    if not found:
        return ""
    name = found["class"].rpartition(".")[2]
    message = [f"{name}{found['rest'] or ''}"]
    for line in after:  # the further lines of the exception's own message
        if not line.strip() or _JAVA_FRAME.match(line) or _is_log_line(line):
            break
        message.append(line.rstrip())
    return "\n".join(message)


def _is_log_line(line: str) -> bool:
    return bool(re.match(r"^\d{2,4}[-/]\d{2}[-/]\d{2}[ T]\d{2}:\d{2}", line))


def _shorten(message: str) -> str:
    return message if len(message) <= _LIMIT else message[: _LIMIT - 1] + "…"
