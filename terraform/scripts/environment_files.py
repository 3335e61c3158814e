#!/usr/bin/env python3
"""Writes main.tf, variables.tf and outputs.tf of every environment from the variables and outputs of modules/pipeline.

An environment gives every variable on to the pipeline, which checks them; so a new one is written down there only.
With --check it changes nothing, names the files that are not up to date, and fails if there are any.
"""

# ruff: noqa: T201 - a command line tool speaks by printing

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

TERRAFORM = Path(__file__).resolve().parents[1]
ENVIRONMENTS = ("dev", "local", "prod", "staging")

NOTE = "# Written by terraform/scripts/environment_files.py from modules/pipeline; what is changed here gets lost.\n"
VARIABLE = re.compile(r'^variable "(\w+)" \{\n.*?^\}\n', re.MULTILINE | re.DOTALL)
OUTPUT = re.compile(r'^output "(\w+)" \{\n  description = (".*")\n', re.MULTILINE)
VALIDATION = re.compile(r"\n(?:  #.*\n)*  validation \{\n.*?^  \}\n", re.MULTILINE | re.DOTALL)

# ruff: noqa: E501 - Terraform has no strings over several lines without line breaks in them

# What the environments' providers need, and the pipeline does not.
OWN_VARIABLES = """
variable "aws_region" {
  description = "AWS region of everything."
  type        = string
  default     = "us-east-1"
}

variable "allowed_account_ids" {
  description = "AWS accounts this environment may be deployed to; any other is refused. Null: any account."
  type        = list(string)
  default     = null

  validation {
    condition     = var.allowed_account_ids == null || try(alltrue([for id in var.allowed_account_ids : can(regex("^[0-9]{12}$", id))]), false)
    error_message = "allowed_account_ids must be account numbers of twelve digits, in quotes."
  }
}

variable "tags" {
  description = "Tags of everything, besides Project, Environment, Pipeline and ManagedBy: owner and cost center, for instance."
  type        = map(string)
  default     = {}
}
"""

# The one variable that an environment does not have to be given, though the pipeline has.
WITHOUT_VALUE = """variable "pii_secret_value" {
  description = "Value of the secret for personal data, at least 32 random characters. Null: a random one. It is used when there is no secret yet, or pii_secret_version was raised; afterwards it need not be given again."
  type        = string
  ephemeral   = true
  sensitive   = true
  default     = null
}
"""

MAIN = """
# Made by Secrets Manager in every run, kept nowhere, and used only where the secret has no value yet, or is to get a
# new one (pii_secret_version). pii_secret_value takes its place, to go on with a value that tables were written with.
ephemeral "aws_secretsmanager_random_password" "pii" {
  password_length     = 64
  exclude_punctuation = true
}

module "pipeline" {
  source = "../../modules/pipeline"

"""

VALUES = {
    "pii_secret_value": (
        "coalesce(var.pii_secret_value, ephemeral.aws_secretsmanager_random_password.pii.random_password)"  # an expression # nosec B105
    )
}


def variables(pipeline: str) -> str:
    """Returns an environment's variables.tf: those of the pipeline, unchecked, and its own."""
    blocks = {found[1]: VALIDATION.sub("", found[0]) for found in VARIABLE.finditer(pipeline)}
    blocks["pii_secret_value"] = WITHOUT_VALUE
    return "".join([NOTE, OWN_VARIABLES, *(f"\n{block}" for block in blocks.values())])


def main_file(pipeline: str) -> str:
    """Returns an environment's main.tf: one call of the pipeline with every variable."""
    names = [found[1] for found in VARIABLE.finditer(pipeline)]
    width = max(map(len, names))
    lines = [f"  {name:{width}} = {VALUES.get(name, f'var.{name}')}\n" for name in names]
    return "".join([NOTE, MAIN, *lines, "}\n"])


def outputs(pipeline: str) -> str:
    """Returns an environment's outputs.tf: those of the pipeline."""
    lines = (
        f'\noutput "{name}" {{\n  description = {description}\n  value       = module.pipeline.{name}\n}}\n'
        for name, description in OUTPUT.findall(pipeline)
    )
    return "".join([NOTE, *lines])


def files(terraform: Path) -> Iterator[tuple[Path, str]]:
    """Yields the path and the content of every file that this script writes."""
    folder = terraform / "modules" / "pipeline"
    inputs = (folder / "variables.tf").read_text(encoding="utf-8")
    results = (folder / "outputs.tf").read_text(encoding="utf-8")
    contents = {"main.tf": main_file(inputs), "variables.tf": variables(inputs), "outputs.tf": outputs(results)}
    for environment in ENVIRONMENTS:
        for name, content in contents.items():
            yield terraform / "environments" / environment / name, content


def main(arguments: list[str] | None = None) -> int:
    """Reads the command line and writes or checks the files; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a file is not up to date")
    options = parser.parse_args(arguments)
    stale = [
        (path, text)
        for path, text in files(TERRAFORM)
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    for path, text in stale:
        if not options.check:
            path.write_text(text, encoding="utf-8")
            print(f"updated  {path}")
    if stale and options.check:
        names = [str(path) for path, _ in stale]
        print("run terraform/scripts/environment_files.py; not up to date:", *names, sep="\n  ", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
