"""deploy.sh on bad ground: every failure names the step, the reason, and what would be right."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
import typer
from moto import mock_aws
from rich.console import Console

REPOSITORY = Path(__file__).resolve().parents[1]
DEPLOY = REPOSITORY / "scripts" / "deploy.sh"

sys.path.insert(0, str(REPOSITORY / "scripts"))
from deployment import terraform as terraform_module  # noqa: E402
from deployment.account import Account  # noqa: E402
from deployment.aws import AwsDeployment  # noqa: E402
from deployment.planned import Change, Plan  # noqa: E402
from deployment.steps import DeploymentError, StepFailedError  # noqa: E402
from deployment.terraform import Terraform, environment_folder  # noqa: E402
from deployment.values import account_ids_of, value_of  # noqa: E402
from deployment.verification import verify  # noqa: E402
from deployment.workflow import unfinished_work  # noqa: E402


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    return subprocess.run([str(DEPLOY), *arguments], env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def tools_without_terraform(tmp_path: Path) -> str:
    """A PATH with what the scripts need, but no Terraform."""
    for tool in ("bash", "env", "dirname", "cat", "cksum", "grep", "java", "readlink", "uname"):
        found = shutil.which(tool)
        assert found, f"{tool} is needed by this test"
        (tmp_path / tool).symlink_to(found)
    return str(tmp_path)


@pytest.fixture
def terraform(tmp_path: Path) -> Terraform:
    """The local environment's Terraform, working in a temporary folder."""
    return Terraform(
        environment_folder("local"), tmp_path / "terraform.log", environment={"TF_DATA_DIR": str(tmp_path / "data")}
    )


def test_an_unknown_environment_is_refused_with_the_known_ones() -> None:
    done = run("production")
    assert done.returncode == 2
    assert "unknown environment production; it must be local, dev, staging or prod" in done.stderr
    assert "Usage:" in done.stderr


def test_no_environment_shows_the_usage() -> None:
    done = run()
    assert done.returncode == 2
    assert done.stderr.startswith("Usage:")


def test_the_environment_may_be_named_by_a_variable_and_the_command_line_goes_before_it() -> None:
    done = run("--plan", ENVIRONMENT="nowhere")
    assert done.returncode == 2
    assert "unknown environment nowhere" in done.stderr
    assert "unknown environment somewhere" in run("somewhere", ENVIRONMENT="nowhere").stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("dev", "--var", "number_of_workers"), "it must be name=value"),
        (("dev", "--plan", "--destroy"), "can't go together"),
        (("dev", "--plan", "--apply", "p"), "can't go together"),
        (("dev", "--save", "p"), "give both"),
        (("local", "--plan", "--save", "p"), "are for AWS"),
    ],
)
def test_options_that_can_not_be_are_misuse(options: tuple[str, ...], words: str) -> None:
    done = run(*options)
    assert (done.returncode, words in done.stderr) == (2, True)


def test_help_explains_the_options() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert "--destroy" in done.stdout


def test_a_missing_terraform_is_named_with_where_to_get_it(tools_without_terraform: str, tmp_path: Path) -> None:
    done = run("local", PATH=tools_without_terraform, LOCAL_CLOUD_HOME=str(tmp_path / "home"))
    assert done.returncode == 1
    assert "Failed at: Check the tools" in done.stdout
    assert "terraform is not on the PATH; install Terraform 1.11 or later" in done.stdout


def test_an_old_terraform_is_refused_with_the_version_that_is_needed(terraform: Terraform, monkeypatch: Any) -> None:
    monkeypatch.setattr(terraform_module, "MINIMUM_VERSION", (99, 0))
    with pytest.raises(DeploymentError, match=r"the pipeline needs 99\.0 or later"):
        terraform.check()


def test_an_unreachable_registry_without_a_mirror_says_how_to_go_on(terraform: Terraform, monkeypatch: Any) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("TF_PLUGIN_DIR", raising=False)
    monkeypatch.setattr(terraform_module, "find_plugin_dir", lambda: None)
    with pytest.raises(DeploymentError, match=r"registry can.t be reached.*TF_PLUGIN_DIR") as failure:
        terraform.init({"path": str(terraform.log.parent / "terraform.tfstate")})
    assert failure.value.log == terraform.log
    assert "registry.terraform.io" in terraform.log.read_text()


def test_a_mirror_that_holds_no_provider_is_refused_by_its_path(
    terraform: Terraform, monkeypatch: Any, tmp_path: Path
) -> None:
    monkeypatch.setenv("TF_PLUGIN_DIR", str(tmp_path))
    with pytest.raises(DeploymentError, match=str(tmp_path)):
        terraform.init({"path": str(tmp_path / "terraform.tfstate")})


def test_a_port_in_use_is_named_with_the_variable_that_changes_it(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run("local", LOCAL_CLOUD_HOME=str(tmp_path / "home"), LOCAL_CLOUD_PORT=port)
    assert done.returncode == 1
    assert "Failed at: Start the local cloud" in done.stdout
    assert port in done.stdout
    assert "LOCAL_CLOUD_PORT" in done.stdout


def test_an_account_without_credentials_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    missing = str(tmp_path / "none")
    done = run(
        "dev",
        "--plan",
        AWS_CONFIG_FILE=missing,
        AWS_SHARED_CREDENTIALS_FILE=missing,
        AWS_ACCESS_KEY_ID="",
        AWS_SECRET_ACCESS_KEY="",
        AWS_EC2_METADATA_DISABLED="true",
    )
    assert done.returncode == 1
    assert "Failed at: Check the AWS account" in done.stdout
    assert "no working AWS credentials" in done.stdout
    assert "./scripts/deploy.sh local" in done.stdout


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_without_a_terminal_nothing_is_done_unless_told_yes(environment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115, PTH123
    with pytest.raises(StepFailedError, match="no terminal to ask"):
        AwsDeployment(Console(), environment, {}, assume_yes=False)._ask("deploy")
    AwsDeployment(Console(), environment, {}, assume_yes=True)._ask("deploy")


def test_prod_wants_its_name_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    prod = AwsDeployment(Console(), "prod", {}, assume_yes=False)
    monkeypatch.setattr(typer, "prompt", lambda text: "y")
    with pytest.raises(typer.Abort):
        prod._ask("deploy")
    monkeypatch.setattr(typer, "prompt", lambda text: "prod")
    prod._ask("deploy")


@pytest.fixture
def values(tmp_path: Path) -> Path:
    """An environment's folder with values."""
    (tmp_path / "terraform.tfvars").write_text(
        'aws_region = "eu-central-1"\nallowed_account_ids = [\n  "123456789012",\n]\n# project_name = "commented"\n'
    )
    return tmp_path


def test_values_of_an_environment_are_read_where_they_are_set(values: Path) -> None:
    assert value_of(values, "aws_region") == "eu-central-1"
    assert value_of(values, "project_name") is None
    assert account_ids_of(values) == ["123456789012"]


def test_another_account_than_the_allowed_is_refused(values: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployment.account.environment_folder", lambda name: values)
    dev = Account("dev")
    with pytest.raises(DeploymentError, match=r"account 999999999999, but dev may only be deployed to 123456789012"):
        dev.allows("999999999999")
    assert dev.allows("123456789012")
    assert dev.region == "eu-central-1"


def test_a_region_that_is_given_goes_before_the_environment_s(values: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployment.account.environment_folder", lambda name: values)
    assert Account("dev", {"aws_region": "us-west-2"}).region == "us-west-2"


def test_a_failed_apply_says_what_was_done_and_how_to_go_on(tmp_path: Path) -> None:
    plan = Plan(tuple(Change(f"aws_sqs_queue.q{number}", "aws_sqs_queue", "create") for number in range(3)))
    terraform = Terraform(environment_folder("dev"), tmp_path / "log")

    def fails(tell: Any) -> Any:
        tell(1, 0, "aws_sqs_queue.q0")
        raise DeploymentError("aws_sqs_queue.q1: AccessDenied", terraform.log)

    with pytest.raises(StepFailedError) as failure:
        AwsDeployment(Console(), "dev", {}, assume_yes=True)._carry_out("terraform apply", terraform, plan, fails)
    assert "aws_sqs_queue.q1: AccessDenied" in str(failure.value.error)
    assert "1 of 3 changes were carried out" in failure.value.state
    assert "go on with ./scripts/deploy.sh dev;" in failure.value.state


def test_a_failure_before_the_apply_says_that_nothing_was_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115, PTH123
    monkeypatch.setattr(AwsDeployment, "_prepared", lambda _: None)
    plan = Plan((Change("aws_sqs_queue.q", "aws_sqs_queue", "create"),))
    monkeypatch.setattr(AwsDeployment, "_planned", lambda *_: plan)
    with pytest.raises(StepFailedError, match="no terminal to ask") as failure:
        AwsDeployment(Console(), "dev", {}, assume_yes=False).deploy()
    assert failure.value.state == "Nothing was changed in dev."


INTERRUPTING = """
resource "terraform_data" "first" {
  provisioner "local-exec" { command = "kill -INT %d; exec sleep 60" }
}
resource "terraform_data" "second" { depends_on = [terraform_data.first] }
"""


def test_ctrl_c_lets_terraform_end_by_itself_and_keep_its_state(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(INTERRUPTING % os.getpid())
    terraform = Terraform(tmp_path, tmp_path / "log")
    terraform._run("init", "-input=false")
    with pytest.raises(DeploymentError, match="you stopped it"):
        terraform.apply(lambda done, planned, name: None)
    # Its lock is gone, and what was begun is known.
    assert not (tmp_path / ".terraform.tfstate.lock.info").exists()
    assert "terraform_data.first" in terraform._run("state", "list").stdout


def test_a_locked_state_says_who_may_unlock_it(terraform: Terraform, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = subprocess.CompletedProcess(["terraform"], 1, "", "Error: Error acquiring the state lock\nID: 4711")
    monkeypatch.setattr(Terraform, "_run", lambda *arguments, **options: locked)
    with pytest.raises(DeploymentError, match=r"4711.*\n\n.*force-unlock"):
        terraform.plan(terraform.log.parent / "plan")


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Terraform outputs of a pipeline whose bucket and tables are moto's."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="raw")
        for table, keys in {"bookmarks": ("source", "object_key"), "state": ("entity", "id")}.items():
            boto3.client("dynamodb").create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=True)
                ],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            )
        yield {"bucket_names": {"raw": "raw"}, "table_names": {"job_bookmarks": "bookmarks", "job_state": "state"}}


def left_over(outputs: Any) -> list[str]:
    return unfinished_work(boto3.resource("dynamodb"), boto3.client("s3"), outputs)


def test_an_object_that_no_batch_has_claimed_is_unfinished_work(outputs: Any) -> None:
    boto3.client("s3").put_object(Bucket="raw", Key="data/incoming/2024/01/15/a.csv", Body=b"a,b")
    assert left_over(outputs) == ["data/incoming/2024/01/15/a.csv is new"]


def test_a_claimed_object_and_checked_batches_are_no_work(outputs: Any) -> None:
    boto3.client("s3").put_object(Bucket="raw", Key="data/incoming/2024/01/15/a.csv", Body=b"a,b")
    claim = {"source": "s3://raw/data/incoming/2024/01/15/", "object_key": "data/incoming/2024/01/15/a.csv", "size": 3}
    boto3.resource("dynamodb").Table("bookmarks").put_item(Item=claim)
    state = boto3.resource("dynamodb").Table("state")
    state.put_item(Item={"entity": "dataset", "id": "a"})
    state.put_item(Item={"entity": "batch#a", "id": "1", "status": "CHECKED"})
    assert left_over(outputs) == []


def test_a_batch_that_is_not_checked_is_unfinished_work(outputs: Any) -> None:
    state = boto3.resource("dynamodb").Table("state")
    state.put_item(Item={"entity": "dataset", "id": "a"})
    state.put_item(Item={"entity": "batch#a", "id": "1", "status": "INGESTED"})
    assert left_over(outputs) == ["batch a/1 is INGESTED"]


def test_another_python_than_glues_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    for name in ("scripts/venv.sh", "pyproject.toml", "constraints.txt"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    other = tmp_path / "python3.9"
    other.write_text("#!/bin/sh\nexit 1\n")
    other.chmod(0o755)
    done = subprocess.run(
        [str(tmp_path / "scripts" / "venv.sh")],
        env={**os.environ, "PYTHON": str(other)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"Python 3.11 (the one of Glue 5.1) was not found as {other}" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_what_is_missing_after_an_apply_is_named(outputs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3.client("glue").create_workflow(Name="a-workflow")
    queue = boto3.client("sqs").create_queue(QueueName="dead")["QueueUrl"]
    boto3.client("sqs").send_message(QueueUrl=queue, MessageBody="poison")
    parts = {"workflows": {"etl": "a-workflow"}, "jobs": {"ingestion": "no-job"}, "dead_letter_queues": {"data": queue}}
    made = {"parts": parts, "expected": {}}
    monkeypatch.setattr("deployment.verification.PATIENCE_SECONDS", 0)
    with pytest.raises(
        StepFailedError, match=r"jobs ingestion is not there \(\./scripts/deploy\.sh dev makes it"
    ) as failure:
        verify(Console(), made, "us-east-1", "dev")
    assert failure.value.state.startswith("Everything was applied.")
    del parts["jobs"]
    console = Console(width=120, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    verify(console, made, "us-east-1", "dev")
    # It stops nothing, since no apply puts it right.
    assert "dead-letter queues data: 1 message(s) were tried in vain" in console.export_text()
