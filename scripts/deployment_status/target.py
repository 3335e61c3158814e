"""Where an environment is, and what Terraform made in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployment import here
from deployment.account import Account, NotDeployedError, UnreachableError
from deployment.steps import DeploymentError
from deployment.terraform import Terraform
from local_cloud import cloud
from local_cloud.settings import ACCOUNT, settings_from_environment


@dataclass(frozen=True)
class Target:
    """An environment that was deployed.

    Args:
        environment: its name.
        account: AWS account.
        region: AWS region.
        terraform: initialised.
        outputs: what it made.
    """

    environment: str
    account: str
    region: str
    terraform: Terraform
    outputs: Mapping[str, Any]


def find_target(environment: str, variables: Mapping[str, str]) -> Target:
    """Reach an environment; AWS clients that are made afterwards speak to it.

    Args:
        environment: local, dev, staging or prod.
        variables: Terraform variables given on the command line or by the environment.

    Raises:
        UnreachableError: its account can't be spoken to, or Terraform is missing.
        NotDeployedError: nothing was deployed there.
        LocalCloudError: a setting of the local cloud can't be used.
    """
    return _local(variables) if environment == "local" else _aws(environment, variables)


def _local(variables: Mapping[str, str]) -> Target:
    settings = settings_from_environment()
    if not (settings.home / here.STATE).is_file():
        raise NotDeployedError(
            f"local was never deployed: {settings.home} holds no state. ./scripts/deploy.sh local does"
        )
    if not cloud.is_running(settings):
        raise UnreachableError(
            f"the local cloud of {settings.home} does not run. Start it: ./scripts/local_cloud.sh start"
        )
    here.enter(settings)
    terraform = here.local_terraform(settings, variables)
    outputs = _outputs(terraform, here.backend(settings), "local")
    return Target("local", ACCOUNT, settings.region, terraform, outputs)


def _aws(environment: str, variables: Mapping[str, str]) -> Target:
    account = Account(environment, dict(variables))
    number = account.number()
    account.allows(number)
    terraform = account.terraform()
    try:
        backend = account.backend(number)
    except NotDeployedError as error:
        where = f"account {number}, region {account.region}"
        raise NotDeployedError(f"{environment} was never deployed to {where}: {error}") from error
    return Target(environment, number, account.region, terraform, _outputs(terraform, backend, environment))


def _outputs(terraform: Terraform, backend: Mapping[str, str], environment: str) -> Mapping[str, Any]:
    try:
        terraform.check()
        terraform.init(backend)
        outputs = terraform.outputs()
    except DeploymentError as error:
        raise UnreachableError(f"Terraform's state can't be read: {error}", error.log) from error
    deploy = f"./scripts/deploy.sh {environment}"
    if not outputs:
        raise NotDeployedError(f"{environment} was never deployed, or was destroyed: its state is empty. {deploy} does")
    if "parts" not in outputs:
        raise NotDeployedError(
            f"{environment} was deployed by a version that did not note its parts, or not to its end. {deploy} puts "
            "that right"
        )
    return outputs
