"""A plan of Terraform as deploy.sh reads and shows it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
from deployment.planned import Change, Plan, read_plan, show_changes


def planned(address: str, *actions: str, **values: Any) -> dict[str, Any]:
    """One resource as ``terraform show -json`` has it in a plan."""
    return {
        "address": address,
        "mode": "managed",
        "type": address.split(".")[-2],
        "change": {"actions": actions, **values},
    }


def shown(plan: Plan) -> str:
    console = Console(width=120, record=True, quiet=False, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    show_changes(console, plan)
    return console.export_text()


def test_a_plan_counts_what_is_made_and_names_what_is_changed_or_lost() -> None:
    plan = read_plan(
        {
            "resource_changes": [
                planned("module.pipeline.aws_s3_bucket.raw", "create"),
                planned(
                    "aws_glue_job.ingestion",
                    "update",
                    before={"timeout": 1, "name": "a"},
                    after={"timeout": 2, "name": "a"},
                ),
                planned(
                    "aws_dynamodb_table.state", "delete", "create", before={}, after={}, after_unknown={"arn": True}
                ),
                planned("aws_kms_key.old", "delete"),
                planned("aws_sqs_queue.same", "no-op"),
                {**planned("data.aws_region.here", "read"), "mode": "data"},
            ]
        }
    )
    assert str(plan) == "1 to create, 1 to change, 1 to replace, 1 to destroy"
    text = shown(plan)
    assert "aws_glue_job.ingestion  (timeout)" in text
    assert "To replace\n  aws_dynamodb_table.state  (arn)" in text
    assert "To destroy\n  aws_kms_key.old" in text
    assert "aws_sqs_queue" not in text


def test_what_was_changed_outside_of_terraform_is_told() -> None:
    drift = [planned("aws_sns_topic.alerts", "update", before={"name": "a"}, after={"name": "b"})]
    plan = read_plan({"resource_changes": [], "resource_drift": drift})
    assert str(plan) == "no changes" and plan.is_empty
    assert "Changed outside of Terraform" in shown(plan)
    assert "aws_sns_topic.alerts  (name)" in shown(plan)


def test_an_output_that_is_new_is_worth_an_apply() -> None:
    changed = {"parts": {"actions": ["create"]}, "job_names": {"actions": ["no-op"]}}
    plan = read_plan({"resource_changes": [], "output_changes": changed})
    assert (str(plan), plan.outputs, plan.is_empty) == ("outputs only", ("parts",), False)


def test_very_many_changes_are_counted_and_not_all_named() -> None:
    text = shown(Plan(tuple(Change(f"aws_sqs_queue.q{number}", "aws_sqs_queue", "destroy") for number in range(50))))
    assert "and 10 more" in text


def test_what_terraform_s_own_checks_have_to_say_is_shown_with_the_plan() -> None:
    problems = [{"problems": [{"message": "Glue 5.1 runs Python 3.11"}]}]
    checks = [{"status": "fail", "instances": problems}, {"status": "pass", "instances": [{}]}]
    assert "Warning: Glue 5.1 runs Python 3.11" in shown(read_plan({"resource_changes": [], "checks": checks}))
