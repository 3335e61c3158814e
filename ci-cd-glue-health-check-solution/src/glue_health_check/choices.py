"""Joins the command line's options with the check file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from glue_health_check.cloud.names import split_uri
from glue_health_check.errors import MisuseError
from glue_health_check.settings import Check, InputSpec, JobSpec, OutputSpec, read_check, with_arguments
from glue_health_check.stub import read_table


@dataclass(frozen=True)
class Choices:
    """What the command line says; empty where it says nothing, so that the check file does."""

    config: Path | None = None
    script: Path | None = None
    base_job: str = ""
    role: str = ""
    glue_version: str = ""
    arguments: tuple[str, ...] = ()
    schema: Path | None = None
    rows: int = 100
    seed: int = 0
    input_format: str = "csv"
    input_file: Path | None = None
    expect: Path | None = None
    guard: tuple[str, ...] = ()
    timeout: float | None = None
    ttl: float | None = None


def check_of(choices: Choices) -> Check:
    """The check that options and check file ask for; options win.

    Raises:
        MisuseError: an option or the check file is wrong.
    """
    if choices.config is not None:
        check = read_check(choices.config)
    elif choices.script is not None:
        check = Check(JobSpec(choices.script))
    else:
        raise MisuseError("nothing to check: give --script path/to/job.py, or --config with a check file")
    given: dict[str, Any] = {
        "script": choices.script,
        "base": choices.base_job,
        "role": choices.role,
        "glue_version": choices.glue_version,
    }
    job = replace(check.job, **{name: value for name, value in given.items() if value})
    job = with_arguments(job, dict(pair(text) for text in choices.arguments))
    times: dict[str, Any] = {"timeout_minutes": choices.timeout, "ttl_minutes": choices.ttl}
    return replace(
        check,
        job=job,
        inputs=check.inputs + tuple(_inputs(choices)),
        outputs=check.outputs + ((OutputSpec("{output}/", schema=choices.expect),) if choices.expect else ()),
        guard=check.guard + choices.guard,
        **{name: value for name, value in times.items() if value is not None},
    )


def pair(text: str) -> tuple[str, str]:
    """Name and value of ``--argument name=value``.

    Raises:
        MisuseError: it is no such pair.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip("-"):
        raise MisuseError(f"--argument is {text!r}; it must be NAME=VALUE")
    return name, value


def work_bucket_of(bucket: str, script_location: str) -> str:
    """The work bucket, by its name or by the address of scripts.

    Raises:
        MisuseError: neither is given.
    """
    if bucket:
        return bucket.removeprefix("s3://").strip("/")
    if script_location:
        return split_uri(script_location)[0]
    raise MisuseError(
        "there is no work bucket: give --work-bucket NAME, or set HEALTH_CHECK_BUCKET or SCRIPT_LOCATION (s3://bucket/…)"
    )


def _inputs(choices: Choices) -> Iterable[InputSpec]:
    if choices.schema is not None:
        target = f"{{input}}/{read_table(choices.schema).name}.{choices.input_format}"
        yield InputSpec(target, choices.schema, rows=choices.rows, seed=choices.seed, format=choices.input_format)
    if choices.input_file is not None:
        yield InputSpec("{input}/", file=choices.input_file)
