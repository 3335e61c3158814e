"""The local cloud on which everything is tried, and what lies in it."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3

HERE = Path(__file__).resolve().parents[2]
REPOSITORY = HERE.parent
EXAMPLES = HERE / "examples"
WORK, SHARED = "health-check-work", "health-check-shared"


@dataclass(frozen=True)
class Stage:
    """A local cloud with the two buckets of the cases.

    Attributes:
        folder: for reports and other scratch.
        environment: variables with which a child process reaches the cloud and finds this package.
    """

    folder: Path
    environment: dict[str, str]

    def cli(self, *arguments: str) -> list[str]:
        """A call of this checkout's glue-health-check, with the work bucket."""
        more = ("--pr", "7", "--poll", "0.3") if arguments[0] == "run" else ()
        return [sys.executable, "-m", "glue_health_check", *arguments, *more, "--work-bucket", WORK]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start glue-health-check; its progress is on standard error."""
        command = self.cli(*arguments)
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def run(self, *arguments: str, seconds: float = 600) -> subprocess.CompletedProcess[str]:
        """Run glue-health-check to its end."""
        command = self.cli(*arguments)
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=seconds)


def everything() -> set[str]:
    """What exists in the cloud, each with its kind."""
    s3, glue = boto3.client("s3"), boto3.client("glue")
    found = {f"bucket {bucket['Name']}" for bucket in s3.list_buckets()["Buckets"]}
    for bucket in (WORK, SHARED):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        found |= {f"object s3://{bucket}/{one['Key']}" for page in pages for one in page.get("Contents", [])}
    found |= {f"job {name}" for name in glue.list_jobs()["JobNames"]}
    found |= {f"database {database['Name']}" for database in glue.get_databases()["DatabaseList"]}
    return found | {f"table {name}" for name in boto3.client("dynamodb").list_tables()["TableNames"]}


def traces(check: str) -> list[str]:
    """What a check has left behind.

    Args:
        check: its id, ``pr7-<suffix>``; every name that it gives has the suffix.
    """
    return sorted(name for name in everything() if check.rpartition("-")[2] in name)


@contextmanager
def local_cloud(folder: Path) -> Iterator[Stage]:
    """A local cloud of its own on free ports, with the library of the repository's jobs packed."""
    home = folder / "cloud"
    script = str(REPOSITORY / "scripts" / "local_cloud.sh")
    env = {
        "LOCAL_CLOUD_CACHE": str(REPOSITORY / "build" / "health-check-cache"),
        **os.environ,
        "LOCAL_CLOUD_HOME": str(home),
        "LOCAL_CLOUD_PORT": str(_free_port()),
        "LOCAL_CLOUD_GLUE_PORT": str(_free_port()),
    }
    package = [sys.executable, str(REPOSITORY / "terraform" / "scripts" / "package.py")]
    try:
        packing = subprocess.Popen(package, stdout=subprocess.DEVNULL)
        subprocess.run([script, "start"], env=env, check=True, stdout=subprocess.DEVNULL)
        if packing.wait():
            raise RuntimeError(f"{' '.join(package)} failed, see above")
        text = subprocess.run([script, "env"], env=env, check=True, capture_output=True, text=True).stdout
        words = [word for line in text.splitlines() if line.startswith("export AWS") for word in shlex.split(line)[1:]]
        reach = dict(word.split("=", 1) for word in words if "=" in word)
        os.environ.update(reach)  # boto3 of this process
        for bucket in (WORK, SHARED):
            boto3.client("s3").create_bucket(Bucket=bucket)
        path = os.pathsep.join(filter(None, (str(HERE / "src"), os.environ.get("PYTHONPATH"))))
        yield Stage(folder, {**os.environ, "PYTHONPATH": path})
    finally:
        subprocess.run([script, "stop"], env=env, check=False, stdout=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
