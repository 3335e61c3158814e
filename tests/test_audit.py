"""What programs of others find in the code: nothing, and what they are told to pass over has a reason beside it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from tests.terraform_runs import REPO, TERRAFORM

pytestmark = pytest.mark.terraform

AUDIT = TERRAFORM / "scripts" / "audit.sh"
PYTHON = ("src", "scripts", "terraform/scripts")


def audit(subject: str) -> str:
    done = subprocess.run([str(AUDIT), subject], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def lines_with(mark: str, files: list[Path]) -> list[str]:
    return [
        f"{file.relative_to(REPO)}: {line.strip()}"
        for file in files
        for line in file.read_text(encoding="utf-8").splitlines()
        if mark in line
    ]


def test_checkov_finds_nothing() -> None:
    passed = re.search(r"Passed checks: (\d+), Failed checks: 0", audit("terraform"))
    assert passed and int(passed[1]) > 100


def test_bandit_finds_nothing() -> None:
    audit("python")


def test_zizmor_actionlint_and_the_schemas_find_nothing_in_what_github_reads() -> None:
    assert "No findings" in audit("workflows")


def test_whatever_checkov_skips_has_a_reason() -> None:
    skips = lines_with("checkov:skip", list(TERRAFORM.rglob("*.tf")))
    assert skips
    assert not [skip for skip in skips if not re.search(r": #checkov:skip=CKV2?_AWS_\d+:\S.{20,}\.$", skip)]
    assert not list(REPO.glob(".checkov*")) + list(TERRAFORM.rglob(".checkov*"))


def test_whatever_bandit_skips_is_named_and_has_a_reason() -> None:
    files = [file for folder in PYTHON for file in (REPO / folder).rglob("*.py") if "tests" not in file.parts]
    skips = lines_with("# nosec", files)
    assert not [skip for skip in skips if not re.search(r"# .{9,} # nosec B\d{3}$", skip)]
    assert not [name for name in (".bandit", "bandit.yaml") if (REPO / name).exists()]
    assert "tool.bandit" not in (REPO / "pyproject.toml").read_text(encoding="utf-8")


def test_every_action_of_a_workflow_is_pinned_by_its_commit() -> None:
    uses = lines_with("uses:", list((REPO / ".github").rglob("*.yml")))
    assert uses
    ours = r"\$/\.github/actions/[\w-]+"
    theirs = r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+"
    assert not [line for line in uses if not re.search(rf"uses: ({ours}|{theirs})$", line)]
