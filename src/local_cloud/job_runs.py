"""Starts, ends and repeats job runs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local_cloud.definitions import Definitions
from local_cloud.protocol import (
    GlueError,
    JsonObject,
    attempt_id,
    concurrent_runs_exceeded,
    invalid,
    job_run_id,
    not_found,
)
from local_cloud.runner import STREAMING, JobRunner, Outcome, RunControl
from local_cloud.store import ACTIVE_JOB_STATES, Store

_SIZE_FIELDS = ("WorkerType", "NumberOfWorkers", "MaxCapacity", "SecurityConfiguration", "ExecutionClass")
_LOG_GROUP = "/aws-glue/jobs"
_DEFAULT_TIMEOUT = 2880

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobStart:
    """A wish to run a job.

    Args:
        job: its name.
        arguments: of this run; they overlay the job's defaults.
        timeout: minutes; the job's own when None.
        overrides: other fields of StartJobRun, such as the worker type.
        trigger: the trigger that starts it.
        workflow: the workflow and the workflow run that it belongs to.
        predecessors: the runs that made the trigger fire.
        previous: the run that this one repeats.
        queue: whether to wait when the job has as many runs as it may.
    """

    job: str
    arguments: dict[str, str] = field(default_factory=dict)
    timeout: int | None = None
    overrides: JsonObject = field(default_factory=dict)
    trigger: str | None = None
    workflow: tuple[str, str] | None = None
    predecessors: list[JsonObject] = field(default_factory=list)
    previous: JsonObject | None = None
    queue: bool | None = None


class JobRuns:
    """All job runs of the local cloud.

    Args:
        store: their history.
        definitions: the jobs.
        runner: runs them.
        lock: held while states change; the workflow engine holds the same one.
    """

    def __init__(self, store: Store, definitions: Definitions, runner: JobRunner, lock: threading.RLock) -> None:
        self._store = store
        self._definitions = definitions
        self._runner = runner
        self._lock = lock
        self._controls: dict[str, RunControl] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._closing = False
        self.on_started: list[Callable[[JsonObject], None]] = []
        self.on_ended: list[Callable[[JsonObject, bool], None]] = []

    def start(self, wish: JobStart) -> str:
        """Start a job, or let it wait for its turn.

        Returns:
            The id of the run.

        Raises:
            GlueError: there is no such job, or it has as many runs under way as it may.
        """
        job = self._definitions.job(wish.job)
        with self._lock:
            if self._closing:
                raise GlueError("OperationTimeoutException", "the local cloud is being stopped")
            full = len(self._store.active_job_runs(wish.job)) >= _max_runs(job)
            waits = wish.queue if wish.queue is not None else bool(job.get("JobRunQueuingEnabled"))
            if full and not waits:
                raise concurrent_runs_exceeded(f"job: {wish.job}")
            run = _new_run(job, wish, "WAITING" if full else "STARTING")
            self._store.add_job_run(run, wish.workflow[1] if wish.workflow else None)
            if not full:
                self._launch(job, run)
        return str(run["Id"])

    def record_error(self, wish: JobStart, message: str) -> None:
        """Write down a run that a trigger could not start, in the state ERROR as Glue does."""
        run = {
            **_new_run({"Name": wish.job}, wish, "ERROR"),
            "ErrorMessage": message,
            "CompletedOn": time.time(),
        }
        self._store.add_job_run(run, wish.workflow[1] if wish.workflow else None)

    def get(self, job: str, run_id: str) -> JsonObject:
        """A run of a job.

        Raises:
            GlueError: there is none.
        """
        run = self._store.job_run(run_id)
        if run is None or run["JobName"] != job:
            raise not_found(f"Job run {run_id} of the job {job} not found")
        return with_execution_time(run)

    def stop(self, job: str, run_id: str) -> None:
        """Begin to stop a run.

        Raises:
            GlueError: there is no such run, or it has ended.
        """
        with self._lock:
            run = self.get(job, run_id)
            if run["JobRunState"] not in ACTIVE_JOB_STATES:
                raise invalid(f"Job run {run_id} is {run['JobRunState']} and cannot be stopped")
            control = self._controls.get(run_id)
            if control is None:  # it waits for its turn
                self._end(run_id, Outcome("STOPPED"))
                return
            self._store.change_job_run(run_id, JobRunState="STOPPING", LastModifiedOn=time.time())
            control.stop()

    def close(self, reason: str, seconds: float = 20.0) -> None:
        """End every run, as failed for a reason, and wait for them."""
        with self._lock:
            self._closing = True
            waiting = [run["Id"] for run in self._store.active_job_runs() if run["Id"] not in self._controls]
            for run_id in waiting:
                self._end(run_id, Outcome("FAILED", reason))
            threads = list(self._threads.values())
            for control in self._controls.values():
                control.stop("FAILED")
        until = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _launch(self, job: JsonObject, run: JsonObject) -> None:
        run_id = run["Id"]
        control = RunControl(lambda group: self._started(run_id, group))
        thread = threading.Thread(target=self._run, args=(job, run, control), name=run_id, daemon=True)
        self._controls[run_id] = control
        self._threads[run_id] = thread
        thread.start()

    def _run(self, job: JsonObject, run: JsonObject, control: RunControl) -> None:
        try:
            outcome = self._runner.execute(job, run, control)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, a run must end
            _LOG.exception("the run %s ended by an error of the local cloud", run["Id"])
            outcome = Outcome("FAILED", f"{type(error).__name__}: {error}")
        if self._closing and outcome.state == "FAILED" and control.stop_state == "FAILED":
            outcome = Outcome("FAILED", "the local cloud was stopped during this run")
        with self._lock:
            self._end(run["Id"], outcome)

    def _started(self, run_id: str, group: int) -> None:
        with self._lock:
            self._store.set_process_group(run_id, group)
            now = time.time()
            changes: JsonObject = {"RunningOn": now, "LastModifiedOn": now}
            if self._controls[run_id].stop_state is None:
                changes["JobRunState"] = "RUNNING"
            run = self._store.change_job_run(run_id, **changes)
            for listener in self.on_started:
                listener(run)

    def _end(self, run_id: str, outcome: Outcome) -> None:
        now = time.time()
        before = self._store.job_run(run_id) or {}
        run = self._store.change_job_run(
            run_id,
            JobRunState=outcome.state,
            ErrorMessage=outcome.message,
            CompletedOn=now,
            LastModifiedOn=now,
            ExecutionTime=round(now - before.get("RunningOn", now)),
        )
        self._controls.pop(run_id, None)
        self._threads.pop(run_id, None)
        repeated = self._repeat(run)
        self._launch_waiting(run["JobName"])
        for listener in self.on_ended:
            try:
                listener(run, not repeated)
            except Exception:  # noqa: BLE001 - the state is written; a listener must not undo the others
                _LOG.exception("the end of %s was not handled", run_id)

    def _repeat(self, run: JsonObject) -> bool:
        """Start the next attempt of a failed run, if the job allows one."""
        if run["JobRunState"] != "FAILED" or self._closing:
            return False
        try:
            job = self._definitions.job(run["JobName"])
        except GlueError:
            _LOG.exception("the job of %s is gone; it is not repeated", run["Id"])
            return False
        if run["Attempt"] >= job.get("MaxRetries", 0):
            return False
        workflow_run = self._store.workflow_run_of(run["Id"])
        wish = JobStart(
            job=run["JobName"],
            arguments=run.get("Arguments", {}),
            timeout=run.get("Timeout"),
            overrides={name: run[name] for name in _SIZE_FIELDS if name in run},
            trigger=run.get("TriggerName"),
            workflow=(run["Arguments"]["--WORKFLOW_NAME"], workflow_run) if workflow_run else None,
            predecessors=run.get("PredecessorRuns", []),
            previous=run,
        )
        again = _new_run(job, wish, "STARTING")
        self._store.add_job_run(again, workflow_run)
        self._launch(job, again)
        return True

    def _launch_waiting(self, job_name: str) -> None:
        if self._closing:
            return
        active = self._store.active_job_runs(job_name)
        waiting = [run for run in active if run["JobRunState"] == "WAITING"]
        if not waiting:
            return
        job = self._definitions.job(job_name)
        for run in waiting[: max(0, _max_runs(job) - (len(active) - len(waiting)))]:
            started = self._store.change_job_run(run["Id"], JobRunState="STARTING", LastModifiedOn=time.time())
            self._launch(job, started)


def with_execution_time(run: JsonObject) -> JsonObject:
    """A run as Glue shows it: without our own field, and with the seconds it has run so far."""
    shown = {name: value for name, value in run.items() if name != "RunningOn"}
    if run["JobRunState"] in ACTIVE_JOB_STATES and "RunningOn" in run:
        shown["ExecutionTime"] = round(time.time() - run["RunningOn"])
    return shown


def _max_runs(job: JsonObject) -> int:
    return int(job.get("ExecutionProperty", {}).get("MaxConcurrentRuns") or 1)


def _timeout(job: JsonObject) -> int | None:
    """Minutes. A streaming job runs until it is stopped; the emulator gives it what it gives other jobs by default."""
    minutes = int(job.get("Timeout", _DEFAULT_TIMEOUT))
    streams = job.get("Command", {}).get("Name") == STREAMING
    return None if streams and minutes == _DEFAULT_TIMEOUT else minutes


def _new_run(job: JsonObject, wish: JobStart, state: str) -> JsonObject:
    now = time.time()
    attempt = wish.previous["Attempt"] + 1 if wish.previous else 0
    arguments = dict(wish.arguments)
    if wish.workflow:
        arguments.update({"--WORKFLOW_NAME": wish.workflow[0], "--WORKFLOW_RUN_ID": wish.workflow[1]})
    sizes = {name: job[name] for name in (*_SIZE_FIELDS, "GlueVersion") if name in job}
    run: dict[str, Any] = {
        "Id": attempt_id(wish.previous["Id"], attempt) if wish.previous else job_run_id(),
        "Attempt": attempt,
        "PreviousRunId": wish.previous["Id"] if wish.previous else None,
        "TriggerName": wish.trigger,
        "JobName": wish.job,
        "StartedOn": now,
        "LastModifiedOn": now,
        "JobRunState": state,
        "Arguments": arguments,
        "PredecessorRuns": wish.predecessors,
        "ExecutionTime": 0,
        "Timeout": wish.timeout if wish.timeout is not None else _timeout(job),
        "LogGroupName": _LOG_GROUP,
        **sizes,
        **wish.overrides,
    }
    return {name: value for name, value in run.items() if value is not None}
