"""How the local cloud is reached from this process: its Terraform, and every AWS client."""

from __future__ import annotations

import os
from collections.abc import Mapping

from deployment.terraform import Terraform, environment_folder
from local_cloud.environment import FOREIGN_VARIABLES, aws_variables
from local_cloud.settings import Settings

STATE = "terraform.tfstate"


def enter(settings: Settings) -> None:
    """From here on every AWS client of this process speaks to the local cloud, and to nothing else."""
    for name in FOREIGN_VARIABLES:
        os.environ.pop(name, None)
    os.environ.update(aws_variables(settings))


def local_terraform(settings: Settings, variables: Mapping[str, str]) -> Terraform:
    """The local environment's Terraform, not initialised.

    Args:
        settings: of the local cloud.
        variables: given on the command line or by the environment.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    return Terraform(
        environment_folder("local"),
        log=settings.home / "terraform.log",
        # The region is the local cloud's, whatever AWS_REGION the user has for AWS.
        variables={**variables, "aws_region": settings.region},
        environment={**aws_variables(settings), "TF_DATA_DIR": str(settings.home / "terraform")},
    )


def backend(settings: Settings) -> dict[str, str]:
    """Where Terraform keeps its state."""
    return {"path": str(settings.home / STATE)}
