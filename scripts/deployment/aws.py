"""Deployment to an AWS account: the plan is shown, a person says yes, exactly that plan is applied and looked after."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from deployment.local import package
from deployment.planned import Plan, show_changes
from deployment.steps import DeploymentError, StepFailedError, show_commands, step
from deployment.terraform import REPOSITORY, Terraform, change, environment_folder, show_plan
from deployment.values import account_ids_of, value_of
from deployment.verification import faults_of

DEFAULT_PROJECT, DEFAULT_REGION = "glue-etl-pipeline", "us-east-1"


@dataclass(frozen=True)
class AwsDeployment:
    """One deployment to dev, staging or prod.

    Args:
        console: where progress is shown.
        environment: its name.
        variables: Terraform variables given on the command line or by the environment.
        assume_yes: whether to go on without a question.
    """

    console: Console
    environment: str
    variables: dict[str, str]
    assume_yes: bool

    def deploy(self) -> None:
        """Show what would change, ask, apply, and look whether everything is there.

        Raises:
            StepFailedError: a step failed, or nobody is there to ask.
        """
        terraform = self._prepared()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "plan")
            plan = self._planned(terraform, file)
            if plan.changes:
                self._ask(f"deploy this to {self.environment}")
                self._carry_out("terraform apply", terraform, plan, lambda tell: terraform.apply(tell, file))
        outputs = terraform.outputs()
        with step(self.console, "Look whether everything is there") as current:
            faults = faults_of(outputs, self._region())
            if faults:
                raise DeploymentError(f"applied, but {'; '.join(faults)}")
            current.note("jobs, Lambdas, tables and buckets are ready")
        show_commands(self.console, outputs["next_commands"])

    def plan(self) -> None:
        """Show what an apply would change."""
        show_plan(self.console, self._prepared())

    def destroy(self) -> None:
        """Remove everything that Terraform made.

        Raises:
            StepFailedError: a step failed, or nobody is there to ask.
        """
        terraform = self._prepared()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "plan")
            plan = self._planned(terraform, file, destroy=True)
            if plan.changes:
                self._ask(f"destroy everything of {self.environment}, its data included")
                self._carry_out("terraform destroy", terraform, plan, lambda tell: terraform.apply(tell, file))

    def _prepared(self) -> Terraform:
        log = REPOSITORY / "build" / f"terraform-{self.environment}.log"
        log.parent.mkdir(exist_ok=True)
        region = self._region()
        terraform = Terraform(environment_folder(self.environment), log, {**self.variables, "aws_region": region})
        with step(self.console, "Check the tools") as current:
            current.note(f"Terraform {terraform.check()}")
        with step(self.console, "Check the AWS account") as current:
            account = _account(region)
            current.note(f"account {account}, region {region}, {self._is_allowed(account)}")
        package(self.console)
        with step(self.console, "terraform init"):
            project = self._value("project_name") or DEFAULT_PROJECT
            bucket = f"{project}-{self.environment}-tfstate-{account}"
            _check_state_bucket(bucket, self.environment, region)
            terraform.init({"bucket": bucket, "region": region})
        return terraform

    def _planned(self, terraform: Terraform, file: Path, *, destroy: bool = False) -> Plan:
        with step(self.console, "terraform plan") as current:
            plan = terraform.plan(file, destroy=destroy)
            current.note(str(plan))
        show_changes(self.console, plan)
        return plan

    def _ask(self, what: str) -> None:
        """Go on only with a yes; for prod its name has to be typed, so that no habit answers.

        Raises:
            StepFailedError: there is no terminal to ask at.
        """
        if self.assume_yes:
            return
        if not sys.stdin.isatty():
            reason = DeploymentError(f"there is no terminal to ask whether to {what}; look at --plan, then say --yes")
            raise StepFailedError("Ask before anything is changed", reason)
        if self.environment == "prod":
            if typer.prompt(f"\nReally {what}? Type prod") != "prod":
                raise typer.Abort
            return
        typer.confirm(f"\nReally {what}?", abort=True)

    def _carry_out(
        self, title: str, terraform: Terraform, plan: Plan, operation: Callable[[Callable[[int, int, str], None]], Any]
    ) -> None:
        """Apply a plan; where that fails, say what state things are in and how to go on."""
        done = 0

        def count(number: int) -> None:
            nonlocal done
            done = number

        try:
            change(self.console, title, operation, planned=plan.steps, on_done=count)
        except StepFailedError as failure:
            again = f"./scripts/deploy.sh {self.environment}"
            raise StepFailedError(
                failure.title,
                DeploymentError(
                    f"{failure.error}\n\n{done} of {plan.steps} changes were carried out before it ended, and "
                    "Terraform's state holds them: nothing has to be cleaned up. Put right what is named above, and go "
                    f"on with {again}; {again} --plan shows what is left to do.",
                    terraform.log,
                ),
            ) from failure

    def _value(self, name: str) -> str | None:
        """A variable: as it was given, else from the environment's values."""
        return self.variables.get(name) or value_of(environment_folder(self.environment), name)

    def _region(self) -> str:
        return self._value("aws_region") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION

    def _is_allowed(self, account: str) -> str:
        """What the environment's values say of the account.

        Raises:
            DeploymentError: they name other accounts.
        """
        folder = environment_folder(self.environment)
        allowed = account_ids_of(folder)
        if not allowed:
            return "[yellow]any account is allowed: name yours in allowed_account_ids of terraform.tfvars[/]"
        if account not in allowed:
            raise DeploymentError(
                f"your credentials are of account {account}, but {self.environment} may only be deployed to "
                f"{', '.join(allowed)} (allowed_account_ids in {folder / 'terraform.tfvars'}); sign in to that one, or "
                "change the value"
            )
        return f"one of allowed_account_ids of {self.environment}"


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
