"""Runs Terraform on a copy of terraform/, so that no lock file or cache lands in the source."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from terraform.scripts.plugin_dir import find_plugin_dir

REPO = Path(__file__).resolve().parents[1]
TERRAFORM = REPO / "terraform"

Run = Callable[..., subprocess.CompletedProcess[str]]


def bare_runner(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Something that runs Terraform in a folder of a new copy, with nothing of this machine's settings."""
    binary = shutil.which("terraform")
    if binary is None:
        pytest.fail("Terraform is not on the PATH; install version 1.11 or later from releases.hashicorp.com")
    copy = tmp_path_factory.mktemp("checkout") / "terraform"
    shutil.copytree(TERRAFORM, copy, ignore=shutil.ignore_patterns(".terraform", "__pycache__"))
    data = tmp_path_factory.mktemp("data")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
    environment |= {
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
        "TF_PLUGIN_CACHE_DIR": str(tmp_path_factory.mktemp("plugins")),
        # Modules have no lock file of their own, and without one the cache would go unused.
        "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE": "1",
    }

    def run(folder: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [binary, f"-chdir={copy / folder}", *arguments],
            env=environment | {"TF_DATA_DIR": str(data / folder.replace("/", "-"))},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def terraform_runner(tmp_path_factory: pytest.TempPathFactory, bare: Run | None = None) -> Run:
    """Something that runs Terraform in a folder of a copy, after init without its backend."""
    terraform = bare or bare_runner(tmp_path_factory)
    mirror = find_plugin_dir()
    options = ["-backend=false", "-input=false", *([f"-plugin-dir={mirror}"] if mirror else [])]

    def run(folder: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        result = terraform(folder, "init", *options)
        assert result.returncode == 0, f"init of {folder} failed:\n{result.stdout}{result.stderr}"
        return terraform(folder, *arguments)

    return run
