"""Follows a check to its end: next job, time limit, checks of the output, report, removal.

It goes by what is there, not by the event that woke it: events may come twice, late, or never.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from math import ceil
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from glue_health_check.cloud.cleanup import Cleaning, clean, remove_objects
from glue_health_check.cloud.clients import Clients, aws_errors, code_of
from glue_health_check.cloud.watch import ENDED, LogTail, RunResult
from glue_health_check.cloud.writes import snapshot, writes_outside
from glue_health_check.errors import HealthCheckError, InfrastructureError
from glue_health_check.lambdas.files import fetch, inside
from glue_health_check.lambdas.requests import Source
from glue_health_check.lambdas.state import Keeper, State, comparable, timed
from glue_health_check.models import CheckResult, Finding, Report, Status, judged
from glue_health_check.settings import Check, check_from
from glue_health_check.steps import cleanup_result, job_names, output_results, places_of, run_result

Progress = Callable[[str], None]
Run = dict[str, Any]
UNKNOWN, RUNNING, ENDED_STATE, REPORTED = "unknown", "running", "ended", "reported"


class Follower:
    """Follows one check.

    Args:
        aws: the services.
        keeper: of what is kept of the check.
        progress: is told what happens.
    """

    def __init__(self, aws: Clients, keeper: Keeper, progress: Progress) -> None:
        self._aws, self._keeper, self._progress = aws, keeper, progress

    def look(self) -> dict[str, Any]:
        """See how the check goes, and start the job that is next, or stop one whose time is over.

        Returns:
            ``state``: unknown (not begun, or removed), running, ended (to be finished), reported; with the report's
            address, and its exit code as soon as there is one.

        Raises:
            InfrastructureError: AWS failed.
        """
        if (report := self._keeper.report()) is not None:
            return self._answer(REPORTED, exit_code=report.exit_code)
        if (state := self._keeper.state()) is None:
            return self._answer(ENDED_STATE if self._keeper.draft() else UNKNOWN)
        jobs = job_names(self._check(state), self._keeper.names)
        for job in jobs:
            run = self._run(job)
            if run is None:
                self._start(job, state)
                return self._answer(RUNNING, job=job)
            if run["JobRunState"] not in ENDED:
                self._stop_when_over(job, run, state)
                return self._answer(RUNNING, job=job, run_state=run["JobRunState"])
            if run["JobRunState"] != "SUCCEEDED":
                break
        return self._answer(ENDED_STATE)

    def finish(self) -> tuple[Report, Source | None]:
        """Check what the jobs of an ended check wrote, remove all, and write the report.

        Cut off anywhere and done again, it comes to the same end: what was found is kept where the removal does not
        reach, and the report comes last.

        Returns:
            The report, and where in GitHub the check came from.

        Raises:
            InfrastructureError: the report can't be written.
        """
        draft = self._keeper.draft()
        if draft is None:
            state = self._keeper.state()
            if state is None:
                raise InfrastructureError(f"nothing is kept of check {self._keeper.names.id}; it was removed")
            draft = self._found(state), state.request.source
            self._keeper.put_draft(*draft)
        cleaning = self.remove()
        found, source = draft
        done = replace(found, removed=tuple(cleaning.removed), left=tuple(cleaning.left))
        report = timed(done, cleanup_result(cleaning))
        self._keeper.put_report(report)
        return report, source

    def remove(self) -> Cleaning:
        """Remove everything of the check; what is gone already counts as removed."""
        if (manifest := self._keeper.manifest()) is not None:
            return clean(self._aws, manifest)
        done, names = Cleaning(), self._keeper.names
        # Files of a check that was never begun.
        uri = f"s3://{names.work_bucket}/{names.state_prefix}"
        done.step(f"objects {uri}", lambda: remove_objects(self._aws, names.work_bucket, names.state_prefix) > 0)
        return done

    def _found(self, state: State) -> Report:
        report = state.report
        try:
            with tempfile.TemporaryDirectory() as folder:
                fetch(self._aws, self._keeper.names, Path(folder))
                with inside(Path(folder)):
                    return self._judged(state, report)
        except HealthCheckError as error:
            return timed(report, CheckResult("infrastructure", Status.ERROR, (Finding(str(error)),)))

    def _judged(self, state: State, report: Report) -> Report:
        check, names = self._check(state), self._keeper.names
        for step, job in enumerate(job_names(check, names)):
            run = self._run(job)
            if run is None:
                break
            result = self._result(run, state)
            facts = {"name": job, "run_id": result.run_id, "state": result.state, "seconds": result.seconds}
            checks = (*report.checks, run_result(check, step, result))
            report = replace(report, checks=checks, log=result.log, job=facts)
        after = comparable(snapshot(self._aws, state.watched))
        findings = writes_outside(self._keeper.before(), after, state.ignored)
        writes = judged("writes", findings, f"{len(state.watched)} places watched")
        outputs = output_results(check, places_of(check, names), self._aws, report.checks)
        return timed(report, writes, *outputs)

    def _result(self, run: Run, state: State) -> RunResult:
        tail = LogTail(self._aws, run["Id"], run.get("LogGroupName") or "/aws-glue/jobs")
        with aws_errors(f"the log of {run['Id']} can't be read"):
            for _ in tail.new_lines():
                pass  # the tail keeps the last ones
        ended = run["JobRunState"]
        # It may have ended by itself at the last moment; else it was stopped because its time was over.
        completed = run.get("CompletedOn") or datetime.now(timezone.utc)
        late = ended == "TIMEOUT" or (ended == "STOPPED" and completed >= state.deadline())
        return RunResult(
            str(run["Id"]),
            "TIMEOUT" if late else ended,
            float(run.get("ExecutionTime") or 0),
            str(run.get("ErrorMessage") or ""),
            tuple(tail.lines),
            late,
            max(0.0, completed.timestamp() - tail.last_seconds) if tail.last_seconds is not None else None,
        )

    def _check(self, state: State) -> Check:
        return check_from(state.request.check or {}, Path())

    def _run(self, job: str) -> Run | None:
        """The run of a job: each is started once."""
        with aws_errors(f"the runs of {job} can't be listed"):
            runs = self._aws.glue.get_job_runs(JobName=job, MaxResults=1)["JobRuns"]
        return runs[0] if runs else None

    def _start(self, job: str, state: State) -> None:
        left = (state.deadline() - datetime.now(timezone.utc)).total_seconds()
        with aws_errors(f"the job {job} can't be started"):
            try:
                run = self._aws.glue.start_job_run(JobName=job, Timeout=max(1, ceil(left / 60)))["JobRunId"]
            except ClientError as error:
                if code_of(error) != "ConcurrentRunsExceededException":
                    raise
                return  # another call was quicker
        self._progress(f"{job}: run {run} started")

    def _stop_when_over(self, job: str, run: Run, state: State) -> None:
        """Glue stops a run by itself, but counts in minutes, and from the start of the run."""
        if datetime.now(timezone.utc) < state.deadline() or run["JobRunState"] == "STOPPING":
            return
        self._progress(f"{job}: its time is over, it is stopped")
        with aws_errors(f"the run {run['Id']} of {job} can't be stopped"):
            self._aws.glue.batch_stop_job_run(JobName=job, JobRunIds=[run["Id"]])

    def _answer(self, state: str, **more: Any) -> dict[str, Any]:
        return {"id": self._keeper.names.id, "state": state, "report": self._keeper.report_uri, **more}
