"""The Glue workflow as a deployment uses it: is there work, run it, watch it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.conditions import Attr, Key

from deployment.steps import DeploymentError

INCOMING = "data/incoming/"
# Glue has no call that waits for a run; this is how often it is asked.
POLL_SECONDS = 0.5
FINISHED = ("COMPLETED", "STOPPED", "ERROR")


@dataclass(frozen=True)
class JobOutcome:
    """One job of a workflow run."""

    name: str
    run_id: str
    state: str
    seconds: int
    error: str


def unfinished_work(dynamodb: Any, s3: Any, outputs: Mapping[str, Any]) -> list[str]:
    """What is left to do, one line each: raw objects that no batch has claimed, batches not CHECKED.

    Args:
        dynamodb: boto3 DynamoDB resource.
        s3: boto3 S3 client.
        outputs: the environment's Terraform outputs.
    """
    bookmarks = dynamodb.Table(outputs["table_names"]["job_bookmarks"])
    state = dynamodb.Table(outputs["table_names"]["job_state"])
    raw = outputs["bucket_names"]["raw"]
    left = []
    for key, size in _objects(s3, raw):
        folder = f"s3://{raw}/{key.rpartition('/')[0]}/"
        claim = bookmarks.get_item(Key={"source": folder, "object_key": key}).get("Item")
        if claim is None or int(claim["size"]) != size:
            left.append(f"{key} is new")
    for dataset in query_state(state, "dataset"):
        batches = query_state(state, f"batch#{dataset['id']}", Attr("status").ne("CHECKED"))
        left += [f"batch {dataset['id']}/{batch['id']} is {batch['status']}" for batch in batches]
    return left


def _objects(s3: Any, bucket: str) -> list[tuple[str, int]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=INCOMING)
    return [(item["Key"], item["Size"]) for page in pages for item in page.get("Contents", ())]


def query_state(table: Any, entity: str, condition: Any = None) -> list[dict[str, Any]]:
    """All items of an entity of the state table that meet a condition, in the order of their ids."""
    arguments: dict[str, Any] = {"KeyConditionExpression": Key("entity").eq(entity), "ConsistentRead": True}
    if condition is not None:
        arguments["FilterExpression"] = condition
    found: list[dict[str, Any]] = []
    while True:
        answer = table.query(**arguments)
        found += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return found
        arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def start_or_join(glue: Any, workflow: str) -> str:
    """Start a run, or take the one that is going (an arriving file has started it); its id."""
    try:
        return str(glue.start_workflow_run(Name=workflow, RunProperties={"trigger": "deployment"})["RunId"])
    except glue.exceptions.ConcurrentRunsExceededException:
        runs = glue.get_workflow_runs(Name=workflow)["Runs"]
        running = [run["WorkflowRunId"] for run in runs if run["Status"] not in FINISHED]
        # It may have ended between the two calls.
        return str(running[0]) if running else start_or_join(glue, workflow)


def wait_for(glue: Any, workflow: str, run_id: str, on_progress: Callable[[str], None]) -> list[JobOutcome]:
    """Wait until a workflow run is over.

    Args:
        glue: boto3 Glue client.
        workflow: its name.
        run_id: the run.
        on_progress: called with a line that shows each job's state.

    Raises:
        DeploymentError: a job failed, with its error and the command that shows its log.
    """
    while True:
        run = glue.get_workflow_run(Name=workflow, RunId=run_id, IncludeGraph=True)["Run"]
        outcomes = _outcomes(run)
        on_progress(" · ".join(f"{job.name} {job.state.lower()}" for job in outcomes) or "starting")
        if run["Status"] in FINISHED:
            break
        time.sleep(POLL_SECONDS)
    failed = [job for job in outcomes if job.state != "SUCCEEDED"]
    if failed or run["Status"] != "COMPLETED":
        reasons = [f"{job.name} {job.state}: {job.error or 'no message'}" for job in failed]
        shown = failed[0].run_id if failed else run_id
        raise DeploymentError(
            f"workflow run {run_id} is {run['Status']}. {' | '.join(reasons)}. "
            f"Its log: aws logs tail /aws-glue/jobs/error --log-stream-name-prefix {shown}"
        )
    return outcomes


def _outcomes(run: Mapping[str, Any]) -> list[JobOutcome]:
    nodes = run.get("Graph", {}).get("Nodes", ())
    runs = [job for node in nodes for job in node.get("JobDetails", {}).get("JobRuns", ())]
    runs.sort(key=lambda job: job["StartedOn"])
    return [
        JobOutcome(
            job["JobName"], job["Id"], job["JobRunState"], int(job.get("ExecutionTime", 0)), job.get("ErrorMessage", "")
        )
        for job in runs
    ]
