"""Deployment to an AWS account: the same Terraform, with state in S3 and a question before production."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from deployment.local import package
from deployment.steps import DeploymentError, show_commands, step
from deployment.terraform import REPOSITORY, Terraform, change, environment_folder, show_plan


@dataclass(frozen=True)
class AwsDeployment:
    """One deployment to dev, staging or prod.

    Args:
        console: where progress is shown.
        environment: its name.
        variables: Terraform variables given on the command line or by the environment.
        assume_yes: whether production is deployed without a question.
    """

    console: Console
    environment: str
    variables: dict[str, str]
    assume_yes: bool

    def deploy(self) -> None:
        """Apply the environment's Terraform.

        Raises:
            StepFailedError: a step failed.
        """
        terraform = self._prepared()
        self._ask("deploy to")
        change(self.console, "terraform apply", terraform.apply)
        show_commands(self.console, terraform.outputs()["next_commands"])

    def plan(self) -> None:
        """Show what an apply would change."""
        show_plan(self.console, self._prepared())

    def destroy(self) -> None:
        """Remove everything that Terraform made."""
        terraform = self._prepared()
        self._ask("remove everything of")
        change(self.console, "terraform destroy", terraform.destroy)

    def _prepared(self) -> Terraform:
        log = REPOSITORY / "build" / f"terraform-{self.environment}.log"
        log.parent.mkdir(exist_ok=True)
        terraform = Terraform(environment_folder(self.environment), log, self.variables)
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        with step(self.console, "Check the tools") as current:
            current.note(f"Terraform {terraform.check()}")
        with step(self.console, "Check the AWS account") as current:
            account = _account(region)
            current.note(f"account {account}, region {region}")
        package(self.console)
        with step(self.console, "terraform init"):
            project = self.variables.get("project_name", "glue-etl-pipeline")
            bucket = f"{project}-{self.environment}-tfstate-{account}"
            _check_state_bucket(bucket, self.environment, region)
            terraform.init({"bucket": bucket, "region": region})
        return terraform

    def _ask(self, what: str) -> None:
        if self.environment == "prod" and not self.assume_yes:
            typer.confirm(f"Really {what} prod?", abort=True)


def _account(region: str) -> str:
    try:
        return str(boto3.client("sts", region_name=region).get_caller_identity()["Account"])
    except (BotoCoreError, ClientError) as error:
        raise DeploymentError(
            f"there are no working AWS credentials ({error}); sign in (aws sso login, aws configure, or environment "
            "variables), or deploy to this laptop: ./scripts/deploy.sh local"
        ) from error


def _check_state_bucket(bucket: str, environment: str, region: str) -> None:
    s3: Any = boto3.client("s3", region_name=region)
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        raise DeploymentError(
            f"the bucket for Terraform's state, {bucket}, can't be used ({error.response['Error']['Code']}); make it "
            f"once with: terraform/scripts/bootstrap_state.sh {environment}"
        ) from error
