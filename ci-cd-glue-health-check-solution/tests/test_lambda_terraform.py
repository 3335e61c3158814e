"""The Terraform module: format, and its own tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.terraform

HERE = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, so that nothing of Terraform's lands in the source."""
    unwanted = shutil.ignore_patterns(".terraform", "*.tfstate*")
    return Path(shutil.copytree(HERE / "terraform", tmp_path_factory.mktemp("copy") / "terraform", ignore=unwanted))


def terraform(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "TF_CLI_CONFIG_FILE"}
    return subprocess.run(["terraform", *arguments], cwd=folder, env=env, capture_output=True, text=True)


def initialise(folder: Path) -> None:
    """With the provider that lies on this machine, where there is one; else with the registry's."""
    finder = HERE.parent / "terraform" / "scripts" / "plugin_dir.py"
    found = subprocess.run([sys.executable, str(finder)], capture_output=True, text=True).stdout.strip()
    given = os.environ.get("TF_PLUGIN_DIR") or found
    options = [f"-plugin-dir={given}"] if given else []
    done = terraform(folder, "init", "-backend=false", "-no-color", *options)
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_are_formatted(checkout: Path) -> None:
    done = terraform(checkout, "fmt", "-check", "-recursive", "-diff")
    assert done.returncode == 0, done.stdout


def test_the_module_passes_its_own_tests(checkout: Path) -> None:
    initialise(checkout / "glue_health_check")
    done = terraform(checkout / "glue_health_check", "test", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Success! [1-9]\d* passed", done.stdout), done.stdout
