"""One health check from its start to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from glue_health_check import reason, signals
from glue_health_check.cloud.cleanup import Cleaning, clean
from glue_health_check.cloud.clients import Clients
from glue_health_check.cloud.job import Definition, base_job, create_job, definition
from glue_health_check.cloud.libraries import libraries_of
from glue_health_check.cloud.manifest import Manifest, manifest_of, put_manifest
from glue_health_check.cloud.names import Names, Places, new_names
from glue_health_check.cloud.places import (
    library_content,
    make_bucket,
    make_database,
    make_table,
    put_bytes,
    put_path,
)
from glue_health_check.cloud.watch import RunResult, run_job
from glue_health_check.cloud.writes import Place, Snapshot, buckets_named, place_of, snapshot, writes_outside
from glue_health_check.errors import CancelledError, HealthCheckError, MisuseError
from glue_health_check.models import CheckResult, Finding, Report, Status, judged
from glue_health_check.output.checks import check_outputs
from glue_health_check.settings import Check, JobSpec
from glue_health_check.static import Subject, check_script
from glue_health_check.static.arguments import declared_in
from glue_health_check.stub import LAST_DAY, stub_data
from glue_health_check.versions import glue_version
from glue_health_check.wrapper.choose import script_text

Progress = Callable[[str], None]


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


def static_checks(check: Check, aws: Clients | None) -> list[CheckResult]:
    """All static checks of a check's jobs; names of those of earlier jobs have the script before them.

    Args:
        check: what is asked for.
        aws: to read base jobs and libraries; None looks at what is on this machine only.

    Raises:
        MisuseError: a file can't be used.
        InfrastructureError: AWS failed.
    """
    results = _static(check.job, aws)
    for spec in check.before:
        for result in _static(spec, aws):
            name = f"{spec.script.name}: {result.name}"
            results.append(CheckResult(name, result.status, result.findings, result.summary))
    return results


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
    left = [Finding(text, "the sweeper tries again after the TTL") for text in state.cleaning.left]
    status = Status.ERROR if left else Status.PASSED
    summary = f"{len(state.cleaning.removed)} removed"
    state.checks.append(CheckResult("cleanup", status, tuple(left), summary))
    return _report(check, options, state)


def _on_aws(check: Check, options: Options, aws: Clients, state: _State) -> None:
    names = state.names = new_names(options.pull_request, options.work_bucket)
    specs = [*check.before, check.job]
    jobs = [names.job(spec.script.stem, step) for step, spec in enumerate(check.before, 1)]
    jobs.append(names.job(check.job.script.stem))
    places = Places(names, jobs[-1], check.buckets, tuple(check.tables), check.databases)
    definitions = [
        _definition(spec, aws, places) for spec in specs
    ]  # wrong placeholders are found before anything is made
    for output in check.outputs:
        places.fill(output.path)
    expires = state.started + timedelta(minutes=check.ttl_minutes)
    manifest = manifest_of(
        names,
        check.job.script.as_posix(),
        state.started,
        expires,
        jobs=tuple(jobs),
        buckets=tuple(map(names.place, check.buckets)),
        tables=tuple(map(names.place, check.tables)),
        databases=tuple(map(names.database, check.databases)),
    )
    with _cleaned(aws, manifest, options, state):
        _make_places(check, aws, names, places, names.tags(expires), options.progress)
        for spec, name, made in zip(specs, jobs, definitions, strict=True):
            script = _put_script(spec, aws, places, name)
            create_job(aws, name, made, script, check.timeout_minutes, names.tags(expires))
            options.progress(f"made the job {name}")
        deadline = state.begun + check.timeout_minutes * 60
        guarded, ignored = _guarded(check, names, places, definitions)
        before = snapshot(aws, guarded)
        for spec, name in zip(specs, jobs, strict=True):
            result = run_job(aws, name, deadline, options.poll_seconds, options.progress)
            state.log = result.log
            is_last = spec is check.job
            state.checks.append(_run_check("run" if is_last else f"{spec.script.name}: run", spec, check, result))
            if is_last:
                state.job = {"name": name, "run_id": result.run_id, "state": result.state, "seconds": result.seconds}
            if state.checks[-1].status is not Status.PASSED:
                break
        _check_after(check, aws, places, state, before, guarded, ignored)


def _check_after(
    check: Check,
    aws: Clients,
    places: Places,
    state: _State,
    before: Snapshot,
    guarded: list[Place],
    ignored: list[Place],
) -> None:
    # A failed job may have written outside, too.
    findings = writes_outside(before, snapshot(aws, guarded), ignored)
    state.checks.append(judged("writes", findings, f"{len(guarded)} places watched"))
    runs = [result for result in state.checks if result.name.endswith("run")]
    if all(result.status is Status.PASSED for result in runs):
        state.checks += check_outputs(aws, check.outputs, places)
    else:
        state.checks += [
            CheckResult(name, Status.SKIPPED, summary="the job did not succeed") for name in ("schema", "rows", "rules")
        ]


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


def _make_places(
    check: Check, aws: Clients, names: Names, places: Places, tags: dict[str, str], progress: Progress
) -> None:
    for role in check.buckets:
        make_bucket(aws, names.place(role), tags)
    for role, spec in check.tables.items():
        make_table(aws, names.place(role), spec, tags)
    for role in check.databases:
        make_database(aws, names.database(role), tags)
    for one in check.inputs:
        target = places.fill(one.to)
        if one.file is not None:
            number = put_path(aws, one.file, target)
            progress(f"input: {number} files to {target}")
        elif one.schema is not None:
            put_bytes(aws, target, stub_data(one.schema, one.rows, one.format, one.seed, one.last_day or LAST_DAY))
            progress(f"input: {one.rows} rows of stub data to {target}")


def _put_script(spec: JobSpec, aws: Clients, places: Places, job: str) -> str:
    names = places.names
    for path in spec.extra_py_files:
        name, content = library_content(path)
        put_bytes(aws, f"{names.prefix_uri}/script/{name}", content)
    uri = f"{names.prefix_uri}/script/{job}/{spec.script.name}"
    put_bytes(aws, uri, script_text(spec, places.fill).encode())
    return uri


def _definition(spec: JobSpec, aws: Clients | None, places: Places | None) -> Definition:
    base = base_job(aws, spec.base) if spec.base and aws is not None else None
    names = [path.name if path.is_file() else f"{path.name}.zip" for path in spec.extra_py_files]
    libraries = ",".join(f"{{prefix}}/script/{name}" for name in names)
    return definition(spec, base, places, libraries)


def _static(spec: JobSpec, aws: Clients | None) -> list[CheckResult]:
    made = _definition(spec, aws, None)
    glue_version(made.glue_version)
    knows_definition = not spec.base or aws is not None
    return check_script(
        Subject(
            spec.script,
            made.glue_version,
            made.all_arguments if knows_definition else None,
            libraries_of(spec, made, aws),
            [demand for place in spec.arguments_from for demand in declared_in(place)],
            made.kind == "pythonshell",
        )
    )


def _guarded(
    check: Check, names: Names, places: Places, definitions: list[Definition]
) -> tuple[list[Place], list[Place]]:
    """Where the job must not write: what its arguments name beside its own places, and what the check says."""
    own = [Place(names.place(role)) for role in check.buckets]
    named = {bucket for made in definitions for bucket in buckets_named(made.all_arguments)}
    # Other checks write to the work bucket, each below its own prefix.
    ignored = [*own, *(place_of(text) for text in check.guard_ignore), Place(names.work_bucket, "glue-health-checks/")]
    guarded = {place_of(places.fill(text)) for text in check.guard}
    chosen = {place.bucket for place in guarded}
    guarded |= {Place(bucket) for bucket in {*named, names.work_bucket} if bucket not in chosen}
    return sorted(guarded - set(own), key=lambda place: place.uri), ignored


def _run_check(name: str, spec: JobSpec, check: Check, result: RunResult) -> CheckResult:
    facts = {"run_id": result.run_id, "state": result.state}
    summary = f"{result.state} after {result.seconds:g} s"
    if result.state == "SUCCEEDED":
        return CheckResult(name, Status.PASSED, (), summary, result.seconds, facts)
    finding = reason.of_run(result, spec.script.as_posix(), check.timeout_minutes)
    status = Status.ERROR if result.state in ("ERROR", "EXPIRED") else Status.FAILED
    return CheckResult(name, status, (finding,), summary, result.seconds, facts)


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
