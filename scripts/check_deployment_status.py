#!/usr/bin/env python3
"""Reports every part of a deployment; check_deployment_status.sh makes the Python environment and calls this."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from deployment.account import NotDeployedError, UnreachableError
from deployment.environments import Environment
from deployment.overrides import variables_from
from deployment_status.drift import NOT_ASKED, look_for_drift
from deployment_status.findings import Finding, Report
from deployment_status.looking import look_at_all
from deployment_status.output import as_json, failure_as_json
from deployment_status.questions import Clients
from deployment_status.show import show
from deployment_status.target import Target, find_target
from local_cloud.settings import LocalCloudError

UNHEALTHY, MISUSE, UNREACHABLE = 1, 2, 3
# Without a terminal (CI, a pipe) rich takes 80 columns, which folds the tables.
console = Console(width=None if sys.stdout.isatty() else 160)


def main(
    environment: Annotated[Environment, typer.Argument(help="what to look at")],
    as_json_: Annotated[bool, typer.Option("--json", help="print JSON instead of a table")] = False,
    drift: Annotated[bool, typer.Option("--drift/--no-drift", help="compare with Terraform's plan")] = True,
    everything: Annotated[bool, typer.Option("--all", help="list also what is well and many")] = False,
    var: Annotated[
        list[str], typer.Option("--var", help="a Terraform variable it was deployed with, as name=value")
    ] = [],  # noqa: B006 - typer copies it
) -> None:
    """Report every part of a deployment; nothing is changed.

    Exit codes: 0 healthy, 1 not healthy or never deployed, 2 misuse, 3 the account can't be reached.
    """
    try:
        target = find_target(environment.value, variables_from(var))
    except LocalCloudError as error:
        typer.echo(f"check_deployment_status: {error}", err=True)
        raise typer.Exit(MISUSE) from error
    except (NotDeployedError, UnreachableError) as error:
        raise typer.Exit(_nothing_to_look_at(environment.value, error, as_json_)) from error
    report = _report(target, drift=drift)
    if as_json_:
        typer.echo(json.dumps(as_json(report), indent=2))
    else:
        show(console, report, everything=everything)
    if not report.is_healthy:
        raise typer.Exit(UNHEALTHY)


def _report(target: Target, *, drift: bool) -> Report:
    begun = datetime.now(timezone.utc)
    clients = Clients(target.region)
    with ThreadPoolExecutor(1) as planner, _progress() as progress:
        # Terraform takes longest, so it plans while AWS is asked.
        planning = planner.submit(look_for_drift, target.terraform, target.environment) if drift else None
        task = progress.add_task("Looking at all parts", total=None)
        findings = look_at_all(
            target.outputs,
            clients,
            target.environment,
            on_progress=lambda done, planned: progress.update(task, completed=done, total=planned),
        )
        if planning is not None:
            progress.add_task("Comparing with Terraform's plan", total=None)
        found: list[Finding] = planning.result() if planning is not None else [NOT_ASKED]
    return Report(target.environment, target.account, target.region, begun, (*findings, *found))


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def _nothing_to_look_at(environment: str, error: NotDeployedError | UnreachableError, as_json_: bool) -> int:
    deployed = isinstance(error, UnreachableError)
    if as_json_:
        status = "unreachable" if deployed else "not_deployed"
        typer.echo(json.dumps(failure_as_json(environment, status, str(error), datetime.now(timezone.utc)), indent=2))
    else:
        title = f"{environment} can't be looked at" if deployed else f"There is nothing of {environment}"
        console.print(f"[red]{title}:[/] ", end="")
        console.print(str(error), highlight=False, markup=False, soft_wrap=True)
    return UNREACHABLE if deployed else UNHEALTHY


if __name__ == "__main__":
    typer.run(main)
