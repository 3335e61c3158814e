"""Whether what Terraform made is there and ready: the checks of check_deployment_status.sh, after an apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_delay, wait_fixed

from deployment.steps import DeploymentError, StepFailedError, step
from deployment_status.checks import CHECKS, STATE, TITLES
from deployment_status.findings import Finding, Problem, Verdict
from deployment_status.looking import look_at_all
from deployment_status.questions import Clients

PATIENCE_SECONDS = 60.0
# What the jobs wrote down is no matter of an apply.
_CHECKS = tuple(check for check in CHECKS if check.part != STATE)


def verify(console: Console, outputs: Mapping[str, Any], region: str, environment: str) -> None:
    """Look as a step whether everything is there and as it was made; what else is not well is told and stops nothing.

    Args:
        console: where it is shown.
        outputs: Terraform's.
        region: where everything is.
        environment: its name.

    Raises:
        StepFailedError: something is missing, or not as it was made.
    """
    status = f"./scripts/check_deployment_status.sh {environment}"
    try:
        with step(console, "Look whether everything is there") as current:
            findings = _look_patiently(outputs, region, environment)
            faults = [_fault(one, problem) for one in findings for problem in one.problems_of_setup]
            if faults:
                raise DeploymentError("; ".join(faults))
            current.note(f"{len(findings)} parts, all as they were made")
    except StepFailedError as failure:
        state = f"Everything was applied. {status} shows each part and what would put it right."
        raise StepFailedError(failure.title, failure.error, state) from failure
    hints = [f"{_named(one)}: {one.text}" for one in findings if one.verdict is not Verdict.OK]
    for hint in hints:
        console.print(f"  {hint}", style="yellow", highlight=False, markup=False, soft_wrap=True)


def _look_patiently(outputs: Mapping[str, Any], region: str, environment: str) -> list[Finding]:
    """What the checks find once everything is as it was made, or patience is over: some things take a while."""
    clients = Clients(region)
    waiting = Retrying(
        stop=stop_after_delay(PATIENCE_SECONDS),
        wait=wait_fixed(3),
        retry=retry_if_result(_is_wanting),
        retry_error_callback=_last,
    )
    found: list[Finding] = waiting(look_at_all, outputs, clients, environment, checks=_CHECKS)
    return found


def _is_wanting(findings: list[Finding]) -> bool:
    return any(finding.problems_of_setup for finding in findings)


def _last(state: RetryCallState) -> Any:
    return state.outcome.result() if state.outcome else []


def _fault(finding: Finding, problem: Problem) -> str:
    todo = f" ({problem.todo})" if problem.todo else ""
    return f"{_named(finding)} {problem.text}{todo}"


def _named(finding: Finding) -> str:
    return f"{TITLES[finding.part].lower()} {finding.key}"
