"""Values of an environment that deploy.sh itself has to know before Terraform runs."""

from __future__ import annotations

import re
from pathlib import Path

NAME = "terraform.tfvars"


def value_of(folder: Path, name: str) -> str | None:
    """A text of an environment's ``terraform.tfvars``; None where it is not set.

    Args:
        folder: the environment's.
        name: the variable's.
    """
    found = re.search(rf'^{name}\s*=\s*"([^"]*)"', _text(folder), re.MULTILINE)
    return found[1] if found else None


def account_ids_of(folder: Path) -> list[str]:
    """The accounts that an environment may be deployed to; none where any will do."""
    found = re.search(r"^allowed_account_ids\s*=\s*\[([^\]]*)\]", _text(folder), re.MULTILINE)
    return re.findall(r'"(\d+)"', found[1]) if found else []


def _text(folder: Path) -> str:
    return (folder / NAME).read_text(encoding="utf-8")
