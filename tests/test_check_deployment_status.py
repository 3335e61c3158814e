"""check_deployment_status.sh as it is called: what it refuses, what it prints, and how it ends."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import jsonschema
import pytest
from moto import mock_aws
from rich.console import Console

REPOSITORY = Path(__file__).resolve().parents[1]
STATUS = REPOSITORY / "scripts" / "check_deployment_status.sh"
PARTS = REPOSITORY / "terraform" / "modules" / "pipeline" / "parts.tf"

sys.path.insert(0, str(REPOSITORY / "scripts"))
from deployment.account import NotDeployedError, UnreachableError  # noqa: E402
from deployment.planned import Change, Plan  # noqa: E402
from deployment.steps import DeploymentError  # noqa: E402
from deployment.terraform import Terraform  # noqa: E402
from deployment_status.checks import CHECKS, STATE, TITLES  # noqa: E402
from deployment_status.drift import NOT_ASKED, judge_drift  # noqa: E402
from deployment_status.findings import Finding, Judgement, Report, Verdict, bad, judged, warn  # noqa: E402
from deployment_status.output import SCHEMA, as_json, failure_as_json  # noqa: E402
from deployment_status.questions import Clients, Subject, missing  # noqa: E402
from deployment_status.show import show  # noqa: E402
from deployment_status.target import Target, find_target  # noqa: E402

AT = datetime(2024, 1, 15, tzinfo=timezone.utc)
WELL = Finding("buckets", "raw", "p-raw", judged("aws:kms", encryption="aws:kms"))
LATE = Finding("queues", "data_events", "q", judged("1 waiting", [warn("waited for 2.0 h", "see the log")]))
LETTERS = Finding("dead_letter_queues", "data_events", "q", judged("", [bad("1 message(s) tried in vain", "look")]))


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    return subprocess.run([str(STATUS), *arguments], env=env, capture_output=True, text=True, check=False)


def report(*findings: Finding) -> Report:
    return Report("dev", "123456789012", "us-east-1", AT, findings)


def shown(found: Report, **options: Any) -> str:
    console = Console(width=160, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    show(console, found, **options)
    return console.export_text()


# How it is called --------------------------------------------------------------------------------------


def test_an_unknown_environment_is_misuse() -> None:
    done = run("production")
    assert done.returncode == 2
    assert "unknown environment production; it must be local, dev, staging or prod" in done.stderr


def test_an_unknown_option_is_misuse() -> None:
    assert run("local", "--fix").returncode == 2


def test_help_names_the_exit_statuses() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert "3 the account can't be reached" in done.stdout


def test_without_a_name_it_looks_at_what_environment_says_or_local(tmp_path: Path) -> None:
    assert "unknown environment nowhere" in run("--json", ENVIRONMENT="nowhere").stderr
    done = run("--json", ENVIRONMENT="", LOCAL_CLOUD_HOME=str(tmp_path))
    assert json.loads(done.stdout)["environment"] == "local"


def test_a_local_cloud_that_was_never_deployed_to_is_told_so(tmp_path: Path) -> None:
    done = run("local", LOCAL_CLOUD_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "There is nothing of local" in done.stdout
    assert "./scripts/deploy.sh local does" in done.stdout


def test_a_local_cloud_that_does_not_run_is_out_of_reach(tmp_path: Path) -> None:
    (tmp_path / "terraform.tfstate").write_text("{}")
    done = run("local", "--json", LOCAL_CLOUD_HOME=str(tmp_path))
    assert done.returncode == 3
    told = json.loads(done.stdout)
    assert told["status"] == "unreachable"
    assert "./scripts/local_cloud.sh start" in told["reason"]


def test_a_setting_that_can_not_be_is_misuse(tmp_path: Path) -> None:
    done = run("local", LOCAL_CLOUD_HOME=str(tmp_path), LOCAL_CLOUD_PORT="none")
    assert done.returncode == 2
    assert "LOCAL_CLOUD_PORT is 'none'" in done.stderr


def test_missing_credentials_are_out_of_reach() -> None:
    nowhere = {"AWS_CONFIG_FILE": "/none", "AWS_SHARED_CREDENTIALS_FILE": "/none", "AWS_EC2_METADATA_DISABLED": "true"}
    done = run("dev", **nowhere, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", AWS_PROFILE="")
    assert done.returncode == 3
    assert "no working AWS credentials" in done.stdout


# Where the environment is ------------------------------------------------------------------------------


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield


def test_an_account_without_a_state_bucket_was_never_deployed_to(aws: None) -> None:
    with pytest.raises(NotDeployedError, match=r"dev was never deployed to account 123456789012.*bootstrap_state\.sh"):
        find_target("dev", {})


@pytest.mark.parametrize(
    ("outputs", "words"), [({}, "its state is empty"), ({"job_names": {}}, "did not note its parts")]
)
def test_a_state_without_parts_was_never_deployed_to(
    outputs: dict[str, Any], words: str, aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3.client("s3", "us-east-1").create_bucket(Bucket="glue-etl-pipeline-dev-tfstate-123456789012")
    for name, answer in {"check": "1.11", "init": "", "outputs": outputs}.items():
        monkeypatch.setattr(Terraform, name, lambda *_, answer=answer: answer)
    with pytest.raises(NotDeployedError, match=words):
        find_target("dev", {})


def test_a_state_that_can_not_be_read_is_out_of_reach(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> str:
        raise DeploymentError("Error: AccessDenied")

    boto3.client("s3", "us-east-1").create_bucket(Bucket="glue-etl-pipeline-dev-tfstate-123456789012")
    monkeypatch.setattr(Terraform, "check", lambda _: "1.11")
    monkeypatch.setattr(Terraform, "init", refuse)
    with pytest.raises(UnreachableError, match="state can't be read: Error: AccessDenied"):
        find_target("dev", {})


# What it prints ----------------------------------------------------------------------------------------


def test_health_is_no_part_bad_missing_or_unseen() -> None:
    unseen = replace(LETTERS, judgement=Judgement("", (replace(bad("denied"), verdict=Verdict.UNKNOWN),)))
    gone = replace(LETTERS, judgement=missing(Subject("dev", AT, {}, {}), "aws_sqs_queue"))
    assert report(WELL, LATE, NOT_ASKED).is_healthy
    assert not any(report(WELL, one).is_healthy for one in (LETTERS, unseen, gone))


def test_the_table_says_of_each_part_how_it_is_and_what_to_do_worst_first() -> None:
    text = shown(report(WELL, LATE, LETTERS, NOT_ASKED))
    assert re.search(r"Buckets +raw +ok +aws:kms", text)
    assert re.search(r"Queues +data_events +warn +waited for 2\.0 h; 1 waiting", text)
    todo = text[text.index("What to do") :]
    assert todo.index("dead-letter queues data_events: look") < todo.index("queues data_events: see the log")
    assert "dev is not healthy: 1 ok, 1 not checked, 1 to look at, 1 bad" in text


def test_a_missing_part_shows_with_what_would_make_it() -> None:
    gone = Finding("queues", "data_events", "q", missing(Subject("dev", AT, {}, {}), "aws_sqs_queue"))
    assert "queues data_events: ./scripts/deploy.sh dev makes it (aws_sqs_queue)" in shown(report(gone))


def test_alarms_that_are_well_are_counted_unless_all_are_asked_for() -> None:
    alarms = [Finding("alarms", f"a{number}", "", judged("ok")) for number in range(3)]
    raised = Finding("alarms", "a3", "", judged("", [bad("is raised")]))
    text = shown(report(*alarms, raised))
    assert re.search(r"Alarms +3 of 4 +ok", text)
    assert re.search(r"a3 +bad +is raised", text)
    assert "a0" not in text
    assert "a0" in shown(report(*alarms), everything=True)


def test_json_is_as_its_schema_says() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    told = as_json(report(WELL, LATE, LETTERS, NOT_ASKED))
    validator.validate(told)
    assert (told["status"], told["counts"]["bad"], told["parts"][0]["facts"]) == (
        "unhealthy",
        1,
        {"encryption": "aws:kms"},
    )
    validator.validate(failure_as_json("dev", "unreachable", "no credentials", AT))
    assert not validator.is_valid({**told, "status": "unreachable"})
    assert not validator.is_valid({**told, "status": "fine"})


@pytest.fixture(scope="module")
def command() -> ModuleType:
    """check_deployment_status.py as a module."""
    file = REPOSITORY / "scripts" / "check_deployment_status.py"
    spec = importlib.util.spec_from_file_location("check_deployment_status", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("objects", "verdict"), [(["config/orders.json"], "ok"), ([], "missing")])
def test_from_outputs_to_a_report_with_its_drift(
    objects: list[str],
    verdict: str,
    command: ModuleType,
    aws: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    boto3.client("s3", "us-east-1").create_bucket(Bucket="scripts")
    for key in objects:
        boto3.client("s3", "us-east-1").put_object(Bucket="scripts", Key=key, Body=b"{}")
    # The state check reads a table that is not there: it says so, and stops nothing.
    parts = {
        "contracts": {"orders": "config/orders.json"},
        "buckets": {"scripts": "scripts"},
        "tables": {"job_state": "s"},
    }
    plan = Plan((Change("aws_sqs_queue.q", "aws_sqs_queue", "create"),))
    monkeypatch.setattr("deployment_status.drift.package", lambda console: None)
    monkeypatch.setattr(Terraform, "plan", lambda *_, lock: plan if not lock else None)
    terraform = Terraform(tmp_path, tmp_path / "log")
    target = Target("dev", "123456789012", "us-east-1", terraform, {"parts": parts, "expected": {}})
    found = {(one.part, one.key): one.verdict.value for one in command._report(target, drift=True).findings}
    assert found["contracts", "orders"] == verdict
    assert found["drift", "aws_sqs_queue.q"] == "warn"
    assert found["state", "all"] == "missing"


# Drift -------------------------------------------------------------------------------------------------


def test_what_was_changed_or_removed_outside_is_drift_and_what_this_checkout_has_otherwise_is_not() -> None:
    found = judge_drift(
        Plan(
            changes=(
                Change("a.changed", "aws_glue_trigger", "change", ("enabled",)),
                Change("a.removed", "aws_sqs_queue", "create"),
                Change("a.harmless", "aws_lambda_function", "change", ("source_code_hash",)),
                Change("a.new", "aws_sns_topic", "create"),
            ),
            drift=(
                Change("a.changed", "aws_glue_trigger", "change", ("enabled", "tags")),
                Change("a.removed", "aws_sqs_queue", "destroy"),
                Change("a.harmless", "aws_lambda_function", "change", ("tags",)),
            ),
        ),
        "dev",
    )
    assert {finding.key: (finding.verdict, finding.text) for finding in found} == {
        "a.changed": (Verdict.BAD, "was changed (enabled) outside of Terraform"),
        "a.removed": (Verdict.BAD, "was removed outside of Terraform"),
        "a.harmless": (Verdict.WARN, "an apply from this checkout would change it (source_code_hash)"),
        "a.new": (Verdict.WARN, "an apply from this checkout would create it"),
    }


def test_what_the_emulator_does_not_give_back_is_listed_apart_on_local_only() -> None:
    alarms = tuple(Change(f"alarm.{n}", "aws_cloudwatch_metric_alarm", "change", ("period",)) for n in range(2))
    [known] = judge_drift(Plan(alarms), "local")
    assert known.verdict is Verdict.OK
    assert known.text.startswith("known of the emulator: 2 to change, because of ")
    assert {finding.verdict for finding in judge_drift(Plan(alarms), "dev")} == {Verdict.WARN}


def test_a_plan_without_changes_is_no_drift() -> None:
    [same] = judge_drift(Plan(()), "prod")
    assert (same.verdict, same.text) == (Verdict.OK, "as Terraform made it")


# One place each ----------------------------------------------------------------------------------------


def test_every_part_that_terraform_tells_of_is_checked() -> None:
    block = re.search(r"^  parts = \{\n(.*?)^  \}", PARTS.read_text(), re.MULTILINE | re.DOTALL)
    assert block
    told = set(re.findall(r"^    (\w+) +=", block[1], re.MULTILINE))
    assert {check.part for check in CHECKS} - {STATE} == told
    assert set(TITLES) == {check.part for check in CHECKS} | {"drift"}


def test_the_documentation_names_just_the_actions_that_the_checks_need() -> None:
    text = (REPOSITORY / "docs" / "deployment.md").read_text()
    rows = dict(re.findall(r"^\| ([A-Z][\w -]+) \| ((?:`\w+:\w+`(?:, )?)+) \|", text, re.MULTILINE))
    documented = {title: tuple(re.findall(r"`([^`]+)`", actions)) for title, actions in rows.items()}
    assert documented == {check.title: check.actions for check in CHECKS}


def test_clients_are_made_once() -> None:
    clients = Clients("us-east-1")
    assert clients("s3") is clients("s3")
