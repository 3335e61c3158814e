"""Deployment to an AWS account: the plan is shown, a person says yes, exactly that plan is applied and looked after."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from deployment.account import Account
from deployment.local import package
from deployment.planned import Plan, show_changes
from deployment.saved_plan import open_plan, save_plan
from deployment.steps import DeploymentError, StepFailedError, show_commands, step
from deployment.terraform import Terraform, change, show_plan
from deployment.verification import verify


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
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "plan")
            with self._changing_nothing():
                terraform = self._prepared()
                plan = self._planned(terraform, file)
                if plan.changes:
                    self._ask(f"deploy this to {self.environment}")
            self._apply(terraform, plan, file)

    def apply_saved(self, kept: Path) -> None:
        """Apply a plan that was saved and approved, and no other; look whether everything is there.

        Args:
            kept: what :meth:`plan` has saved.

        Raises:
            StepFailedError: a step failed, the plan is for something else, or the state has changed since.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "plan")
            with self._changing_nothing():
                terraform = self._prepared()
                with step(self.console, "Open the saved plan") as current:
                    open_plan(kept, file, self.environment)
                    plan = terraform.read(file)
                    current.note(str(plan))
                show_changes(self.console, plan)
            self._apply(terraform, plan, file)

    def plan(self, save: Path | None = None) -> None:
        """Show what an apply would change.

        Args:
            save: where the plan is kept for :meth:`apply_saved`; None: nowhere.
        """
        with self._changing_nothing():
            terraform = self._prepared()
            if save is None:
                show_plan(self.console, terraform)
                return
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder, "plan")
                self._planned(terraform, file)
                save_plan(file, save, self.environment)
            self.console.print(
                f"Nothing was changed. The plan is kept in {save}, which may hold secrets; apply it with "
                f"./scripts/deploy.sh {self.environment} --apply {save}",
                highlight=False,
                soft_wrap=True,
            )

    def destroy(self) -> None:
        """Remove everything that Terraform made.

        Raises:
            StepFailedError: a step failed, or nobody is there to ask.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "plan")
            with self._changing_nothing():
                terraform = self._prepared()
                plan = self._planned(terraform, file, destroy=True)
                if plan.changes:
                    self._ask(f"destroy everything of {self.environment}, its data included")
            if plan.changes:
                self._carry_out(
                    "terraform destroy", terraform, plan, lambda tell: terraform.apply(tell, file), "--destroy"
                )

    def _apply(self, terraform: Terraform, plan: Plan, file: Path) -> None:
        if not plan.is_empty:
            self._carry_out("terraform apply", terraform, plan, lambda tell: terraform.apply(tell, file))
        outputs = terraform.outputs()
        verify(self.console, outputs, self._account.region, self.environment)
        show_commands(
            self.console, [f"./scripts/check_deployment_status.sh {self.environment}", *outputs["next_commands"]]
        )

    @property
    def _account(self) -> Account:
        return Account(self.environment, self.variables)

    @contextmanager
    def _changing_nothing(self) -> Iterator[None]:
        """Whatever fails here has changed nothing, and says so."""
        try:
            yield
        except StepFailedError as failure:
            state = f"Nothing was changed in {self.environment}."
            raise StepFailedError(failure.title, failure.error, state) from failure

    def _prepared(self) -> Terraform:
        account = self._account
        terraform = account.terraform()
        with step(self.console, "Check the tools") as current:
            current.note(f"Terraform {terraform.check()}, Python {'.'.join(map(str, sys.version_info[:3]))}")
        with step(self.console, "Check the AWS account") as current:
            number = account.number()
            allowed = (
                f"one of allowed_account_ids of {self.environment}"
                if account.allows(number)
                else "[yellow]any account is allowed: name yours in allowed_account_ids of terraform.tfvars[/]"
            )
            current.note(f"account {number}, region {account.region}, {allowed}")
        package(self.console)
        with step(self.console, "terraform init") as current:
            backend = account.backend(number)
            current.note(f"{terraform.init(backend)}, state in {backend['bucket']}")
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
        self,
        title: str,
        terraform: Terraform,
        plan: Plan,
        operation: Callable[[Callable[[int, int, str], None]], Any],
        option: str = "",
    ) -> None:
        """Apply a plan; where that fails, say what state things are in and how to go on."""
        done = 0

        def count(number: int) -> None:
            nonlocal done
            done = number

        try:
            change(self.console, title, operation, planned=plan.steps, on_done=count)
        except StepFailedError as failure:
            again = f"./scripts/deploy.sh {self.environment} {option}".strip()
            state = (
                f"{done} of {plan.steps} changes were carried out before it ended, and Terraform's state holds them: "
                f"nothing has to be cleaned up. Put right what is named above, and go on with {again}; "
                f"./scripts/deploy.sh {self.environment} --plan shows what is left to do, and "
                f"./scripts/check_deployment_status.sh {self.environment} how each part is."
            )
            raise StepFailedError(failure.title, failure.error, state) from failure
