"""The command line: glue-health-check run, static, sweep, stub-data, report."""

from __future__ import annotations

import os
import sys
import traceback
from datetime import date, datetime, timedelta, timezone
from enum import Enum
from pathlib import Path
from typing import Annotated, NoReturn, Optional

import typer
from rich.console import Console

from glue_health_check import signals
from glue_health_check.changes import affected, changed_files, check_files
from glue_health_check.choices import Choices, check_of, work_bucket_of
from glue_health_check.cloud.clients import clients
from glue_health_check.cloud.sweep import sweep as sweep_all
from glue_health_check.errors import INFRASTRUCTURE, CancelledError, HealthCheckError, MisuseError
from glue_health_check.lambdas.client import Functions, check_by_lambda
from glue_health_check.models import Report
from glue_health_check.reporting import read_report, report_json
from glue_health_check.reporting.junit import junit_xml
from glue_health_check.reporting.markdown import github_annotations as annotated
from glue_health_check.reporting.markdown import markdown
from glue_health_check.reporting.terminal import show
from glue_health_check.runner import Options, run_check
from glue_health_check.settings import DEFAULT_TTL_MINUTES
from glue_health_check.several import Several, summary_markdown
from glue_health_check.steps import static_checks
from glue_health_check.stub import LAST_DAY, stub_data

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Proves a pull request's AWS Glue job before it merges.",
)

# Options that run and static share. typer needs Optional: it reads annotations on every Python from 3.10 on.
Config = Annotated[Optional[Path], typer.Option("--config", "-c", help="Check file (docs/check_file.md).")]  # noqa: UP045
Script = Annotated[Optional[Path], typer.Option(help="The branch's job script.")]  # noqa: UP045
Base = Annotated[str, typer.Option("--base-job", help="An existing job to clone.")]
Version = Annotated[str, typer.Option("--glue-version", help="Such as 5.1; by default that of the base job.")]
Argument = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--argument", "-a", metavar="NAME=VALUE", help="A job argument; may be given more than once."),
]
Region = Annotated[Optional[str], typer.Option(envvar="AWS_REGION", help="AWS region.")]  # noqa: UP045
Json = Annotated[Optional[Path], typer.Option("--json", help="Write the report as JSON.")]  # noqa: UP045
Junit = Annotated[Optional[Path], typer.Option(help="Write the report as JUnit XML.")]  # noqa: UP045
Markdown = Annotated[Optional[Path], typer.Option("--markdown", help="Write the report as Markdown.")]  # noqa: UP045
Strict = Annotated[bool, typer.Option(help="Warnings fail the check.")]
Annotate = Annotated[bool, typer.Option(envvar="GITHUB_ACTIONS", help="Print findings as GitHub's annotations.")]
WorkBucket = Annotated[
    str, typer.Option(envvar="HEALTH_CHECK_BUCKET", help="Bucket for the check's objects; or SCRIPT_LOCATION names it.")
]
ScriptLocation = Annotated[
    str, typer.Option(envvar="SCRIPT_LOCATION", help="s3://bucket/…: its bucket is the work bucket.")
]


class Format(str, Enum):
    """How stub data are written."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class ReportFormat(str, Enum):
    """How a report is written."""

    MARKDOWN = "markdown"
    JUNIT = "junit"
    GITHUB = "github"
    TERMINAL = "terminal"


@app.command()
def run(
    script: Script = None,
    pr: Annotated[int, typer.Option("--pr", min=0, help="Number of the pull request.")] = 0,
    config: Config = None,
    work_bucket: WorkBucket = "",
    script_location: ScriptLocation = "",
    base_job: Base = "",
    role: Annotated[str, typer.Option(envvar="HEALTH_CHECK_ROLE", help="Role of the temporary job.")] = "",
    glue_version: Version = "",
    argument: Argument = None,
    schema: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Contract or schema from which stub data are made, into {input}/."),
    ] = None,
    rows: Annotated[int, typer.Option(min=0, help="Rows of stub data.")] = 100,
    seed: Annotated[int, typer.Option(help="Other seeds give other stub data.")] = 0,
    input_format: Annotated[Format, typer.Option(help="Format of the stub data.")] = Format.CSV,
    input_file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="A file or folder that is put into {input}/."),
    ] = None,
    expect: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Contract or schema of the Parquet files that must be in {output}/."),
    ] = None,
    guard: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(help="Bucket or s3://bucket/prefix/ where the job must not write."),
    ] = None,
    timeout: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(envvar="HEALTH_CHECK_TIMEOUT", min=0, help="Minutes for the whole check."),
    ] = None,
    ttl: Annotated[Optional[float], typer.Option(min=0, help="Minutes after which a sweeper cleans up.")] = None,  # noqa: UP045
    poll: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks at the run.")] = 5.0,
    region: Region = None,
    json_path: Json = None,
    junit: Junit = None,
    markdown_path: Markdown = None,
    strict: Strict = False,
    github_annotations: Annotate = False,
    use_lambda: Annotated[
        bool, typer.Option(envvar="USE_LAMBDA", help="Have Lambdas make it (docs/lambda.md).")
    ] = False,
    trigger: Annotated[str, typer.Option(envvar="LAMBDA_TRIGGER_FUNCTION", help="Lambda that starts it.")] = "",
    monitor: Annotated[str, typer.Option(envvar="LAMBDA_MONITOR_FUNCTION", help="Lambda that follows it.")] = "",
    cleanup: Annotated[str, typer.Option(envvar="LAMBDA_CLEANUP_FUNCTION", help="Lambda that removes it.")] = "",
) -> None:
    """Health-check a job: static checks, a temporary job on stub data, checks of its output, removal of it all."""
    choices = Choices(
        config, script, base_job, role, glue_version, tuple(argument or ()), schema, rows, seed, input_format.value,
        input_file, expect, tuple(guard or ()), timeout, ttl,
    )  # fmt: skip
    check, bucket = check_of(choices), work_bucket_of(work_bucket, script_location)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    options = Options(pr, bucket, poll, strict, lambda text: console.print(text, markup=False))
    if use_lambda:
        report = check_by_lambda(check, options, Functions(trigger, cleanup, monitor), clients(region))
    else:
        report = run_check(check, options, clients(region))
    _tell(report, json_path, junit, markdown_path, github_annotations)


@app.command()
def static(
    script: Script = None,
    config: Config = None,
    base_job: Base = "",
    glue_version: Version = "",
    argument: Argument = None,
    region: Region = None,
    json_path: Json = None,
    junit: Junit = None,
    markdown_path: Markdown = None,
    strict: Strict = False,
    offline: Annotated[bool, typer.Option(help="Ask AWS nothing: the base job's definition is not read.")] = False,
    github_annotations: Annotate = False,
) -> None:
    """Only the checks that need no job run: syntax, Glue version, imports, arguments, secrets."""
    check = check_of(Choices(config, script, base_job, "", glue_version, tuple(argument or ())))
    asks = not offline and any(spec.base for spec in (check.job, *check.before))
    started = datetime.now(timezone.utc)
    checks = static_checks(check, clients(region) if asks else None)
    seconds = round((datetime.now(timezone.utc) - started).total_seconds(), 3)
    text = started.isoformat(timespec="seconds")
    report = Report("", check.job.script.as_posix(), 0, text, seconds, tuple(checks), strict=strict)
    _tell(report, json_path, junit, markdown_path, github_annotations)


@app.command()
def changed(
    places: Annotated[
        list[Path], typer.Argument(metavar="CHECK_FILE_OR_FOLDER...", help="Check files to choose from.")
    ],
    pr: Annotated[int, typer.Option("--pr", min=0, help="Number of the pull request.")] = 0,
    since: Annotated[str, typer.Option(help="Branch that the pull request goes to.")] = "origin/main",
    workers: Annotated[int, typer.Option(min=1, help="Checks side by side.")] = 4,
    reports: Annotated[Path, typer.Option(help="Folder for all reports and summary.md.")] = Path(
        "health-check-reports"
    ),
    work_bucket: WorkBucket = "",
    script_location: ScriptLocation = "",
    region: Region = None,
    strict: Strict = False,
    only_list: Annotated[bool, typer.Option("--list", help="Print which check files it would be, and why.")] = False,
) -> None:
    """Health-check all jobs that a pull request concerns: those whose check files name a file that it changes."""
    chosen = affected(check_files(places), changed_files(since, Path.cwd()))
    if only_list or not chosen:
        for config, files in chosen.items():
            typer.echo(f"{config}: {', '.join(os.path.relpath(path) for path in files)}")
        typer.echo(f"{len(chosen)} check files are concerned by what changed since {since}", err=True)
        raise typer.Exit(0)
    options = ["--pr", str(pr), "--work-bucket", work_bucket_of(work_bucket, script_location)]
    options += (["--region", region] if region else []) + (["--strict"] if strict else [])
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    ended = Several(reports, options, workers, lambda text: console.print(text, markup=False)).run(list(chosen))
    _write(reports / "summary.md", summary_markdown(ended, pr).encode())
    for one in ended:
        if one.report is not None:
            show(one.report, Console(highlight=False, width=None if sys.stdout.isatty() else 140))
        else:
            typer.echo(f"{one.config}: {one.error} (exit {one.code})")
    raise typer.Exit(max(one.code for one in ended))


@app.command()
def sweep(
    work_bucket: WorkBucket = "",
    script_location: ScriptLocation = "",
    ttl: Annotated[float, typer.Option(min=0, help="Minutes after which objects without a manifest are removed.")] = (
        DEFAULT_TTL_MINUTES
    ),
    at: Annotated[str, typer.Option(help="Sweep as if it were this time (ISO 8601); the present by default.")] = "",
    region: Region = None,
) -> None:
    """Remove what checks left behind that crashed or were killed, once their TTL is over."""
    bucket = work_bucket_of(work_bucket, script_location)
    try:
        now = datetime.fromisoformat(at).astimezone(timezone.utc) if at else datetime.now(timezone.utc)
    except ValueError as error:
        raise MisuseError(f"--at is {at!r}; it must be a moment such as 2024-01-15T10:20:30+00:00") from error
    done = sweep_all(clients(region), bucket, now, timedelta(minutes=ttl))
    console = Console(highlight=False, soft_wrap=True)
    for text in done.removed:
        console.print(f"removed {text}", markup=False)
    for text in done.left:
        console.print(f"left behind: {text}", markup=False)
    console.print(f"{len(done.removed)} removed, {len(done.left)} left behind")
    raise typer.Exit(INFRASTRUCTURE if done.left else 0)


@app.command("stub-data")
def stub_data_command(
    schema: Annotated[Path, typer.Argument(help="A dataset contract (YAML), JSON Schema or Avro schema.")],
    output: Annotated[Optional[Path], typer.Option("--output", "-o", help="File; by default standard output.")] = None,  # noqa: UP045
    rows: Annotated[int, typer.Option(min=0)] = 100,
    seed: Annotated[int, typer.Option(help="Other seeds give other data.")] = 0,
    form: Annotated[Format, typer.Option("--format", help="Format of the file.")] = Format.CSV,
    last_day: Annotated[str, typer.Option(help="The latest day in the data.")] = LAST_DAY.isoformat(),
) -> None:
    """Make stub data from a schema. The same schema, rows and seed always give the same data."""
    try:
        day = date.fromisoformat(last_day)
    except ValueError as error:
        raise MisuseError(f"--last-day is {last_day!r}; it must be a day, such as 2024-01-15") from error
    content = stub_data(schema, rows, form.value, seed, day)
    if output is None:
        sys.stdout.buffer.write(content)
    else:
        _write(output, content)


@app.command()
def report(
    path: Annotated[Path, typer.Argument(help="The JSON report of a check.")],
    form: Annotated[ReportFormat, typer.Option("--format", help="How it is written.")] = ReportFormat.TERMINAL,
    output: Annotated[Optional[Path], typer.Option("--output", "-o", help="File; by default standard output.")] = None,  # noqa: UP045
) -> None:
    """Write a JSON report in another form. The exit code is that of the check."""
    found = read_report(path)
    if form is ReportFormat.TERMINAL:
        show(found, Console(highlight=False))
    else:
        made = {
            ReportFormat.MARKDOWN: markdown,
            ReportFormat.JUNIT: junit_xml,
            ReportFormat.GITHUB: annotated,
        }[form](found)
        if output is None:
            typer.echo(made, nl=False)
        else:
            _write(output, made.encode())
    raise typer.Exit(found.exit_code)


def _tell(report: Report, json_path: Path | None, junit: Path | None, text: Path | None, annotate: bool) -> NoReturn:
    for path, writer in ((json_path, report_json), (junit, junit_xml), (text, markdown)):
        if path is not None:
            _write(path, writer(report).encode())
    show(report, Console(highlight=False, width=None if sys.stdout.isatty() else 140))
    if annotate:
        typer.echo(annotated(report), nl=False)
    raise typer.Exit(report.exit_code)


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise MisuseError(f"{path} can't be written: {error}") from error


def main() -> None:
    """Run the command line; the exit code says what came of it (docs/design.md).

    Python itself would end with 1 after an unexpected error, which means a failed check here.
    """
    try:
        with signals.cancellable():
            app()
    except (HealthCheckError, CancelledError) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except Exception:  # noqa: BLE001 - whatever it is, it is no failed check
        typer.echo(traceback.format_exc(), err=True)
        sys.exit(INFRASTRUCTURE)
