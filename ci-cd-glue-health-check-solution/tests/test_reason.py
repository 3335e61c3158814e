"""Why a run did not succeed, in a line."""

from __future__ import annotations

import pytest

from glue_health_check.cloud.watch import RunResult
from glue_health_check.reason import of_run


@pytest.mark.parametrize(
    ("log", "silent", "said", "remedy"),
    [
        ((), None, "it logged nothing", "find what it waits for, or give it more time"),
        (("a", " b ", ""), 30.4, "its log had been silent for 30 s after: b", "find what it waits for"),
        (("a", "b"), 1.0, "it was still writing to its log: b", "give it more time (--timeout), or less to do"),
        (("a", "b"), None, "the last line of its log is: b", "find what it waits for, or give it more time"),
    ],
    ids=["no-log", "silent", "busy", "unknown"],
)
def test_a_run_that_was_stopped_tells_a_hang_from_slow_work(
    log: tuple[str, ...], silent: float | None, said: str, remedy: str
) -> None:
    result = RunResult("jr_1", "TIMEOUT", 60, "", log, timed_out=True, silent=silent)
    finding = of_run(result, "jobs/a.py", 1)
    assert finding.message == f"the job did not end within 1 minutes and was stopped; {said}"
    assert finding.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("log", "message", "line"),
    [
        (('  File "/tmp/a.py", line 7, in f', "ValueError: no such day"), "ValueError: no such day", 7),
        (("all is well",), "Out of memory", 0),
    ],
    ids=["traceback", "only-glue-s-message"],
)
def test_a_run_that_failed_tells_its_error_and_line(log: tuple[str, ...], message: str, line: int) -> None:
    finding = of_run(RunResult("jr_1", "FAILED", 60, "Out of memory", log), "jobs/a.py", 1)
    assert (finding.message, finding.line) == (f"the job ended as FAILED: {message}", line)
