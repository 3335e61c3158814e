#!/usr/bin/env python3
"""Deploys the pipeline to one environment; scripts/deploy.sh makes the Python environment and calls this."""

from __future__ import annotations

import os
import sys
from enum import Enum
from typing import Annotated

import typer
from rich.console import Console

from deployment.aws import AwsDeployment
from deployment.local import LocalDeployment
from deployment.steps import DeploymentError, StepFailedError

# Environment variables that override Terraform variables of the same meaning.
OVERRIDES = {
    "AWS_REGION": "aws_region",
    "PROJECT_NAME": "project_name",
    "GLUE_VERSION": "glue_version",
    "PYTHON_VERSION": "python_version",
}
# Without a terminal (CI, a pipe) rich takes 80 columns, which folds the tables.
console = Console(width=None if sys.stdout.isatty() else 120)


class Environment(str, Enum):
    """Where to deploy."""

    LOCAL = "local"
    DEV = "dev"
    STAGING = "staging"
    PROD = "prod"


def main(
    environment: Annotated[Environment, typer.Argument(help="where to deploy")],
    plan: Annotated[bool, typer.Option("--plan", help="show what would change, and change nothing")] = False,
    destroy: Annotated[bool, typer.Option("--destroy", help="remove everything that was deployed")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask before something is changed")] = False,
    var: Annotated[list[str], typer.Option("--var", help="a Terraform variable, as name=value; may be repeated")] = [],  # noqa: B006 - typer copies it
    sample: Annotated[bool, typer.Option("--sample/--no-sample", help="local: ingest the sample data")] = True,
) -> None:
    """Deploy the pipeline."""
    if plan and destroy:
        raise typer.BadParameter("--plan and --destroy can't go together")
    variables = {name: os.environ[key] for key, name in OVERRIDES.items() if os.environ.get(key)} | _given(var)
    try:
        if environment is Environment.LOCAL:
            target: LocalDeployment | AwsDeployment = LocalDeployment(console, variables, sample)
        else:
            target = AwsDeployment(console, environment.value, variables, yes)
        if plan:
            target.plan()
        elif destroy:
            target.destroy()
        else:
            target.deploy()
    except StepFailedError as failure:
        _say_why(failure.title, failure.error)
        raise typer.Exit(1) from failure
    except DeploymentError as error:
        _say_why("Check the result", error)
        raise typer.Exit(1) from error


def _given(options: list[str]) -> dict[str, str]:
    """The variables of ``--var``.

    Raises:
        typer.BadParameter: one is no name with a value.
    """
    pairs = {option: option.partition("=") for option in options}
    for option, (name, equals, _) in pairs.items():
        if not equals or not name.isidentifier():
            raise typer.BadParameter(f"--var {option}: it must be name=value, such as --var number_of_workers=4")
    return {name: value for name, _, value in pairs.values()}


def _say_why(step: str, error: Exception) -> None:
    """The last words of a failed run: the step, the reason, and where to read more."""
    console.print(f"\n[red]Failed at:[/] [bold]{step}[/]", highlight=False)
    console.print("[red]Reason:[/]   ", end=" ")
    console.print(str(error), highlight=False, markup=False, soft_wrap=True)
    if isinstance(error, DeploymentError) and error.log:
        console.print(f"[red]Log:[/]       {error.log}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
