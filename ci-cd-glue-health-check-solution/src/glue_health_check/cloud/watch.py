"""Starts a job run, watches it with its log, and stops it when its time is over."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from botocore.exceptions import ClientError

from glue_health_check.cloud.clients import GONE, Clients, aws_errors, code_of
from glue_health_check.errors import InfrastructureError

ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"})
KEPT_LINES = 200
STOP_SECONDS = 180.0

Progress = Callable[[str], None]


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Attributes:
        run_id: its id.
        state: as Glue calls it; TIMEOUT also when this program stopped it because its time was over.
        seconds: Glue's own execution time.
        message: Glue's error message.
        log: the last lines of its log.
        timed_out: whether it was stopped because its time was over.
        silent: seconds from the last line of its log to its stop; None when nobody knows.
    """

    run_id: str
    state: str
    seconds: float
    message: str
    log: tuple[str, ...]
    timed_out: bool = False
    silent: float | None = None


class LogTail:
    """What is new in a run's log.

    Args:
        aws: the services.
        run_id: names the log streams.
        group: where they are; Glue tells with the run.
    """

    def __init__(self, aws: Clients, run_id: str, group: str = "/aws-glue/jobs") -> None:
        self._aws = aws
        self._run_id = run_id
        self._tokens: dict[str, str] = {f"{group}/{part}": "" for part in ("output", "error")}
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self.last_seconds: float | None = None  # of the last line, since 1970

    def new_lines(self) -> Iterator[str]:
        """Lines that came since the last look; none where there is no log yet."""
        for group in self._tokens:
            yield from self._of(group)

    def _of(self, group: str) -> Iterator[str]:
        while True:
            token = {"nextToken": self._tokens[group]} if self._tokens[group] else {}
            try:
                page = self._aws.logs.get_log_events(
                    logGroupName=group, logStreamName=self._run_id, startFromHead=True, **token
                )
            except ClientError as error:
                if code_of(error) in GONE:
                    return
                raise
            for event in page["events"]:
                self.last_seconds = max(self.last_seconds or 0.0, event["timestamp"] / 1000)
                for line in event["message"].rstrip("\n").splitlines():
                    self.lines.append(line)
                    yield line
            if not page["events"] or page["nextForwardToken"] == self._tokens[group]:
                self._tokens[group] = page["nextForwardToken"]
                return
            self._tokens[group] = page["nextForwardToken"]


def run_job(
    aws: Clients,
    job: str,
    deadline: float,
    poll_seconds: float,
    progress: Progress,
    clock: Callable[[], float] = time.monotonic,
) -> RunResult:
    """Run a job to its end, or to the deadline.

    Args:
        aws: the services.
        job: its name.
        deadline: of ``clock``.
        poll_seconds: between two looks; Glue has nothing to wait on.
        progress: is told states and lines of the log.
        clock: seconds.

    Raises:
        InfrastructureError: AWS refused, or a run would not stop.
    """
    with aws_errors(f"the job {job} can't be started"):
        run_id = str(aws.glue.start_job_run(JobName=job)["JobRunId"])
    progress(f"{job}: run {run_id} started")
    tail, state = LogTail(aws, run_id), ""
    with aws_errors(f"the run {run_id} of {job} can't be watched"):
        while True:
            run = aws.glue.get_job_run(JobName=job, RunId=run_id)["JobRun"]
            if run["JobRunState"] != state:
                state = run["JobRunState"]
                progress(f"{job}: {state}")
            for line in tail.new_lines():
                progress(f"  | {line}")
            if state in ENDED:
                return _result(run, tail, timed_out=state == "TIMEOUT")
            if clock() >= deadline:
                break
            time.sleep(max(0.0, min(poll_seconds, deadline - clock())))
    progress(f"{job}: its time is over, it is stopped")
    stopped = time.time()
    stop_runs(aws, job, poll_seconds)
    with aws_errors(f"the run {run_id} of {job} can't be read"):
        run = aws.glue.get_job_run(JobName=job, RunId=run_id)["JobRun"]
        for line in tail.new_lines():
            progress(f"  | {line}")
    # It may have ended by itself at the last moment.
    result = _result(run, tail, timed_out=run["JobRunState"] != "SUCCEEDED")
    return result if tail.last_seconds is None else replace(result, silent=max(0.0, stopped - tail.last_seconds))


def stop_runs(aws: Clients, job: str, poll_seconds: float, seconds: float = STOP_SECONDS) -> None:
    """Stop all runs of a job that go on, and wait until they have ended.

    Args:
        aws: the services.
        job: its name; nothing happens when there is none.
        poll_seconds: between two looks.
        seconds: how long to wait.

    Raises:
        InfrastructureError: a run goes on.
    """
    until = time.monotonic() + seconds
    asked: set[str] = set()
    while active := _active(aws, job):
        if new := [run_id for run_id in active if run_id not in asked]:
            with aws_errors(f"runs of {job} can't be stopped"):
                aws.glue.batch_stop_job_run(JobName=job, JobRunIds=new)
            asked.update(new)
        if time.monotonic() >= until:
            raise InfrastructureError(f"runs of the job {job} go on although they were stopped: {', '.join(active)}")
        time.sleep(min(poll_seconds, 5.0))


def _active(aws: Clients, job: str) -> list[str]:
    with aws_errors(f"the runs of {job} can't be listed"):
        try:
            pages = aws.glue.get_paginator("get_job_runs").paginate(JobName=job)
            runs = [run for page in pages for run in page["JobRuns"]]
        except ClientError as error:
            if code_of(error) in GONE:
                return []
            raise
    return [run["Id"] for run in runs if run["JobRunState"] not in ENDED]


def _result(run: dict[str, object], tail: LogTail, timed_out: bool) -> RunResult:
    seconds = run.get("ExecutionTime") or 0
    return RunResult(
        str(run["Id"]),
        "TIMEOUT" if timed_out else str(run["JobRunState"]),
        float(seconds if isinstance(seconds, int | float) else 0),
        str(run.get("ErrorMessage") or ""),
        tuple(tail.lines),
        timed_out,
    )
