#!/usr/bin/env python3
"""Tries the whole health check on a local cloud: good jobs, broken jobs, a cancelled and a killed check.

It needs a checkout of the repository around this package, whose local cloud and jobs it uses.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Optional

import boto3
import typer
from rich.console import Console
from system_test.checks import CASES, try_case
from system_test.endings import kill, try_cancel, try_nothing_left, try_sweep
from system_test.lambda_scene import try_lambdas
from system_test.outcomes import Outcomes
from system_test.stage import SHARED, Stage, everything, local_cloud


def main(
    only: Annotated[str, typer.Option(help="Only the checks whose name holds this text, and nothing else.")] = "",
    junit: Annotated[Optional[Path], typer.Option(help="Write the outcomes as JUnit XML.")] = None,  # noqa: UP045
    workers: Annotated[int, typer.Option(min=1, help="Checks side by side.")] = 4,
) -> None:
    """Try everything; exit 0 when all of it is as it must be."""
    outcomes = Outcomes(Console(highlight=False, soft_wrap=True))
    with tempfile.TemporaryDirectory(prefix="health-check-") as folder:
        outcomes.say("starting a local cloud")
        with local_cloud(Path(folder)) as stage:
            outcomes.say("it runs")
            _try(stage, outcomes, only, workers)
    outcomes.show()
    if junit is not None:
        outcomes.write_junit(junit)
    if not outcomes.all:
        outcomes.say(f"no check's name holds {only!r}")
    raise typer.Exit(1 if outcomes.failed or not outcomes.all else 0)


def _try(stage: Stage, outcomes: Outcomes, only: str, workers: int) -> None:
    before = everything()
    chosen = [case for case in CASES if only in case.name]
    with ThreadPoolExecutor(workers + 1) as pool:
        # Mostly waits for Terraform and the emulator, so it comes beside the others.
        waiting = [] if only else [pool.submit(try_lambdas, stage, outcomes)]
        waiting += [pool.submit(try_case, case, stage, outcomes) for case in chosen]
        if not only:
            killed = pool.submit(kill, stage)
            waiting.append(pool.submit(try_cancel, stage, outcomes))
        for one in waiting:
            one.result()
    boto3.resource("s3").Bucket(SHARED).objects.delete()  # what the job that writes outside has written there
    if not only:
        try_sweep(killed.result(), stage, outcomes)
        try_nothing_left(before, outcomes)


if __name__ == "__main__":
    typer.run(main)
