"""Runs Terraform on a copy of terraform/, so that no lock file or cache lands in the source.

A test file has one AWS provider that keeps running: to start it and to ask for its schema takes longer than a plan,
and Terraform does both again for every command and every run of a test.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from terraform.scripts.plugin_dir import PROVIDER, find_plugin_dir

REPO = Path(__file__).resolve().parents[1]
TERRAFORM = REPO / "terraform"
ENVIRONMENTS = ("local", "dev", "staging", "prod")

# Instead of the bucket of the states, which is not there.
LOCAL_BACKEND = 'terraform {\n  backend "local" {}\n}\n'


class Checkout:
    """Terraform in the folders of a copy of terraform/, with nothing of this machine's settings."""

    def __init__(self, folder: Path) -> None:
        """Copies terraform/ into `folder`; fails the test when there is no Terraform."""
        binary = shutil.which("terraform")
        if binary is None:
            pytest.fail("Terraform is not on the PATH; install version 1.11 or later from releases.hashicorp.com")
        self.binary = binary
        self.root = folder / "terraform"
        self.data = folder / "data"
        shutil.copytree(TERRAFORM, self.root, ignore=shutil.ignore_patterns(".terraform", "__pycache__", "*.tfstate*"))
        for environment in ENVIRONMENTS:
            backend = self.root / "environments" / environment / "backend_override.tf"
            backend.write_text(LOCAL_BACKEND, encoding="utf-8")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
        self.environment = {**inherited, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}

    def run(self, folder: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs Terraform in a folder of the copy."""
        # The folders of a kind lie equally deep, so what init notes down for one of them serves all.
        data = {"TF_DATA_DIR": str(self.data / folder.split("/")[0])}
        return subprocess.run(
            [self.binary, f"-chdir={self.root / folder}", *arguments],
            env={**self.environment, **data},
            capture_output=True,
            text=True,
            check=False,
        )

    def init(self, folder: str, *options: str) -> None:
        """Prepares the folder, and with it those beside it."""
        done = self.run(folder, "init", "-input=false", "-no-color", *options)
        assert done.returncode == 0, f"init of {folder} failed:\n{done.stdout}{done.stderr}"


@contextmanager
def running_provider(checkout: Checkout) -> Iterator[Mapping[str, str]]:
    """Starts the AWS provider that init has found, and yields how Terraform reaches it."""
    (binary,) = (checkout.data / "environments" / "providers" / PROVIDER).glob("*/*/terraform-provider-aws_*")
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [str(binary.resolve()), "-debug"], stdout=output, stderr=subprocess.STDOUT, env=checkout.environment
        )
        try:
            yield {"TF_REATTACH_PROVIDERS": _address(process, output.fileno())}
        finally:
            process.terminate()
            process.wait(timeout=30)


def _address(process: subprocess.Popen[bytes], output: int, seconds: float = 60) -> str:
    """What the provider says when it is ready; fails with its output when it isn't in time."""
    said = ""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        said = os.pread(output, 1 << 16, 0).decode()
        found = re.search(r"TF_REATTACH_PROVIDERS='(.+)'", said)
        if found:
            return found[1]
        time.sleep(0.05)
    pytest.fail(f"the AWS provider did not start:\n{said}")


@contextmanager
def terraform_checkout(folder: Path, **environment: str) -> Iterator[Checkout]:
    """A copy of terraform/ in `folder` whose environments and modules are initialised.

    Terraform and the provider run with these environment variables besides.
    """
    checkout = Checkout(folder)
    checkout.environment |= environment
    mirror = find_plugin_dir()
    checkout.init("environments/local", *([f"-plugin-dir={mirror}"] if mirror else []))
    with running_provider(checkout) as address:
        checkout.environment |= address
        checkout.init("modules/pipeline")  # the one that calls the others
        yield checkout
