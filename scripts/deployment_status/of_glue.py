"""The catalog's database, jobs, workflow, triggers, crawlers, connections and published contracts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from deployment_status.findings import About, Judgement, Problem, bad, judged, warn
from deployment_status.questions import AbsentError, Answers, Clients, Subject, age

FAILED = ("FAILED", "ERROR", "TIMEOUT", "EXPIRED")
RUNNING = ("STARTING", "RUNNING", "STOPPING", "WAITING")
# A run is slow at twice the median of those before it, and by more than a minute: small jobs vary.
_SLOW_FACTOR, _SLOW_SECONDS, _RUNS_TO_COMPARE, _RUNS_READ = 2, 60, 3, 20
_STREAMING = "gluestreaming"


def look_at_database(clients: Clients, subject: Subject) -> Answers:
    """Ask for the catalog's database."""
    return clients("glue").get_database(Name=subject.name)["Database"]


def judge_database(answers: Answers, subject: Subject) -> Judgement:
    """That it answers is all there is to it."""
    return judged("is there")


def look_at_job(clients: Clients, subject: Subject) -> Answers:
    """Ask for a job, its script, and its last runs."""
    glue = clients("glue")
    job = glue.get_job(JobName=subject.name)["Job"]
    runs = glue.get_job_runs(JobName=subject.name, MaxResults=_RUNS_READ)["JobRuns"]
    return {"job": job, "runs": runs, "script_there": _is_there(clients, job["Command"]["ScriptLocation"])}


def _is_there(clients: Clients, uri: str) -> bool:
    place = urlsplit(uri)
    key = place.path.lstrip("/")
    found = clients("s3").list_objects_v2(Bucket=place.netloc, Prefix=key, MaxKeys=1).get("Contents", [])
    return any(item["Key"] == key for item in found)


def judge_job(answers: Answers, subject: Subject) -> Judgement:
    """A job has its script, and its last run went well and took no longer than usual."""
    command = answers["job"]["Command"]
    runs = sorted(answers["runs"], key=lambda run: run["StartedOn"], reverse=True)
    problems = []
    if not answers["script_there"]:
        problems.append(bad(f"its script {command['ScriptLocation']} is missing", f"{subject.deploy} uploads it"))
    if not runs:
        return judged("has not run yet", problems, runs=0)
    last, usual = runs[0], _usual(runs[1:]) if command.get("Name") != _STREAMING else None
    problems += _problems_of_run(last, usual, subject)
    return judged(
        _described(last, usual, subject.now),
        problems,
        last_run=last["Id"],
        state=last["JobRunState"],
        started_at=last["StartedOn"].isoformat(),
        seconds=_seconds(last, subject.now),
        usual_seconds=usual,
    )


def _usual(runs: list[Mapping[str, Any]]) -> float | None:
    seconds = [run["ExecutionTime"] for run in runs if run["JobRunState"] == "SUCCEEDED" and run.get("ExecutionTime")]
    return median(seconds) if len(seconds) >= _RUNS_TO_COMPARE else None


def _seconds(run: Mapping[str, Any], now: datetime) -> float:
    if run["JobRunState"] in RUNNING:
        return (now - run["StartedOn"]).total_seconds()
    return float(run.get("ExecutionTime", 0))


def _problems_of_run(run: Mapping[str, Any], usual: float | None, subject: Subject) -> Iterator[Problem]:
    log = f"aws glue get-job-run --job-name {subject.name} --run-id {run['Id']}"
    if run["JobRunState"] in FAILED:
        reason = " ".join(run.get("ErrorMessage", "no message").split())
        yield bad(f"its last run is {run['JobRunState']}: {reason}", log, About.OPERATION)
    seconds = _seconds(run, subject.now)
    if usual is not None and seconds > max(_SLOW_FACTOR * usual, usual + _SLOW_SECONDS):
        yield warn(f"its last run took {seconds:.0f} s, usual are {usual:.0f} s", "docs/guides/operations.md#job-slow")


def _described(run: Mapping[str, Any], usual: float | None, now: datetime) -> str:
    compared = "" if usual is None else f" (usual {usual:.0f} s)"
    state, seconds = run["JobRunState"].lower(), _seconds(run, now)
    return f"last run {state}, {age(run['StartedOn'], now)} ago, {seconds:.0f} s{compared}"


def look_at_workflow(clients: Clients, subject: Subject) -> Answers:
    """Ask for a workflow and its last run."""
    return clients("glue").get_workflow(Name=subject.name)["Workflow"]


def judge_workflow(answers: Answers, subject: Subject) -> Judgement:
    """No job of the last run failed."""
    run = answers.get("LastRun")
    if not run:
        return judged("has not run yet")
    counts = run.get("Statistics", {})
    failed = sum(counts.get(f"{how}Actions", 0) for how in ("Failed", "Timeout", "Errored"))
    problems = []
    if failed or run["Status"] == "ERROR":
        text = f"{failed} job(s) of its last run failed" if failed else f"its last run is {run['Status']}"
        command = f"aws glue get-workflow-run --name {subject.name} --run-id {run['WorkflowRunId']} --include-graph"
        problems.append(bad(text, command, About.OPERATION))
    return judged(
        f"last run {run['Status'].lower()}, {age(run['StartedOn'], subject.now)} ago",
        problems,
        last_run=run["WorkflowRunId"],
        status=run["Status"],
        started_at=run["StartedOn"].isoformat(),
        failed_jobs=failed,
    )


def look_at_trigger(clients: Clients, subject: Subject) -> Answers:
    """Ask for a trigger's state."""
    return clients("glue").get_trigger(Name=subject.name)["Trigger"]


def judge_trigger(answers: Answers, subject: Subject) -> Judgement:
    """A trigger that is to fire by itself is activated."""
    state, problems = answers["State"], []
    if subject.key in subject.expected["enabled_triggers"] and state not in ("ACTIVATED", "ACTIVATING"):
        problems.append(bad(f"is {state}: it starts nothing", f"aws glue start-trigger --name {subject.name}"))
    kind = answers["Type"].lower().replace("_", " ")
    return judged(kind if problems else f"{state.lower()}, {kind}", problems, state=state)


def look_at_crawler(clients: Clients, subject: Subject) -> Answers:
    """Ask for a crawler and its last run."""
    return clients("glue").get_crawler(Name=subject.name)["Crawler"]


def judge_crawler(answers: Answers, subject: Subject) -> Judgement:
    """A crawler's last run did not fail; the pipeline works without."""
    last = answers.get("LastCrawl", {})
    problems = []
    if last.get("Status") == "FAILED":
        text = f"its last run failed: {last.get('ErrorMessage', 'no message')}"
        problems.append(warn(text, f"aws logs tail /aws-glue/crawlers --log-stream-names {subject.name}"))
    return judged(f"last run {last['Status'].lower()}" if "Status" in last else "has not run yet", problems)


def look_at_connection(clients: Clients, subject: Subject) -> Answers:
    """Ask for a connection, without the password it may hold."""
    return clients("glue").get_connection(Name=subject.name, HidePassword=True)["Connection"]


def judge_connection(answers: Answers, subject: Subject) -> Judgement:
    """A connection can be used."""
    status = answers.get("Status", "READY")
    problems = [bad(f"is {status}: {answers.get('StatusReason', 'no reason given')}")] if status == "FAILED" else []
    return judged(status.lower(), problems)


def look_at_contract(clients: Clients, subject: Subject) -> Answers:
    """Ask whether a dataset's contract was published."""
    place = f"s3://{subject.parts['buckets']['scripts']}/{subject.name}"
    if not _is_there(clients, place):
        raise AbsentError(place)
    return {"place": place}


def judge_contract(answers: Answers, subject: Subject) -> Judgement:
    """That it is there is all there is to it."""
    return judged("is published")
