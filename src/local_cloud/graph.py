"""The graph of a workflow as Glue draws it: nodes for triggers and jobs, and the edges between them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from local_cloud.job_runs import with_execution_time
from local_cloud.protocol import JsonObject, invalid
from local_cloud.triggers import job_actions, watched


def of_workflow(triggers: Iterable[JsonObject], job_runs: Iterable[JsonObject] = ()) -> JsonObject:
    """The graph of a workflow, with the job runs of one of its runs if there are any.

    Args:
        triggers: of the workflow.
        job_runs: of one workflow run.
    """
    triggers = list(triggers)
    runs_of: dict[str, list[JsonObject]] = {}
    for run in job_runs:
        runs_of.setdefault(run["JobName"], []).append(with_execution_time(run))
    nodes = [_trigger_node(trigger) for trigger in triggers]
    nodes += [_job_node(job, runs_of.get(job, [])) for job in _jobs_of(triggers)]
    edges = []
    for trigger in triggers:
        here = node_id("TRIGGER", trigger["Name"])
        for condition in watched(trigger):
            edges.append({"SourceId": node_id("JOB", condition["JobName"]), "DestinationId": here})
        for action in job_actions(trigger):
            edges.append({"SourceId": here, "DestinationId": node_id("JOB", action["JobName"])})
    return {"Nodes": nodes, "Edges": [edge for i, edge in enumerate(edges) if edge not in edges[:i]]}


def node_id(kind: str, name: str) -> str:
    """The id of a node; always the same for the same trigger or job."""
    return f"wnode_{hashlib.sha256(f'{kind}/{name}'.encode()).hexdigest()}"


def starts_of_nodes(triggers: Iterable[JsonObject], node_ids: Iterable[str]) -> list[tuple[JsonObject, JsonObject]]:
    """The triggers and actions that start the jobs of some nodes.

    Raises:
        GlueError: a node is not a job of the workflow.
    """
    actions: dict[str, tuple[JsonObject, JsonObject]] = {}
    for trigger in triggers:
        for action in job_actions(trigger):
            actions.setdefault(node_id("JOB", action["JobName"]), (trigger, action))
    found = []
    for one in node_ids:
        if one not in actions:
            raise invalid(f"{one} is not the id of a job's node in this workflow")
        found.append(actions[one])
    return found


def jobs_after(triggers: Iterable[JsonObject], jobs: set[str]) -> set[str]:
    """Some jobs, and all that can start because of them."""
    triggers = list(triggers)
    found = set(jobs)
    while True:
        more = {
            action["JobName"]
            for trigger in triggers
            if any(condition["JobName"] in found for condition in watched(trigger))
            for action in job_actions(trigger)
        }
        if more <= found:
            return found
        found |= more


def _trigger_node(trigger: JsonObject) -> JsonObject:
    return {
        "Type": "TRIGGER",
        "Name": trigger["Name"],
        "UniqueId": node_id("TRIGGER", trigger["Name"]),
        "TriggerDetails": {"Trigger": trigger},
    }


def _job_node(job: str, runs: list[JsonObject]) -> JsonObject:
    return {"Type": "JOB", "Name": job, "UniqueId": node_id("JOB", job), "JobDetails": {"JobRuns": runs}}


def _jobs_of(triggers: Iterable[JsonObject]) -> list[str]:
    names: dict[str, None] = {}
    for trigger in triggers:
        for part in (*watched(trigger), *job_actions(trigger)):
            names.setdefault(part["JobName"])
    return list(names)
