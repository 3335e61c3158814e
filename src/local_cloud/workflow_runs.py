"""Runs workflows: fires triggers as jobs end, until nothing more can start."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from local_cloud import graph
from local_cloud.definitions import Definitions
from local_cloud.job_runs import JobRuns, JobStart
from local_cloud.protocol import (
    GlueError,
    JsonObject,
    concurrent_runs_exceeded,
    invalid,
    not_found,
    workflow_run_id,
)
from local_cloud.store import ACTIVE_JOB_STATES, Store
from local_cloud.triggers import fires, job_actions, start_trigger, watched

_STATISTIC_OF_STATE = {
    "SUCCEEDED": "SucceededActions",
    "FAILED": "FailedActions",
    "TIMEOUT": "TimeoutActions",
    "STOPPED": "StoppedActions",
    "ERROR": "ErroredActions",
    "WAITING": "WaitingActions",
    "STARTING": "RunningActions",
    "RUNNING": "RunningActions",
    "STOPPING": "RunningActions",
}


class WorkflowRuns:
    """All workflow runs of the local cloud, and the triggers outside of workflows.

    Args:
        store: their history.
        definitions: the workflows and triggers.
        jobs: starts the jobs.
        lock: held while states change; ``jobs`` holds the same one.
    """

    def __init__(self, store: Store, definitions: Definitions, jobs: JobRuns, lock: threading.RLock) -> None:
        self._store = store
        self._definitions = definitions
        self._jobs = jobs
        self._lock = lock
        jobs.on_ended.append(self._job_ended)

    def start(self, name: str, properties: dict[str, str] | None = None, *, scheduled: bool = False) -> str:
        """Start a run of a workflow with its start trigger.

        Args:
            name: the workflow.
            properties: overlay the workflow's default run properties.
            scheduled: whether a schedule starts it; then a run that may not start is written down.

        Returns:
            The id of the workflow run.

        Raises:
            GlueError: there is no such workflow, it has no start trigger, or too many runs are under way.
        """
        workflow = self._definitions.workflow(name)
        triggers = self._definitions.triggers(name)
        first = start_trigger(triggers)
        if first is None:
            raise invalid(f"Workflow {name} has no start trigger")
        with self._lock:
            limit = workflow.get("MaxConcurrentRuns") or 0
            run = _new_run(workflow, properties or {}, triggers)
            if limit and len(self._store.active_workflow_runs(name)) >= limit:
                error = concurrent_runs_exceeded(f"workflow: {name}")
                if scheduled:
                    run.update(Status="ERROR", ErrorMessage=error.message, CompletedOn=time.time())
                    self._store.add_workflow_run(run, {})
                raise error
            run_id = str(run["WorkflowRunId"])
            self._store.add_workflow_run(run, {"fired": [first["Name"]]})
            self._fire(first, name, run_id, [])
            self._advance(name, run_id)
        return run_id

    def fire(self, trigger: JsonObject) -> None:
        """Fire a trigger that was started by hand or by its schedule.

        Raises:
            GlueError: what it starts cannot be started.
        """
        if trigger.get("WorkflowName"):
            self.start(trigger["WorkflowName"], scheduled=trigger["Type"] == "SCHEDULED")
            return
        for action in job_actions(trigger):
            self._jobs.start(_wish(action, trigger, None, []))

    def get(self, name: str, run_id: str, *, include_graph: bool = False) -> JsonObject:
        """A run of a workflow, with its statistics of this moment.

        Raises:
            GlueError: there is none.
        """
        run = self._store.workflow_run(run_id)
        if run is None or run["Name"] != name:
            raise not_found(f"Workflow run {run_id} of the workflow {name} not found")
        return self._shown(run, include_graph)

    def runs_of(self, name: str, *, include_graph: bool = False) -> list[JsonObject]:
        """All runs of a workflow, newest first.

        Raises:
            GlueError: there is no such workflow.
        """
        self._definitions.workflow(name)
        return [self._shown(run, include_graph) for run in self._store.workflow_runs(name)]

    def stop(self, name: str, run_id: str) -> None:
        """Begin to stop a run and the jobs of it that are under way.

        Raises:
            GlueError: there is no such run, or it has ended.
        """
        with self._lock:
            run = self.get(name, run_id)
            if run["Status"] != "RUNNING":
                raise GlueError("IllegalWorkflowStateException", f"Workflow run {run_id} is {run['Status']}")
            self._store.change_workflow_run(run_id, Status="STOPPING")
            for job_run in self._active_jobs(run_id):
                if job_run["JobRunState"] != "STOPPING":
                    self._jobs.stop(job_run["JobName"], job_run["Id"])
            self._finish_if_idle(run_id)

    def set_properties(self, name: str, run_id: str, properties: dict[str, str]) -> None:
        """Add to or change the properties of a run.

        Raises:
            GlueError: there is no such run.
        """
        with self._lock:
            run = self.get(name, run_id)
            merged = {**run.get("WorkflowRunProperties", {}), **properties}
            self._store.change_workflow_run(run_id, WorkflowRunProperties=merged)

    def resume(self, name: str, run_id: str, node_ids: list[str]) -> tuple[str, list[str]]:
        """Run some jobs of an ended run again, and what comes after them, as a new run.

        Returns:
            The id of the new run, and the nodes that it starts with.

        Raises:
            GlueError: there is no such run, it has not ended, or a node is not a job of it.
        """
        with self._lock:
            before = self.get(name, run_id)
            if before["Status"] in ("RUNNING", "STOPPING"):
                raise GlueError("IllegalWorkflowStateException", f"Workflow run {run_id} is {before['Status']}")
            triggers = self._definitions.triggers(name)
            starts = graph.starts_of_nodes(triggers, node_ids)
            again = graph.jobs_after(triggers, {action["JobName"] for _, action in starts})
            kept = {job: state for job, state in self._final_states(run_id).items() if job not in again}
            fired = [one["Name"] for one in triggers if not {a["JobName"] for a in job_actions(one)} <= again]
            run = _new_run(self._definitions.workflow(name), before.get("WorkflowRunProperties", {}), triggers)
            run["PreviousRunId"] = run_id
            new_id = str(run["WorkflowRunId"])
            fired += [trigger["Name"] for trigger, _ in starts]
            self._store.add_workflow_run(run, {"fired": fired, "inherited": kept})
            for trigger, action in starts:
                self._start_job(_wish(action, trigger, (name, new_id), []))
            self._advance(name, new_id)
        return new_id, node_ids

    def interrupted(self, reason: str) -> None:
        """End the runs that went on when the endpoint stopped."""
        for run in self._store.active_workflow_runs():
            self._store.change_workflow_run(
                run["WorkflowRunId"], Status="ERROR", ErrorMessage=reason, CompletedOn=time.time()
            )

    def _job_ended(self, job_run: JsonObject, final: bool) -> None:
        if not final:
            return
        run_id = self._store.workflow_run_of(job_run["Id"])
        if run_id is None:
            if job_run.get("TriggerName"):
                self._fire_free_triggers(job_run)
            return
        run = self._store.workflow_run(run_id)
        if run is not None:
            self._advance(run["Name"], run_id)

    def _advance(self, name: str, run_id: str) -> None:
        """Fire every trigger of a run whose predicate now holds, then end the run if nothing goes on."""
        run = self._store.workflow_run(run_id)
        if run is None:
            return
        if run["Status"] == "RUNNING":
            progress = self._store.progress(run_id)
            states = {**progress.get("inherited", {}), **self._final_states(run_id)}
            for trigger in self._definitions.triggers(name):
                if trigger["Name"] in progress["fired"] or not fires(trigger, states):
                    continue
                progress["fired"].append(trigger["Name"])
                self._store.set_progress(run_id, progress)
                self._fire(trigger, name, run_id, self._predecessors(trigger, run_id))
        self._finish_if_idle(run_id)

    def _fire(self, trigger: JsonObject, name: str, run_id: str, predecessors: list[JsonObject]) -> None:
        for action in job_actions(trigger):
            self._start_job(_wish(action, trigger, (name, run_id), predecessors))

    def _start_job(self, wish: JobStart) -> None:
        try:
            self._jobs.start(wish)
        except GlueError as error:
            self._jobs.record_error(wish, f"{error.code}: {error.message}")

    def _fire_free_triggers(self, job_run: JsonObject) -> None:
        """Triggers outside of workflows watch the newest runs that triggers have started."""
        for trigger in self._definitions.triggers(""):
            names = {condition["JobName"] for condition in watched(trigger)}
            if job_run["JobName"] not in names:
                continue
            newest = [self._newest_triggered(job, trigger["Name"]) for job in names]
            states = {run["JobName"]: run["JobRunState"] for run in newest if run is not None}
            if fires(trigger, states):
                predecessors = [{"JobName": r["JobName"], "RunId": r["Id"]} for r in newest if r is not None]
                for action in job_actions(trigger):
                    self._start_job(_wish(action, trigger, None, predecessors))

    def _newest_triggered(self, job: str, trigger: str) -> JsonObject | None:
        """The newest run of a job that a trigger started and that has not yet made this trigger fire."""
        used = {
            one["RunId"]
            for run in self._store.job_runs()
            if run.get("TriggerName") == trigger
            for one in run.get("PredecessorRuns", [])
        }
        runs = self._store.job_runs(job)
        return next((run for run in runs if run.get("TriggerName") and run["Id"] not in used), None)

    def _final_states(self, run_id: str) -> dict[str, str]:
        """The state of each job of a run that has ended; of several attempts the last one counts."""
        states: dict[str, str] = {}
        for run in self._store.job_runs_of_workflow_run(run_id):
            states[run["JobName"]] = run["JobRunState"]
        return {job: state for job, state in states.items() if state not in ACTIVE_JOB_STATES}

    def _predecessors(self, trigger: JsonObject, run_id: str) -> list[JsonObject]:
        names = {condition["JobName"] for condition in watched(trigger)}
        last = {run["JobName"]: run["Id"] for run in self._store.job_runs_of_workflow_run(run_id)}
        return [{"JobName": job, "RunId": last[job]} for job in sorted(names) if job in last]

    def _active_jobs(self, run_id: str) -> list[JsonObject]:
        runs = self._store.job_runs_of_workflow_run(run_id)
        return [run for run in runs if run["JobRunState"] in ACTIVE_JOB_STATES]

    def _finish_if_idle(self, run_id: str) -> None:
        run = self._store.workflow_run(run_id)
        if run is None or run["Status"] not in ("RUNNING", "STOPPING") or self._active_jobs(run_id):
            return
        status = "STOPPED" if run["Status"] == "STOPPING" else "COMPLETED"
        self._store.change_workflow_run(run_id, Status=status, CompletedOn=time.time())

    def _shown(self, run: JsonObject, include_graph: bool) -> JsonObject:
        run_id = run["WorkflowRunId"]
        job_runs = self._store.job_runs_of_workflow_run(run_id)
        shown = {name: value for name, value in run.items() if name != "TotalActions"}
        shown["Statistics"] = statistics(run.get("TotalActions", 0), job_runs)
        if include_graph:
            shown["Graph"] = graph.of_workflow(self._definitions.triggers(run["Name"]), job_runs)
        return shown


def statistics(total: int, job_runs: Iterable[JsonObject]) -> JsonObject:
    """How the actions of a workflow run stand. Of a job's attempts only the last one counts."""
    counts = {"TotalActions": total, **dict.fromkeys(_STATISTIC_OF_STATE.values(), 0)}
    last = {run["JobName"]: run for run in job_runs}
    for run in last.values():
        counts[_STATISTIC_OF_STATE[run["JobRunState"]]] += 1
    return counts


def _new_run(workflow: JsonObject, properties: dict[str, str], triggers: list[JsonObject]) -> JsonObject:
    return {
        "Name": workflow["Name"],
        "WorkflowRunId": workflow_run_id(),
        "WorkflowRunProperties": {**workflow.get("DefaultRunProperties", {}), **properties},
        "StartedOn": time.time(),
        "Status": "RUNNING",
        "TotalActions": sum(len(job_actions(trigger)) for trigger in triggers),
    }


def _wish(
    action: JsonObject,
    trigger: JsonObject,
    workflow: tuple[str, str] | None,
    predecessors: list[JsonObject],
) -> JobStart:
    return JobStart(
        job=action["JobName"],
        arguments=dict(action.get("Arguments") or {}),
        timeout=action.get("Timeout") or None,
        trigger=trigger["Name"],
        workflow=workflow,
        predecessors=predecessors,
    )
