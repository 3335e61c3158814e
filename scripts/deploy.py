#!/usr/bin/env python3
"""Deploys the pipeline to one environment; scripts/deploy.sh makes the Python environment and calls this."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deployment.aws import AwsDeployment
from deployment.environments import Environment
from deployment.local import LocalDeployment
from deployment.overrides import variables_from
from deployment.steps import DeploymentError, StepFailedError

# Without a terminal (CI, a pipe) rich takes 80 columns, which folds the tables.
console = Console(width=None if sys.stdout.isatty() else 120)


def main(
    environment: Annotated[Environment, typer.Argument(help="where to deploy")],
    plan: Annotated[bool, typer.Option("--plan", help="show what would change, and change nothing")] = False,
    save: Annotated[Path | None, typer.Option("--save", help="with --plan: keep the plan in this file")] = None,
    apply: Annotated[Path | None, typer.Option("--apply", help="apply exactly the plan that --save has kept")] = None,
    destroy: Annotated[bool, typer.Option("--destroy", help="remove everything that was deployed")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask before something is changed")] = False,
    var: Annotated[list[str], typer.Option("--var", help="a Terraform variable, as name=value; may be repeated")] = [],  # noqa: B006 - typer copies it
    sample: Annotated[bool, typer.Option("--sample/--no-sample", help="local: ingest the sample data")] = True,
) -> None:
    """Deploy the pipeline."""
    _refuse_misuse(environment, plan, save, apply, destroy)
    variables = variables_from(var)
    try:
        if environment is Environment.LOCAL:
            target: LocalDeployment | AwsDeployment = LocalDeployment(console, variables, sample)
        else:
            target = AwsDeployment(console, environment.value, variables, yes)
        if isinstance(target, AwsDeployment) and apply:
            target.apply_saved(apply)
        elif isinstance(target, AwsDeployment) and save:
            target.plan(save)
        elif plan:
            target.plan()
        elif destroy:
            target.destroy()
        else:
            target.deploy()
    except StepFailedError as failure:
        _say_why(failure.title, failure.error, failure.state)
        raise typer.Exit(1) from failure
    except DeploymentError as error:
        _say_why("Check the result", error)
        raise typer.Exit(1) from error


def _refuse_misuse(environment: Environment, plan: bool, save: Path | None, apply: Path | None, destroy: bool) -> None:
    if sum((plan, destroy, apply is not None)) > 1:
        raise typer.BadParameter("--plan, --apply and --destroy can't go together")
    if save and not plan:
        raise typer.BadParameter("--save keeps what --plan has planned; give both")
    if environment is Environment.LOCAL and (save or apply):
        raise typer.BadParameter("--save and --apply are for AWS; local is deployed at once")


def _say_why(step: str, error: Exception, state: str = "") -> None:
    """The last words of a failed run: the step, the reason, how things stand now, and where to read more."""
    console.print(f"\n[red]Failed at:[/] [bold]{step}[/]", highlight=False)
    console.print("[red]Reason:[/]   ", end=" ")
    console.print(str(error), highlight=False, markup=False, soft_wrap=True)
    if state:
        console.print("[red]State:[/]    ", end=" ")
        console.print(state, highlight=False, markup=False, soft_wrap=True)
    if isinstance(error, DeploymentError) and error.log:
        console.print(f"[red]Log:[/]       {error.log}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
