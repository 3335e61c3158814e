"""Whether the environment is still as Terraform made it, by a plan that changes nothing and takes no lock."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from deployment.local import package
from deployment.planned import Change, Plan
from deployment.steps import DeploymentError, StepFailedError
from deployment.terraform import Terraform
from deployment_status.findings import Finding, Judgement, Problem, Verdict, bad, judged, warn
from deployment_status.known_drift import KNOWN_DRIFT, without_known

PART = "drift"
NOT_ASKED = Finding(
    PART, "plan", "", judged("", [Problem(Verdict.NOT_CHECKED, "not checked: --drift compares with Terraform's plan")])
)
_SHOWN_ATTRIBUTES = 5


def look_for_drift(terraform: Terraform, environment: str) -> list[Finding]:
    """Plan, and say what of it is drift.

    Args:
        terraform: the environment's, initialised.
        environment: its name.
    """
    try:
        package(Console(quiet=True))
        with tempfile.TemporaryDirectory() as folder:
            plan = terraform.plan(Path(folder, "plan"), lock=False)
    except (DeploymentError, StepFailedError) as error:
        return [_finding("plan", Problem(Verdict.UNKNOWN, f"terraform plan failed: {error}", f"see {terraform.log}"))]
    return judge_drift(plan, environment)


def judge_drift(plan: Plan, environment: str) -> list[Finding]:
    """What a plan shows: what was changed outside of Terraform, and what this checkout has otherwise.

    Args:
        plan: of an apply.
        environment: its name; on ``local``, what the emulator does not give back is no drift.
    """
    changes = without_known(plan.changes) if environment == "local" else list(plan.changes)
    drift = {change.address: change for change in plan.drift}
    found = [_finding(change.address, _problem(change, drift.get(change.address), environment)) for change in changes]
    known = [change for change in plan.changes if change not in changes]
    return [*found, *_known(known)] or [Finding(PART, "plan", "", judged("as Terraform made it"))]


def _problem(change: Change, drift: Change | None, environment: str) -> Problem:
    attributes = f" ({', '.join(change.attributes[:_SHOWN_ATTRIBUTES])})" if change.attributes else ""
    if drift is not None and _explains(drift, change):
        how = "was removed" if drift.action == "destroy" else f"was changed{attributes}"
        return bad(f"{how} outside of Terraform", f"./scripts/deploy.sh {environment} puts it back")
    text = f"an apply from this checkout would {change.action} it{attributes}"
    return warn(text, f"./scripts/deploy.sh {environment} --plan shows all of it")


def _explains(drift: Change, change: Change) -> bool:
    """Whether what was changed outside is what would be put back: the provider also notes harmless differences."""
    return drift.action == "destroy" or bool(set(drift.attributes) & set(change.attributes))


def _known(changes: list[Change]) -> Iterator[Finding]:
    for (kind, action), number in sorted(Counter((change.kind, change.action) for change in changes).items()):
        text = f"known of the emulator: {number} to {action}, because of {KNOWN_DRIFT[kind, action]}"
        yield Finding(PART, f"known {kind}", "", judged(text, known=True, resources=number))


def _finding(key: str, problem: Problem) -> Finding:
    return Finding(PART, key, "", Judgement("", (problem,)))
