"""Static checks: what is wrong with a script before anything is started. Each is a pure function returning findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from glue_health_check.models import CheckResult, judged
from glue_health_check.static.arguments import Demand, arguments, refuses_unknown
from glue_health_check.static.imports import Provided, additional_modules, imports
from glue_health_check.static.secrets import secrets
from glue_health_check.static.source import Source, read_source, syntax
from glue_health_check.static.support import support
from glue_health_check.versions import glue_version

__all__ = ["Subject", "check_script", "read_source", "refuses_unknown"]


@dataclass(frozen=True)
class Subject:
    """What is checked.

    Attributes:
        script: its path.
        glue_version: of the job.
        arguments: the job's default arguments with those of the check; None when there is no definition to compare.
        libraries: what the files of --extra-py-files provide.
        declared: arguments that libraries demand.
        python_shell: whether it is a Python shell job.
        today: the day of the check.
    """

    script: Path
    glue_version: str
    arguments: Mapping[str, str] | None = None
    libraries: Provided = field(default_factory=Provided)
    declared: Iterable[Demand] = ()
    python_shell: bool = False
    today: date = field(default_factory=date.today)


def check_script(subject: Subject) -> list[CheckResult]:
    """All static checks of a script.

    Raises:
        MisuseError: the script can't be read, or nobody knows the Glue version.
    """
    glue = glue_version(subject.glue_version)
    source: Source = read_source(subject.script, glue.python)
    python = ".".join(map(str, glue.python))
    checks = [
        judged("syntax", syntax(source), f"Python {python}"),
        judged("glue-version", support(glue, subject.today), f"Glue {glue.name}"),
        judged("secrets", secrets(source)),
    ]
    given = subject.arguments or {}
    provided = subject.libraries | additional_modules(given.get("--additional-python-modules", ""))
    if environment := given.get("--python-virtual-env"):
        provided |= Provided(unknown=(environment,))
    checks.append(judged("imports", imports(source, glue, provided), f"against Glue {glue.name}"))
    if subject.arguments is not None:
        missing = arguments(source, subject.declared, given, python_shell=subject.python_shell)
        checks.append(judged("arguments", missing, f"{len(given)} in the definition"))
    return checks
