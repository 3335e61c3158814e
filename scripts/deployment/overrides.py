"""What the command line and the environment say of Terraform's variables."""

from __future__ import annotations

import os
from collections.abc import Iterable

import typer

# Environment variables that override Terraform variables of the same meaning.
OVERRIDES = {
    "AWS_REGION": "aws_region",
    "PROJECT_NAME": "project_name",
    "GLUE_VERSION": "glue_version",
    "PYTHON_VERSION": "python_version",
}


def variables_from(options: Iterable[str]) -> dict[str, str]:
    """The variables of the environment and of ``--var``, which wins.

    Args:
        options: values of ``--var``, as ``name=value``.

    Raises:
        typer.BadParameter: one is no name with a value.
    """
    pairs = {option: option.partition("=") for option in options}
    for option, (name, equals, _) in pairs.items():
        if not equals or not name.isidentifier():
            raise typer.BadParameter(f"--var {option}: it must be name=value, such as --var number_of_workers=4")
    given = {name: value for name, _, value in pairs.values()}
    return {name: os.environ[key] for key, name in OVERRIDES.items() if os.environ.get(key)} | given
