"""Where dev, staging and prod are: the account and region that were meant, and the bucket of Terraform's state."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from deployment.steps import DeploymentError
from deployment.terraform import REPOSITORY, Terraform, environment_folder
from deployment.values import account_ids_of, value_of

DEFAULT_PROJECT, DEFAULT_REGION = "glue-etl-pipeline", "us-east-1"


class UnreachableError(DeploymentError):
    """An account can't be spoken to, or not in the way that was meant."""


class NotDeployedError(DeploymentError):
    """There is nothing of an environment yet."""


@dataclass(frozen=True)
class Account:
    """The AWS account of one environment, as this machine's credentials and the environment's values have it.

    Args:
        environment: dev, staging or prod.
        variables: Terraform variables given on the command line or by the environment.
    """

    environment: str
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The environment's Terraform."""
        return environment_folder(self.environment)

    @property
    def region(self) -> str:
        """As it was given, else from the environment's values, else from the AWS configuration's variable."""
        return self.value("aws_region") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION

    def value(self, name: str) -> str | None:
        """A variable: as it was given, else from the environment's values."""
        return self.variables.get(name) or value_of(self.folder, name)

    def number(self) -> str:
        """The account of the credentials.

        Raises:
            UnreachableError: there are none, or they do not work.
        """
        try:
            return str(boto3.client("sts", region_name=self.region).get_caller_identity()["Account"])
        except (BotoCoreError, ClientError) as error:
            raise UnreachableError(
                f"there are no working AWS credentials ({error}); sign in (aws sso login, aws configure, or "
                "environment variables), or deploy to this laptop: ./scripts/deploy.sh local"
            ) from error

    def allows(self, number: str) -> bool:
        """Whether the environment's values name this account; False where they name none.

        Raises:
            UnreachableError: they name others.
        """
        allowed = account_ids_of(self.folder)
        if allowed and number not in allowed:
            raise UnreachableError(
                f"your credentials are of account {number}, but {self.environment} may only be deployed to "
                f"{', '.join(allowed)} (allowed_account_ids in {self.folder / 'terraform.tfvars'}); sign in to that "
                "one, or change the value"
            )
        return bool(allowed)

    def terraform(self) -> Terraform:
        """The environment's Terraform, not initialised."""
        log = REPOSITORY / "build" / f"terraform-{self.environment}.log"
        log.parent.mkdir(exist_ok=True)
        return Terraform(self.folder, log, {**self.variables, "aws_region": self.region})

    def backend(self, number: str) -> dict[str, str]:
        """Where Terraform keeps its state.

        Args:
            number: the account.

        Raises:
            NotDeployedError: the bucket is not there yet.
            UnreachableError: it is there and can't be used.
        """
        project = self.value("project_name") or DEFAULT_PROJECT
        bucket = f"{project}-{self.environment}-tfstate-{number}"
        s3: Any = boto3.client("s3", region_name=self.region)
        try:
            s3.head_bucket(Bucket=bucket)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            text = f"the bucket for Terraform's state, {bucket}, can't be used ({code})"
            if code == "404":
                raise NotDeployedError(
                    f"{text}; make it once with: terraform/scripts/bootstrap_state.sh {self.environment}"
                ) from error
            raise UnreachableError(f"{text}; ask for the right to read and write it") from error
        return {"bucket": bucket, "region": self.region}
