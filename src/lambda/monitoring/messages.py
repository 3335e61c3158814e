"""Messages to people about the runs of the Glue jobs: what happened, where, since when, and what to do."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from job_runs import JobRun

LAST_JOB = "-data-quality"  # its success means that the whole workflow is through
SUBJECT_LENGTH = 100  # SNS takes no more

ADVICE = {
    "FAILED": "The log's last lines name the step and the cause.",
    "ERROR": "Glue itself had an error; usually a new start is enough.",
    "EXPIRED": "The run waited too long for capacity; start it again.",
    "TIMEOUT": "The run took longer than the job's timeout allows. See in the log how far it came; "
    "give the job more workers or a longer timeout.",
    "STOPPED": "Somebody stopped the run. If that was not meant to be, start it again.",
}


def is_worth_telling(run: JobRun) -> bool:
    """Whether people get a message: every end but success, and the success of the last job."""
    if run.state == "SUCCEEDED":
        return run.job.endswith(LAST_JOB)
    return run.has_ended


def subject(run: JobRun) -> str:
    """One line of ASCII, as SNS wants it."""
    text = f"{run.state}: {run.job}"
    return text.encode("ascii", "replace").decode()[:SUBJECT_LENGTH]


def text(run: JobRun) -> str:
    """The message itself."""
    lines = [_headline(run), "", *_facts(run)]
    if run.state != "SUCCEEDED":
        lines += ["", *_what_to_do(run)]
    return "\n".join(lines) + "\n"


def _headline(run: JobRun) -> str:
    if run.state == "SUCCEEDED":
        return f"The pipeline is through: {run.job}, its last job, succeeded."
    how = {"TIMEOUT": "ran out of time", "STOPPED": "was stopped"}.get(run.state, "failed")
    return f"The Glue job {run.job} {how}."


def _facts(run: JobRun) -> list[str]:
    facts = {
        "What": run.message or "Glue gave no message.",
        "Where": f"account {run.account}, region {run.region}",
        "Run": run.id,
        "Started": _time(run.started),
        "Ended": _time(run.ended or run.time),
        "Duration": _duration(run.seconds),
        "Console": _console_link(run),
    }
    return [f"{name + ':':<10}{value}" for name, value in facts.items()]


def _what_to_do(run: JobRun) -> list[str]:
    log = f"aws logs tail {run.log_group}/error --log-stream-names {run.id} --since 7d --region {run.region}"
    return [
        "What to do",
        f"1. Read the log:  {log}",
        f"   {ADVICE[run.state]}",
        f"2. Start again:   aws glue start-job-run --job-name {run.job} --region {run.region}",
        "   No file is lost: the ledger knows what is done, and a new run does just what is left.",
    ]


def _console_link(run: JobRun) -> str:
    job = quote(run.job, safe="")
    return f"https://console.aws.amazon.com/gluestudio/home?region={run.region}#/job/{job}/run/{run.id}"


def _time(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC" if time else "not known"


def _duration(seconds: int | None) -> str:
    if seconds is None:
        return "not known"
    hours, rest = divmod(seconds, 3600)
    parts = [f"{hours} h"] if hours else []
    return " ".join([*parts, f"{rest // 60} min", f"{rest % 60} s"])
