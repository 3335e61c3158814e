"""Messages to people about runs: what happened, where, since when, and what to do."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import quote

from job_runs import JobRun
from run_numbers import Check, RunNumbers
from telling import News
from usual import Usual
from wording import console, cost, duration, facts, log_link, object_link, size, time_text
from workflow_runs import LAST_JOB, WorkflowRun

MOST_CHECKS = 20
# What differs from one run to the next in the same error: ids, numbers, times.
_CHANGING = re.compile(r"[0-9a-f]{8}[0-9a-f-]*|\d+")

ADVICE = {
    "FAILED": "The log's last lines name the step and the cause.",
    "ERROR": "Glue itself had an error; usually a new start is enough.",
    "EXPIRED": "The run waited too long for capacity; start it again.",
    "TIMEOUT": "The run took longer than the job's timeout allows. See in the log how far it came; "
    "give the job more workers or a longer timeout.",
    "STOPPED": "Somebody stopped the run. If that was not meant to be, start it again.",
}
HOW = {"TIMEOUT": "ran out of time", "STOPPED": "was stopped"}


@dataclass(frozen=True)
class Place:
    """Where the pipeline is, for links and commands.

    Attributes:
        account, region: of AWS.
        log_group: the jobs' log of errors; "" where each run's own group tells it.
        reports: URI of the page that leads to all quality reports.
    """

    account: str
    region: str
    log_group: str = ""
    reports: str = ""


def failure(run: JobRun, place: Place) -> News:
    """That a job did not do its work."""
    return News(
        "notifications", f"failed#{run.job}", run.id, run.time, f"{run.state}: {run.job}",
        f"The Glue job {run.job} {HOW.get(run.state, 'failed')}.",
        "\n".join([*_facts_of(run, place), "", *_what_to_do(run, place)]), kind=kind_of(run),
    )  # fmt: skip


def success(run: JobRun, place: Place) -> News:
    """That a job does its work again; told only if people believe that it does not."""
    return News(
        "notifications", f"failed#{run.job}", run.id, run.time, f"RECOVERED: {run.job}",
        f"The Glue job {run.job} works again.",
        "\n".join([*_facts_of(run, place), "", "Nothing is to be done: this run did what the failed ones had left."]),
        is_problem=False,
    )  # fmt: skip


def kind_of(run: JobRun) -> str:
    """What sets one failure apart from another: state and error, without what is different in every run."""
    words = _CHANGING.sub("#", run.message.lower())
    return f"{run.state}#{hashlib.sha256(words.encode()).hexdigest()[:16]}"


def last_job_through(run: JobRun, place: Place) -> News:
    """That the last job, started by itself, succeeded."""
    headline = f"The pipeline is through: {run.job}, its last job, succeeded."
    body = "\n".join(_facts_of(run, place))
    subject = f"SUCCEEDED: {run.job}"
    return News("notifications", f"through#{run.job}", run.id, run.time, subject, headline, body, is_routine=True)


def workflow_through(run: WorkflowRun, place: Place) -> News:
    """That every job of a workflow run succeeded: what came in and out, how good it is, what it cost."""
    headline = f"The pipeline is through: {len(run.jobs)} job(s) succeeded in {duration(run.seconds)}."
    return News(
        "notifications", f"through#{run.name}", run.id, run.ended, f"SUCCEEDED: {run.name}", headline,
        "\n".join(_facts_of_workflow(run, place)), is_routine=True,
    )  # fmt: skip


def workflow_broken_off(run: WorkflowRun, place: Place) -> News:
    """That a workflow run ended before all its jobs had run."""
    missing = ", ".join(run.not_started) or "none; Glue ended it"
    state = {**{job.job: job.state for job in run.jobs}, **dict.fromkeys(run.not_started, "not started")}
    start = f"aws glue start-workflow-run --name {run.name} --region {place.region}"
    body = [
        *_facts_of_workflow(run, place),
        "",
        *[f"{name}: {how}" for name, how in state.items()],
        "",
        "What to do",
        f"1. Start again:   {start}",
        "   No file is lost: the ledger knows what is done, and a new run does just what is left.",
        "2. If somebody stopped the run on purpose, nothing is to be done until it shall go on.",
    ]
    return News(
        "notifications", f"broken-off#{run.name}", run.id, run.ended, f"{run.status}: {run.name}",
        f"A run of the workflow {run.name} ended before all its jobs had run. Missing: {missing}.", "\n".join(body),
        kind=f"{run.status}#{missing}",
    )  # fmt: skip


def workflow_whole(run: WorkflowRun) -> News:
    """That the workflow runs to its end (again)."""
    return News(
        "notifications", f"broken-off#{run.name}", run.id, run.ended, f"RECOVERED: {run.name}",
        f"The workflow {run.name} runs to its end again.", is_problem=False, leaves_no_trace=True,
    )  # fmt: skip


def slow(run: JobRun, numbers: RunNumbers, usual: Usual, place: Place) -> News:
    """That a run took longer than is usual for its job."""
    seconds = run.seconds or 0
    rows, ratio = numbers.totals.get("rows_in"), seconds / max(usual.seconds, 1)
    name = f"aws glue get-job-runs --job-name {run.job} --max-results 20 --region {place.region}"
    volumes = f"{rows:,} rows, usually {usual.rows:,.0f}" if rows is not None and usual.rows else ""
    body = facts({
        "Took": f"{duration(seconds)} ({ratio:.1f} times as long as usual)",
        "Usual": f"{duration(usual.seconds)}, the median of the last {usual.runs} successful runs; "
        f"slow from {duration(usual.limit)} on",
        "Read": volumes,
        **_where(run, place),
    })  # fmt: skip
    advice = [
        "",
        "What to do",
        f"1. Compare:       {name}",
        "   and the volumes in the dashboard `data`. More rows than usual explain themselves.",
        "2. If not, see *Use of the workers* and *Memory* in the dashboard `operations`: workers that are all busy",
        "   want more of them or larger ones (job_overrides); one busy and others idle is skew (docs/performance.md).",
    ]
    return News(
        "performance", f"slow#{run.job}", run.id, run.time, f"SLOW: {run.job} took {ratio:.1f} times as long as usual",
        f"A run of the Glue job {run.job} took {duration(seconds)}; usual is {duration(usual.seconds)}.",
        "\n".join([*body, *advice]), kind=f"x{2 ** min(int(ratio).bit_length() - 1, 10)}" if ratio >= 1 else "x1",
    )  # fmt: skip


def quick(run: JobRun, usual: Usual) -> News:
    """That a job is as fast as usual (again)."""
    return News(
        "performance", f"slow#{run.job}", run.id, run.time, f"RECOVERED: {run.job} is as fast as usual",
        f"The Glue job {run.job} is as fast as usual again: {duration(run.seconds)}, usual {duration(usual.seconds)}.",
        is_problem=False, leaves_no_trace=True,
    )  # fmt: skip


def _where(run: JobRun, place: Place) -> dict[str, str]:
    group = place.log_group or f"{run.log_group}/error"
    return {
        "Where": f"account {run.account}, region {run.region}",
        "Run": run.id,
        "Workflow": run.workflow and f"{run.workflow}, run {run.workflow_run_id}",
        "Started": time_text(run.started),
        "Ended": time_text(run.ended or run.time),
        "Duration": duration(run.seconds),
        "Cost": cost(run.cost_usd, run.dpu_hours),
        "Console": _job_link(run),
        "Log": log_link(run.region, group, run.id),
    }


def _facts_of(run: JobRun, place: Place) -> list[str]:
    return facts({"What": run.message or "Glue gave no message.", **_where(run, place)})


def _what_to_do(run: JobRun, place: Place) -> list[str]:
    group = place.log_group or f"{run.log_group}/error"
    log = f"aws logs tail {group} --log-stream-names {run.id} --since 7d --region {run.region}"
    reports = [f"   What is known of the data: {object_link(place.region, place.reports)}"]
    return [
        "What to do",
        f"1. Read the log:  {log}",
        f"   {ADVICE[run.state]}",
        f"2. Start again:   aws glue start-job-run --job-name {run.job} --region {run.region}",
        "   No file is lost: the ledger knows what is done, and a new run does just what is left.",
        *(reports if place.reports and run.job.endswith(LAST_JOB) else []),
    ]


def _facts_of_workflow(run: WorkflowRun, place: Place) -> list[str]:
    checks = [check for job in run.jobs for check in job.numbers.checks]
    link = f"{console(place.region)}/glue/home?region={place.region}#/v2/etl-configuration/workflows/view/"
    return facts({
        "What": run.error,
        "Where": f"account {place.account}, region {place.region}",
        "Run": run.id,
        "Because": _cause(run),
        "Started": time_text(run.started),
        "Ended": time_text(run.ended),
        "Duration": duration(run.seconds),
        "Files": _files(run),
        "Rows": _rows(run),
        "Quality": _scores(checks),
        "Cost": cost(run.cost_usd, run.dpu_hours),
        "Console": link + quote(run.name, safe=""),
        "Reports": object_link(place.region, place.reports) if place.reports and checks else "",
    })  # fmt: skip


def _cause(run: WorkflowRun) -> str:
    trigger, count = run.properties.get("trigger", ""), run.properties.get("object_count", "")
    first = run.properties.get("first_key", "")
    files = f": {count} file(s), the first {first}" if first else ""
    return f"{trigger}{files}" if trigger else ""


def _files(run: WorkflowRun) -> str:
    files, refused = run.total("files", "-data-ingestion"), run.total("files_refused", "-data-ingestion")
    if files is None:
        return ""
    return f"{files:,} ({size(run.total('bytes', '-data-ingestion') or 0)}), {refused or 0:,} of them refused"


def _rows(run: WorkflowRun) -> str:
    read, refused = run.total("rows_in", "-data-ingestion"), run.total("rows_refused", "-data-ingestion")
    curated, rejected = run.total("rows_out", "-data-processing"), run.total("rows_refused", "-data-processing")
    if read is None and curated is None:
        return ""
    return f"{read or 0:,} read, {curated or 0:,} curated, {(refused or 0) + (rejected or 0):,} refused"


def _scores(checks: list[Check]) -> str:
    worst = sorted(checks, key=lambda check: (check.passed, check.score))
    shown = [f"{check.dataset} {check.score:.2f}{'' if check.passed else ' (below its threshold)'}" for check in worst]
    more = f", and {len(shown) - MOST_CHECKS} more" if len(shown) > MOST_CHECKS else ""
    return ", ".join(shown[:MOST_CHECKS]) + more


def _job_link(run: JobRun) -> str:
    return f"{console(run.region)}/gluestudio/home?region={run.region}#/job/{quote(run.job, safe='')}/run/{run.id}"
