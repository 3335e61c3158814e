"""The temporary job: its definition, made from a base's and a check's settings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from glue_health_check.cloud.clients import GONE, Clients, aws_errors, code_of
from glue_health_check.cloud.names import Places
from glue_health_check.errors import MisuseError
from glue_health_check.settings import DEFAULT_GLUE_VERSION, JobSpec

HEALTH_CHECK_ARGUMENT = "--health_check"
_WORKERS = 2  # stub data are small, and workers cost
_SPARK_UI = "--spark-event-logs-path"


@dataclass(frozen=True)
class Definition:
    """How a temporary job is to be.

    Attributes:
        glue_version, kind, role: as AWS calls them; the role is "" when nobody said one.
        arguments: default arguments.
        fixed: arguments that no run may change.
        rest: other fields of CreateJob.
    """

    glue_version: str
    kind: str
    role: str
    arguments: dict[str, str]
    fixed: dict[str, str]
    rest: dict[str, Any]

    @property
    def all_arguments(self) -> dict[str, str]:
        """What the job will see."""
        return {**self.arguments, **self.fixed}


def base_job(aws: Clients, name: str) -> dict[str, Any]:
    """The definition of an existing job.

    Raises:
        MisuseError: there is none.
    """
    with aws_errors(f"the base job {name} can't be read"):
        try:
            found: dict[str, Any] = aws.glue.get_job(JobName=name)["Job"]
        except ClientError as error:
            if code_of(error) in GONE:
                raise MisuseError(f"there is no job {name} to clone (base) in this account and region") from error
            raise
    return found


def definition(spec: JobSpec, base: Mapping[str, Any] | None, places: Places | None, libraries: str = "") -> Definition:
    """The definition of a temporary job.

    Args:
        spec: what the check says.
        base: the definition to clone.
        places: fills placeholders; None leaves them as they are, for static checks.
        libraries: addresses for --extra-py-files, instead of the base's.

    Raises:
        MisuseError: a placeholder stands for nothing.
    """
    base = base or {}
    command = base.get("Command", {})
    arguments = _arguments(spec, base.get("DefaultArguments", {}))
    fixed = _replaced(base.get("NonOverridableArguments", {}), spec.replace)
    own = {"--TempDir": "{temp}/", "--job-bookmark-option": "job-bookmark-disable", HEALTH_CHECK_ARGUMENT: "true"}
    if _SPARK_UI in arguments and _SPARK_UI not in spec.arguments:
        own[_SPARK_UI] = "{temp}/spark-ui/"
    if libraries:
        own["--extra-py-files"] = libraries
    arguments = {**arguments, **{name: value for name, value in own.items() if name not in spec.arguments}}
    if places is not None:
        arguments, fixed = places.fill_all(arguments), places.fill_all(fixed)
    kind = spec.kind or command.get("Name") or "glueetl"
    rest: dict[str, Any] = {"PythonVersion": command.get("PythonVersion", "3.9" if kind == "pythonshell" else "3")}
    connections = (
        list(spec.connections) if spec.connections is not None else base.get("Connections", {}).get("Connections")
    )
    if connections:
        rest["Connections"] = {"Connections": connections}
    if base.get("SecurityConfiguration"):
        rest["SecurityConfiguration"] = base["SecurityConfiguration"]
    if kind == "pythonshell":
        rest["MaxCapacity"] = base.get("MaxCapacity", 0.0625)
    else:
        rest["WorkerType"] = spec.worker_type or base.get("WorkerType") or "G.1X"
        rest["NumberOfWorkers"] = spec.workers or _WORKERS
    version = spec.glue_version or base.get("GlueVersion") or DEFAULT_GLUE_VERSION
    return Definition(version, kind, spec.role or base.get("Role", ""), arguments, fixed, rest)


def create_job(
    aws: Clients, name: str, made: Definition, script_uri: str, timeout_minutes: float, tags: Mapping[str, str]
) -> None:
    """Make the temporary job.

    Raises:
        MisuseError: there is no role for it.
        InfrastructureError: AWS refused.
    """
    if not made.role:
        raise MisuseError("the temporary job needs a role: give --role, role in the check file, or a base job to clone")
    rest = dict(made.rest)
    command = {"Name": made.kind, "ScriptLocation": script_uri, "PythonVersion": rest.pop("PythonVersion")}
    fixed = {"NonOverridableArguments": made.fixed} if made.fixed else {}
    with aws_errors(f"the temporary job {name} can't be made"):
        aws.glue.create_job(
            Name=name,
            Description="Temporary job of a pull request's health check",
            Role=made.role,
            Command=command,
            DefaultArguments=made.arguments,
            GlueVersion=made.glue_version,
            MaxRetries=0,  # a second try would hide that the first one failed
            Timeout=max(1, math.ceil(timeout_minutes)),
            ExecutionProperty={"MaxConcurrentRuns": 1},
            Tags=dict(tags),
            **fixed,
            **rest,
        )


def _arguments(spec: JobSpec, base: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in base.items() if name.lstrip("-") not in _plain(spec.drop_arguments)}
    return {**_replaced(kept, spec.replace), **spec.arguments}


def _plain(names: tuple[str, ...]) -> set[str]:
    return {name.lstrip("-") for name in names}


def _replaced(arguments: Mapping[str, str], texts: Mapping[str, str]) -> dict[str, str]:
    # Longest first, so that the name of a thing does not spoil a longer name that it is a part of.
    ordered = sorted(texts.items(), key=lambda item: -len(item[0]))
    result = {}
    for name, value in arguments.items():
        for old, new in ordered:
            value = value.replace(old, new)
        result[name] = value
    return result
