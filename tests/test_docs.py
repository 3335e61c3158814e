"""Documentation is true: links lead somewhere, commands name scripts that exist, no machine's own path stands in it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
SCRIPT = re.compile(r"(?<![\w/.])(?:\./)?((?:terraform/)?scripts/[\w./-]+\.(?:sh|py))\b")


def pages() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return [REPOSITORY / name for name in listed.stdout.split()]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    broken = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert broken == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_script_that_a_page_names_exists(page: Path) -> None:
    # A package of its own within the repository has scripts of its own.
    package = next(folder for folder in page.parents if (folder / "pyproject.toml").exists())
    missing = [name for name in SCRIPT.findall(page.read_text()) if not (package / name).exists()]
    assert missing == []


def test_shell_scripts_can_be_run_and_stay_under_a_hundred_lines() -> None:
    folders = ("scripts", "terraform/scripts", "ci-cd-glue-health-check-solution/scripts")
    scripts = [*(path for folder in folders for path in (REPOSITORY / folder).glob("*.sh")), REPOSITORY / ".ci" / "run"]
    assert len(scripts) >= 10
    for script in scripts:
        assert script.stat().st_mode & 0o111, f"{script} has no run bit"
        assert len(script.read_text().splitlines()) < 100, f"{script} is too long"
