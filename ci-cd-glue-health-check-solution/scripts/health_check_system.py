#!/usr/bin/env python3
"""Tries the whole health check on a local cloud: good jobs, broken jobs, a killed check, and nothing left behind.

It needs a checkout of the repository around this package, whose local cloud and jobs it uses.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import boto3
import typer
from rich.console import Console

HERE = Path(__file__).resolve().parents[1]
REPOSITORY = HERE.parent
EXAMPLES = HERE / "examples"
WORK, SHARED = "health-check-work", "health-check-shared"
CASE_SECONDS = 600
console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Case:
    """A check and how it must end.

    Attributes:
        name: what is tried.
        arguments: of ``glue-health-check run``.
        code: the exit code that it must have.
        reason: what a finding must say.
    """

    name: str
    arguments: tuple[str, ...]
    code: int
    reason: str = ""


def broken(script: str, *more: str) -> tuple[str, ...]:
    """Arguments for one of the scripts in examples/broken."""
    folder = EXAMPLES / "broken"
    return ("-c", str(folder / "check.yml"), "--script", str(folder / f"{script}.py"), *more)


CASES = (
    Case("a good job passes", broken("good"), 0),
    Case("a wrong schema fails", broken("wrong_schema"), 1, "the column order_id is missing"),
    Case("an exception fails", broken("exception"), 1, "ValueError: no orders in"),
    Case("a hang fails at its time limit", broken("hang", "--timeout", "0.15"), 1, "did not end within 0.15 minutes"),
    Case(
        "a write outside fails", broken("outside", "-a", f"shared_bucket={SHARED}"), 1, f"wrote s3://{SHARED}/orders/"
    ),
    *(
        Case(f"{job} passes", ("-c", str(EXAMPLES / f"{job}.yml")), 0)
        for job in ("data_ingestion", "data_processing", "data_quality")
    ),
)


def main(only: str = typer.Option("", help="Only cases whose name holds this text.")) -> None:
    """Try everything; exit 0 when all of it is as it must be."""
    failures = 0
    with tempfile.TemporaryDirectory(prefix="health-check-") as folder, local_cloud(Path(folder)) as env:
        os.environ.update(env)
        for bucket in (WORK, SHARED):
            boto3.client("s3").create_bucket(Bucket=bucket)
        pack_library()
        before = everything()
        for case in CASES:
            if only in case.name:
                failures += tell(case.name, try_case(case, Path(folder)))
                boto3.resource("s3").Bucket(SHARED).objects.delete()
                failures += tell("  nothing is left behind", difference(before))
        if only in (name := "after SIGKILL the sweeper removes everything"):
            failures += tell(name, try_kill(before))
    raise typer.Exit(1 if failures else 0)


def try_case(case: Case, folder: Path) -> str:
    """Run a case. Returns what is wrong, or an empty text."""
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    done = subprocess.run(
        command("run", *case.arguments, "--json", str(report)), capture_output=True, text=True, timeout=CASE_SECONDS
    )
    if done.returncode != case.code:
        return f"exit {done.returncode} instead of {case.code}:\n{done.stdout}\n{done.stderr}"
    found = [finding["message"] for check in json.loads(report.read_text())["checks"] for finding in check["findings"]]
    if not any(case.reason in message for message in found) and case.reason:
        return f"no finding says {case.reason!r}: {found}"
    return ""


def try_kill(before: set[str]) -> str:
    """Kill a check while its job runs, then sweep after its TTL."""
    process = subprocess.Popen(
        command("run", *broken("hang")), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    for line in process.stderr:
        if "RUNNING" in line:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    if everything() == before:
        return "the killed check had left nothing, so nothing was tried"
    early = subprocess.run(command("sweep"), capture_output=True, text=True)
    if "0 removed" not in early.stdout:
        return f"the sweeper removed things before their TTL was over: {early.stdout}"
    later = (datetime.now(timezone.utc) + timedelta(days=1)).isoformat()
    late = subprocess.run(command("sweep", "--at", later), capture_output=True, text=True)
    return difference(before) or ("" if late.returncode == 0 else late.stdout + late.stderr)


def tell(name: str, problem: str) -> int:
    """Print how a case ended. Returns 1 when it is wrong."""
    console.print(f"{'not ok' if problem else 'ok'}  {name}", style="red" if problem else "green")
    if problem:
        console.print(problem, markup=False)
    return int(bool(problem))


def command(*arguments: str) -> list[str]:
    """A call of the command line of this checkout."""
    more = ("--pr", "7", "--poll", "0.3") if arguments[0] == "run" else ()
    return [sys.executable, "-m", "glue_health_check", *arguments, *more, "--work-bucket", WORK]


def everything() -> set[str]:
    """What exists in the cloud."""
    s3, glue = boto3.client("s3"), boto3.client("glue")
    buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    objects = {
        f"s3://{bucket}/{one['Key']}"
        for bucket in (WORK, SHARED)
        for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    }
    tables = boto3.client("dynamodb").list_tables()["TableNames"]
    databases = [database["Name"] for database in glue.get_databases()["DatabaseList"]]
    return {*buckets, *objects, *glue.list_jobs()["JobNames"], *tables, *databases}


def difference(before: set[str]) -> str:
    """What is there that was not there before."""
    left = everything() - before
    return f"left behind: {', '.join(sorted(left))}" if left else ""


def pack_library() -> None:
    """The library of the repository's jobs, as it is in this checkout."""
    subprocess.run([sys.executable, str(REPOSITORY / "terraform/scripts/package.py")], check=True, capture_output=True)


@contextmanager
def local_cloud(home: Path) -> Iterator[dict[str, str]]:
    """A local cloud of its own; yields the environment that reaches it."""
    script = str(REPOSITORY / "scripts/local_cloud.sh")
    env = {
        **os.environ,
        "LOCAL_CLOUD_HOME": str(home / "cloud"),
        "LOCAL_CLOUD_PORT": str(free_port()),
        "LOCAL_CLOUD_GLUE_PORT": str(free_port()),
    }
    try:
        subprocess.run([script, "start"], env=env, check=True, stdout=subprocess.DEVNULL)
        text = subprocess.run([script, "env"], env=env, check=True, capture_output=True, text=True).stdout
        words = [word for line in text.splitlines() if line.startswith("export AWS") for word in shlex.split(line)[1:]]
        exported = dict(word.split("=", 1) for word in words if "=" in word)
        path = os.pathsep.join(filter(None, (str(HERE / "src"), os.environ.get("PYTHONPATH"))))
        yield {**exported, "PYTHONPATH": path}
    finally:
        subprocess.run([script, "stop"], env=env, check=False, stdout=subprocess.DEVNULL)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


if __name__ == "__main__":
    typer.run(main)
