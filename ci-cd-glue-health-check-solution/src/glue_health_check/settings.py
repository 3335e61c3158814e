"""What is to be checked, and how: from a check file (YAML), options and the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from glue_health_check.errors import MisuseError

DEFAULT_GLUE_VERSION = "5.1"
DEFAULT_TIMEOUT_MINUTES = 30.0
# A sweeper must never meet a check that is under way: its cleaning takes time after the time limit.
TTL_MARGIN_MINUTES = 15.0
DEFAULT_TTL_MINUTES = 120.0


@dataclass(frozen=True)
class JobSpec:
    """How a temporary job is made; data/check.schema.json describes the fields."""

    script: Path
    base: str = ""
    role: str = ""
    glue_version: str = ""
    kind: str = ""
    worker_type: str = ""
    workers: int = 0
    connections: tuple[str, ...] | None = None
    replace: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    drop_arguments: tuple[str, ...] = ()
    extra_py_files: tuple[Path, ...] = ()
    arguments_from: tuple[str, ...] = ()
    wrap: str = "auto"
    replace_in_script: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TableSpec:
    """An own DynamoDB table: like another one, or with keys of its own (texts)."""

    like: str = ""
    hash_key: str = ""
    range_key: str = ""


@dataclass(frozen=True)
class InputSpec:
    """A file of input: stub data from a schema, or a given file or folder."""

    to: str
    schema: Path | None = None
    file: Path | None = None
    rows: int = 100
    seed: int = 0
    format: str = "csv"
    last_day: date | None = None


@dataclass(frozen=True)
class OutputSpec:
    """What the job must have written."""

    path: str
    format: str = "parquet"
    columns: dict[str, str] = field(default_factory=dict)
    schema: Path | None = None
    extra_columns: str = "allow"
    least_rows: int | None = 1
    most_rows: int | None = None
    rules: str = ""
    rules_from: Path | None = None


@dataclass(frozen=True)
class Check:
    """A health check as it was asked for.

    Attributes:
        job: the job that is checked.
        before: jobs that run first.
        buckets, tables, databases: places of its own, by role.
        inputs, outputs: what it reads and must write.
        guard: where it must not write; guard_ignore: what others write there.
        watch: further files on which it depends (``glue-health-check changed``).
        timeout_minutes: of the whole; ttl_minutes: after which a sweeper removes what is left.
    """

    job: JobSpec
    before: tuple[JobSpec, ...] = ()
    buckets: tuple[str, ...] = ()
    tables: dict[str, TableSpec] = field(default_factory=dict)
    databases: tuple[str, ...] = ()
    inputs: tuple[InputSpec, ...] = ()
    outputs: tuple[OutputSpec, ...] = ()
    guard: tuple[str, ...] = ()
    guard_ignore: tuple[str, ...] = ()
    watch: tuple[Path, ...] = ()
    timeout_minutes: float = DEFAULT_TIMEOUT_MINUTES
    ttl_minutes: float = DEFAULT_TTL_MINUTES

    def checked(self) -> Check:
        """The same, when its times fit together.

        Raises:
            MisuseError: a sweeper could meet it under way.
        """
        least = self.timeout_minutes + TTL_MARGIN_MINUTES
        if self.ttl_minutes < least:
            raise MisuseError(
                f"the TTL is {self.ttl_minutes:g} minutes; with a timeout of {self.timeout_minutes:g} minutes it must "
                f"be at least {least:g}, or a sweeper could meet the check under way"
            )
        return self


def read_check(path: Path) -> Check:
    """A check file.

    Raises:
        MisuseError: it can't be read, or a field is wrong; the message names it.
    """
    try:
        # YAML makes dates of texts like 2024-01-15; here they are texts.
        loaded = json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str))
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise MisuseError(f"the check file {path} can't be read: {error}") from error
    validate(loaded, f"the check file {path}")
    return check_from(loaded, path.parent)


def validate(loaded: Any, what: str) -> None:
    """Hold the content of a check file against data/check.schema.json.

    Args:
        loaded: the content.
        what: how messages call it.

    Raises:
        MisuseError: a field is wrong; the message names it.
    """
    validator = Draft202012Validator(_schema())
    if problem := next(iter(sorted(validator.iter_errors(loaded), key=lambda error: list(map(str, error.path)))), None):
        where = ".".join(map(str, problem.absolute_path)) or "the top"
        raise MisuseError(f"{what} is wrong at {where}: {problem.message}")
    if "script" not in loaded:
        raise MisuseError(f"{what} has no script; say script: path/to/job.py")


def check_from(loaded: Mapping[str, Any], folder: Path) -> Check:
    """A check of the content of a check file.

    Args:
        loaded: what fits data/check.schema.json.
        folder: what its paths are relative to.
    """
    plain = {key: loaded[key] for key in ("timeout_minutes", "ttl_minutes") if key in loaded}
    lists: dict[str, Any] = {
        key: tuple(loaded.get(key, ())) for key in ("buckets", "databases", "guard", "guard_ignore")
    }
    return Check(
        job=_job(loaded["script"], loaded.get("job", {}), folder),
        before=tuple(_job(one["script"], one.get("job", {}), folder) for one in loaded.get("before", ())),
        tables={name: TableSpec(**of) for name, of in loaded.get("tables", {}).items()},
        inputs=tuple(_input(one, folder) for one in loaded.get("inputs", ())),
        watch=tuple(_near(folder, one) for one in loaded.get("watch", ())),
        outputs=tuple(_output(one, folder) for one in loaded.get("outputs", ())),
        **lists,
        **plain,
    )


def with_arguments(job: JobSpec, given: Mapping[str, str]) -> JobSpec:
    """A job with further arguments, over those it has."""
    return replace(job, arguments={**job.arguments, **_argument_names(given)})


def text_of(value: Any) -> str:
    """A value of YAML as an argument: true stays true."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _schema() -> dict[str, Any]:
    text = resources.files("glue_health_check").joinpath("data/check.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _job(script: str, loaded: Mapping[str, Any], folder: Path) -> JobSpec:
    rest: dict[str, Any] = {key: value for key, value in loaded.items() if not isinstance(value, dict | list)}
    lists: dict[str, Any] = {key: tuple(loaded[key]) for key in ("drop_arguments", "connections") if key in loaded}
    files = tuple(_near(folder, one) for one in loaded.get("extra_py_files", ()))
    demands = tuple(
        f"{_near(folder, one.rpartition(':')[0])}:{one.rpartition(':')[2]}" for one in loaded.get("arguments_from", ())
    )
    return JobSpec(
        script=_near(folder, script),
        arguments=_argument_names(loaded.get("arguments", {})),
        replace={key: text_of(value) for key, value in loaded.get("replace", {}).items()},
        replace_in_script={key: text_of(value) for key, value in loaded.get("replace_in_script", {}).items()},
        extra_py_files=files,
        arguments_from=demands,
        **rest,
        **lists,
    )


def _argument_names(given: Mapping[str, Any]) -> dict[str, str]:
    return {name if name.startswith("--") else f"--{name}": text_of(value) for name, value in given.items()}


def _input(loaded: Mapping[str, Any], folder: Path) -> InputSpec:
    rest: dict[str, Any] = {key: loaded[key] for key in ("to", "rows", "seed", "format") if key in loaded}
    paths: dict[str, Any] = {key: _near(folder, loaded[key]) for key in ("schema", "file") if key in loaded}
    day = loaded.get("last_day")
    try:
        last_day = date.fromisoformat(str(day)) if day else None
    except ValueError as error:
        raise MisuseError(
            f"last_day of the input {loaded['to']} is {day!r}; it must be a day, such as 2024-01-15"
        ) from error
    return InputSpec(**rest, **paths, last_day=last_day)


def _output(loaded: Mapping[str, Any], folder: Path) -> OutputSpec:
    rest: dict[str, Any] = {key: loaded[key] for key in ("path", "format", "extra_columns") if key in loaded}
    paths: dict[str, Any] = {key: _near(folder, loaded[key]) for key in ("schema", "rules_from") if key in loaded}
    rules = loaded.get("rules", "")
    rows = loaded.get("rows", {"least": 1})
    least, most = (rows, rows) if isinstance(rows, int) else (rows.get("least"), rows.get("most"))
    return OutputSpec(
        **rest,
        **paths,
        columns={name: text_of(of) for name, of in loaded.get("columns", {}).items()},
        least_rows=least,
        most_rows=most,
        rules=rules if isinstance(rules, str) else ",\n".join(rules),
    )


def _near(folder: Path, path: str) -> Path:
    # Without steps back: findings and annotations show paths as the repository has them.
    return Path(os.path.normpath(folder / path))
