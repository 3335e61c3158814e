"""The steps of a check: what is made, what is watched, what comes of a run. `runner` takes them all, a Lambda some."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from glue_health_check import reason
from glue_health_check.cloud.cleanup import Cleaning
from glue_health_check.cloud.clients import Clients
from glue_health_check.cloud.job import Definition, base_job, create_job, definition
from glue_health_check.cloud.libraries import libraries_of
from glue_health_check.cloud.manifest import Manifest, manifest_of
from glue_health_check.cloud.names import Names, Places
from glue_health_check.cloud.places import (
    library_content,
    make_bucket,
    make_database,
    make_table,
    put_bytes,
    put_path,
)
from glue_health_check.cloud.watch import RunResult
from glue_health_check.cloud.writes import Place, buckets_named, place_of
from glue_health_check.models import CheckResult, Finding, Status
from glue_health_check.output.checks import check_outputs
from glue_health_check.settings import Check, JobSpec
from glue_health_check.static import Subject, check_script
from glue_health_check.static.arguments import declared_in
from glue_health_check.stub import LAST_DAY, stub_data
from glue_health_check.versions import glue_version
from glue_health_check.wrapper.choose import script_text

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """A check with its names, before anything is made.

    Attributes:
        check: what is asked for.
        names: of the check.
        specs, jobs, definitions: of the jobs in their order, the checked one last.
        places: what placeholders stand for.
    """

    check: Check
    names: Names
    specs: tuple[JobSpec, ...]
    jobs: tuple[str, ...]
    places: Places
    definitions: tuple[Definition, ...]

    def manifest(self, started: datetime) -> Manifest:
        """Everything that the check will make."""
        names, check = self.names, self.check
        return manifest_of(
            names,
            check.job.script.as_posix(),
            started,
            self.expires(started),
            jobs=self.jobs,
            buckets=tuple(map(names.place, check.buckets)),
            tables=tuple(map(names.place, check.tables)),
            databases=tuple(map(names.database, check.databases)),
        )

    def expires(self, started: datetime) -> datetime:
        """When a sweeper may remove what is left."""
        return started + timedelta(minutes=self.check.ttl_minutes)


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


def job_names(check: Check, names: Names) -> tuple[str, ...]:
    """Names of a check's jobs in their order, the checked one last."""
    before = [names.job(spec.script.stem, step) for step, spec in enumerate(check.before, 1)]
    return (*before, names.job(check.job.script.stem))


def places_of(check: Check, names: Names) -> Places:
    """What a check's placeholders stand for."""
    return Places(names, job_names(check, names)[-1], check.buckets, tuple(check.tables), check.databases)


def plan_of(check: Check, names: Names, aws: Clients) -> Plan:
    """Plan a check; wrong placeholders are found before anything is made.

    Raises:
        MisuseError: a placeholder stands for nothing, or a base job is not there.
    """
    specs, places = (*check.before, check.job), places_of(check, names)
    definitions = tuple(_definition(spec, aws, places) for spec in specs)
    for output in check.outputs:
        places.fill(output.path)
    return Plan(check, names, specs, job_names(check, names), places, definitions)


def make(plan: Plan, aws: Clients, started: datetime, progress: Progress) -> None:
    """Make everything that a check needs. Its manifest must have been put before.

    Raises:
        MisuseError: an input can't be used.
        InfrastructureError: AWS refused.
    """
    tags = plan.names.tags(plan.expires(started))
    _make_places(plan, aws, tags, progress)
    for spec, name, made in zip(plan.specs, plan.jobs, plan.definitions, strict=True):
        script = _put_script(spec, aws, plan.places, name)
        create_job(aws, name, made, script, plan.check.timeout_minutes, tags)
        progress(f"made the job {name}")


def guarded(plan: Plan) -> tuple[list[Place], list[Place]]:
    """Where the job must not write, and what is passed over there.

    That is what its arguments name beside its own places, and what the check says.
    """
    check, names = plan.check, plan.names
    own = [Place(names.place(role)) for role in check.buckets]
    named = {bucket for made in plan.definitions for bucket in buckets_named(made.all_arguments)}
    # Other checks write to the work bucket, each below its own prefix.
    ignored = [*own, *(place_of(text) for text in check.guard_ignore), Place(names.work_bucket, "glue-health-checks/")]
    chosen = {place_of(plan.places.fill(text)) for text in check.guard}
    buckets = {place.bucket for place in chosen}
    chosen |= {Place(bucket) for bucket in {*named, names.work_bucket} if bucket not in buckets}
    return sorted(chosen - set(own), key=lambda place: place.uri), ignored


def run_result(check: Check, step: int, result: RunResult) -> CheckResult:
    """What came of a run.

    Args:
        check: what is asked for.
        step: which of its jobs ran, from 0; the checked one is the last.
        result: how the run ended.
    """
    spec = (*check.before, check.job)[step]
    name = "run" if step == len(check.before) else f"{spec.script.name}: run"
    facts = {"run_id": result.run_id, "state": result.state}
    summary = f"{result.state} after {result.seconds:g} s"
    if result.state == "SUCCEEDED":
        return CheckResult(name, Status.PASSED, (), summary, result.seconds, facts)
    finding = reason.of_run(result, spec.script.as_posix(), check.timeout_minutes)
    status = Status.ERROR if result.state in ("ERROR", "EXPIRED") else Status.FAILED
    return CheckResult(name, status, (finding,), summary, result.seconds, facts)


def output_results(check: Check, places: Places, aws: Clients, before: Sequence[CheckResult]) -> list[CheckResult]:
    """The checks of what was written; skipped when a run before did not succeed.

    Raises:
        MisuseError: an output can't be looked at.
        InfrastructureError: S3 failed.
    """
    if all(result.status is Status.PASSED for result in before if result.name.endswith("run")):
        return check_outputs(aws, check.outputs, places)
    names = ("schema", "rows", "rules")
    return [CheckResult(name, Status.SKIPPED, summary="the job did not succeed") for name in names]


def cleanup_result(cleaning: Cleaning) -> CheckResult:
    """What came of the removal."""
    left = tuple(Finding(text, "the sweeper tries again after the TTL") for text in cleaning.left)
    return CheckResult("cleanup", Status.ERROR if left else Status.PASSED, left, f"{len(cleaning.removed)} removed")


def _make_places(plan: Plan, aws: Clients, tags: dict[str, str], progress: Progress) -> None:
    check, names = plan.check, plan.names
    for role in check.buckets:
        make_bucket(aws, names.place(role), tags)
    for role, spec in check.tables.items():
        make_table(aws, names.place(role), spec, tags)
    for role in check.databases:
        make_database(aws, names.database(role), tags)
    for one in check.inputs:
        target = plan.places.fill(one.to)
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
    libraries = ",".join(f"{{prefix}}/script/{name}" for name in _library_names(spec.extra_py_files))
    return definition(spec, base, places, libraries)


def _library_names(paths: Iterable[Path]) -> list[str]:
    return [path.name if path.is_file() else f"{path.name}.zip" for path in paths]


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
