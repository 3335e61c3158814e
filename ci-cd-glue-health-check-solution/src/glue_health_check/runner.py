"""One health check from its start to its end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from glue_health_check import signals
from glue_health_check.cloud.cleanup import Cleaning, clean
from glue_health_check.cloud.clients import Clients
from glue_health_check.cloud.manifest import Manifest, put_manifest
from glue_health_check.cloud.names import Names, new_names
from glue_health_check.cloud.watch import run_job
from glue_health_check.cloud.writes import snapshot, writes_outside
from glue_health_check.errors import CancelledError, HealthCheckError, MisuseError
from glue_health_check.models import CheckResult, Finding, Report, Status, judged
from glue_health_check.settings import Check
from glue_health_check.steps import (
    Plan,
    Progress,
    cleanup_result,
    guarded,
    make,
    output_results,
    plan_of,
    run_result,
    static_checks,
)


@dataclass(frozen=True)
class Options:
    """How a check is run.

    Attributes:
        pull_request: its number; 0 for none.
        work_bucket: for manifests, scripts, and the check's own prefix.
        poll_seconds: between two looks at the run.
        strict: whether warnings fail the check.
        progress: is told what happens.
    """

    pull_request: int
    work_bucket: str
    poll_seconds: float = 5.0
    strict: bool = False
    progress: Progress = print


@dataclass
class _State:
    """What is known so far, for the report in every case."""

    started: datetime
    begun: float
    checks: list[CheckResult] = field(default_factory=list)
    job: dict[str, Any] = field(default_factory=dict)
    log: tuple[str, ...] = ()
    cleaning: Cleaning = field(default_factory=Cleaning)
    names: Names | None = None


def run_check(check: Check, options: Options, aws: Clients) -> Report:
    """Make one health check. Whatever happens, what it made is removed before this returns or raises.

    Args:
        check: what is asked for.
        options: how it is run.
        aws: the services.

    Raises:
        MisuseError: the check can't be made as it was asked for.
    """
    check.checked()
    state = _State(datetime.now(timezone.utc), time.monotonic())
    state.checks += static_checks(check, aws)
    for result in state.checks:
        options.progress(f"{result.name}: {result.status.value}")
    if any(result.status is Status.FAILED for result in state.checks):
        return _report(check, options, state)
    with signals.cancellable():
        try:
            _on_aws(check, options, aws, state)
        except MisuseError:
            raise
        except (HealthCheckError, CancelledError) as error:
            name = "cancelled" if isinstance(error, CancelledError) else "infrastructure"
            state.checks.append(CheckResult(name, Status.ERROR, (Finding(str(error)),)))
    state.checks.append(cleanup_result(state.cleaning))
    return _report(check, options, state)


def _on_aws(check: Check, options: Options, aws: Clients, state: _State) -> None:
    names = state.names = new_names(options.pull_request, options.work_bucket)
    plan = plan_of(check, names, aws)
    with _cleaned(aws, plan.manifest(state.started), options, state):
        make(plan, aws, state.started, options.progress)
        watched, ignored = guarded(plan)
        before = snapshot(aws, watched)
        _run_jobs(plan, options, aws, state)
        # A failed job may have written outside, too.
        findings = writes_outside(before, snapshot(aws, watched), ignored)
        state.checks.append(judged("writes", findings, f"{len(watched)} places watched"))
        state.checks += output_results(check, plan.places, aws, state.checks)


def _run_jobs(plan: Plan, options: Options, aws: Clients, state: _State) -> None:
    """Run the jobs one after the other, up to the first that does not succeed."""
    deadline = state.begun + plan.check.timeout_minutes * 60
    for step, name in enumerate(plan.jobs):
        result = run_job(aws, name, deadline, options.poll_seconds, options.progress)
        state.log = result.log
        state.checks.append(run_result(plan.check, step, result))
        if name == plan.jobs[-1]:
            state.job = {"name": name, "run_id": result.run_id, "state": result.state, "seconds": result.seconds}
        if state.checks[-1].status is not Status.PASSED:
            return


@contextmanager
def _cleaned(aws: Clients, manifest: Manifest, options: Options, state: _State) -> Iterator[None]:
    """Everything that is made inside is written down before it, and removed after it."""
    put_manifest(aws, manifest)
    options.progress(f"check {manifest.id}: everything it makes is in s3://{manifest.work_bucket}/{manifest.key}")
    try:
        yield
    finally:
        with signals.held():
            options.progress("removing everything that was made")
            state.cleaning = clean(aws, manifest, options.poll_seconds)
            for text in state.cleaning.left:
                options.progress(f"left behind: {text}")


def _report(check: Check, options: Options, state: _State) -> Report:
    return Report(
        id=state.names.id if state.names else "",
        script=check.job.script.as_posix(),
        pull_request=options.pull_request,
        started_at=state.started.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - state.begun, 3),
        checks=tuple(state.checks),
        job=state.job,
        log=state.log,
        removed=tuple(state.cleaning.removed),
        left=tuple(state.cleaning.left),
        strict=options.strict,
    )
