"""The whole pipeline with IAM enforced: every job and Lambda has the rights of its own role, and they suffice."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from deployed_cloud import PREFIX, REPOSITORY, WORKFLOW, Cloud, eventually
from local_cloud import cloud
from local_cloud.environment import aws_variables
from local_cloud.iam import role_credentials
from local_cloud.testing import settings_for_tests

sys.path.insert(0, str(REPOSITORY / "scripts"))
from deployment.terraform import Terraform, environment_folder

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

# The emulator knows no condition on cloudwatch:namespace, and so refuses what AWS allows.
FALSELY_DENIED = {"cloudwatch:PutMetricData"}
# What a plan right after an apply shows, because the emulator does not give back what it was told.
KNOWN_DRIFT = {
    ("aws_cloudwatch_composite_alarm", "replace"): "actions_enabled",
    ("aws_cloudwatch_metric_alarm", "change"): "most fields, in the protocol that the provider speaks",
    ("aws_glue_job", "change"): "execution_class, execution_property, notification_property; later the tags",
    ("aws_iam_role", "change"): "who may use a job's role: the local cloud adds itself",
}
DENIED = re.compile(r"not authorized to perform: (\S+)")


@pytest.fixture(scope="module")
def enforcing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A new local cloud that enforces IAM, deployed with the sample."""
    settings = replace(settings_for_tests(tmp_path_factory.mktemp("cloud") / "home"), enforce_iam=True)
    environment = {
        **os.environ,
        **aws_variables(settings),
        "LOCAL_CLOUD_HOME": str(settings.home),
        "LOCAL_CLOUD_PORT": str(settings.port),
        "LOCAL_CLOUD_GLUE_PORT": str(settings.glue_port),
        "LOCAL_CLOUD_ENFORCE_IAM": "1",
    }
    environment.pop("AWS_PROFILE", None)
    here = Cloud(settings, environment)
    try:
        done = here.deploy()
        assert done.returncode == 0, done.stdout + done.stderr
        yield here
    finally:
        cloud.stop(settings)


def test_every_job_ran_under_its_own_role_and_was_denied_nothing(enforcing: Cloud) -> None:
    glue = enforcing.client("glue")
    for job in ("data-ingestion", "data-processing", "data-quality"):
        run = glue.get_job_runs(JobName=f"{PREFIX}-{job}")["JobRuns"][0]
        folder = enforcing.settings.runs / run["Id"]
        assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage")
        assert f"role/{PREFIX}-{job}\n" in (folder / "stderr.log").read_text()
        said = (folder / "stdout.log").read_text() + (folder / "stderr.log").read_text()
        assert set(DENIED.findall(said)) <= FALSELY_DENIED


def test_a_new_file_starts_the_workflow_by_the_trigger_s_own_rights(enforcing: Cloud) -> None:
    glue = enforcing.client("glue")
    before = glue.get_workflow(Name=WORKFLOW)["Workflow"]["LastRun"]["WorkflowRunId"]
    key = "data/incoming/customers/2024/02/01/one-more.csv"
    enforcing.client("s3").put_object(Bucket=f"{PREFIX}-raw", Key=key, Body=b"customer_id,name\n9,Ada\n")

    def started() -> str | None:
        last = glue.get_workflow(Name=WORKFLOW)["Workflow"]["LastRun"]["WorkflowRunId"]
        return last if last != before else None

    assert eventually(started)


@pytest.mark.parametrize(
    ("job", "denied", "call"),
    [
        ("data-ingestion", "s3:PutObject", ("s3", "put_object", {"Bucket": f"{PREFIX}-raw", "Key": "a", "Body": b""})),
        ("data-ingestion", "s3:GetObject", ("s3", "get_object", {"Bucket": f"{PREFIX}-curated", "Key": "a"})),
        ("data-quality", "s3:PutObject", ("s3", "put_object", {"Bucket": f"{PREFIX}-processed", "Key": "a"})),
        ("data-ingestion", "secretsmanager:", ("secretsmanager", "get_secret_value", {"SecretId": f"{PREFIX}-pii"})),
        ("data-quality", "glue:StartJobRun", ("glue", "start_job_run", {"JobName": f"{PREFIX}-data-ingestion"})),
        ("data-processing", "iam:", ("iam", "list_roles", {})),
    ],
)
def test_a_job_s_role_allows_nothing_else(enforcing: Cloud, job: str, denied: str, call: Any) -> None:
    role = {"Role": f"arn:aws:iam::000000000000:role/{PREFIX}-{job}"}
    names = {"AWS_ACCESS_KEY_ID": "aws_access_key_id", "AWS_SECRET_ACCESS_KEY": "aws_secret_access_key"}
    names["AWS_SESSION_TOKEN"] = "aws_session_token"
    credentials = role_credentials(role, "test", enforcing.client)
    session = boto3.Session(
        region_name=enforcing.settings.region, **{names[name]: value for name, value in credentials.items()}
    )
    service, operation, arguments = call
    client = session.client(
        service, endpoint_url=enforcing.settings.endpoint, verify=str(enforcing.settings.certificate)
    )
    with pytest.raises(ClientError, match=f"not authorized to perform: {denied}|Access Denied|AccessDenied"):
        getattr(client, operation)(**arguments)


def test_a_plan_after_the_apply_shows_nothing_but_the_emulator_s_known_drift(enforcing: Cloud, tmp_path: Path) -> None:
    settings = enforcing.settings
    terraform = Terraform(
        environment_folder("local"),
        tmp_path / "terraform.log",
        {"aws_region": settings.region},
        {**aws_variables(settings), "TF_DATA_DIR": str(settings.home / "terraform")},
    )
    plan = terraform.plan(tmp_path / "plan")
    surprising = [change for change in plan.changes if (change.kind, change.action) not in KNOWN_DRIFT]
    assert not surprising
