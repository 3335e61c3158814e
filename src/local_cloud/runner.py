"""Runs one job: its files, its environment, its process, its logs."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.arguments import command_line, merged_arguments, spark_settings
from local_cloud.class_archive import existing_archive
from local_cloud.environment import client, process_environment
from local_cloud.errors import failure_message
from local_cloud.iam import role_credentials
from local_cloud.lake import Lake, LakePlan, plan_for
from local_cloud.logship import ERROR_GROUP, OUTPUT_GROUP, LogStream
from local_cloud.packages import fetch, python_path
from local_cloud.processes import kill_group
from local_cloud.protocol import JsonObject
from local_cloud.settings import LocalCloudError, Settings
from local_cloud.spark_conf import job_settings, properties_text, spark_environment
from local_cloud.streaming import KeptInStep
from local_cloud.transfer import Transfer

MARKER = "LOCAL_CLOUD_RUN_ID"
# The kinds of jobs, as their commands are called.
KINDS = ("glueetl", "gluestreaming", "pythonshell")
_ETL, STREAMING, PYTHON_SHELL = KINDS
_STOP_GRACE_SECONDS = 5.0
_KEPT_ERROR_LINES = 500

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How a run ended: a final state, and for a failure its message."""

    state: str
    message: str | None = None


class RunControl:
    """What others may do to a run while it goes on: stop it. Also knows its process.

    Args:
        started: called with the process group when the process has started.
    """

    def __init__(self, started: Callable[[int], None]) -> None:
        self._started = started
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._timers: list[threading.Timer] = []
        self.stop_state: str | None = None

    def start(self, process: subprocess.Popen[bytes], timeout_seconds: float | None) -> None:
        """Take charge of the process: tell its group, and end it when its time is over."""
        with self._lock:
            self._process = process
        self._started(process.pid)
        if timeout_seconds is not None:
            self._later(timeout_seconds, lambda: self.stop("TIMEOUT"))
        if self.stop_state is not None:  # asked for while the process was being made
            self._signal(signal.SIGTERM)

    def stop(self, state: str = "STOPPED") -> None:
        """End the run; it will have this state. Does not wait for it."""
        with self._lock:
            if self.stop_state is not None:
                return
            self.stop_state = state
        self._signal(signal.SIGTERM)
        self._later(_STOP_GRACE_SECONDS, lambda: self._signal(signal.SIGKILL))

    def finished(self) -> None:
        """The process was waited for; from now on its id may be another's."""
        with self._lock:
            self._process = None
            timers, self._timers = self._timers, []
        for timer in timers:
            timer.cancel()

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, action)
        timer.daemon = True
        with self._lock:
            self._timers.append(timer)
        timer.start()

    def _signal(self, number: int) -> None:
        with self._lock:
            if self._process is not None and self._process.returncode is None:
                try:
                    os.killpg(self._process.pid, number)
                except ProcessLookupError:
                    return  # it ended by itself a moment ago


class JobRunner:
    """Runs jobs of one local cloud.

    Args:
        settings: of the local cloud.
        lake: what the jobs read and write.
        clients: makes a boto3 client of the emulator from a service's name.
    """

    def __init__(self, settings: Settings, lake: Lake, clients: Callable[[str], Any]) -> None:
        self._settings = settings
        self._lake = lake
        self._clients = clients

    def execute(self, job: JsonObject, run: JsonObject, control: RunControl) -> Outcome:
        """Run a job to its end, whatever that is.

        Args:
            job: its definition.
            run: the job run, as Glue shows it.
            control: stops it, and is told when its process starts.
        """
        kind = job.get("Command", {}).get("Name", _ETL)
        if kind not in KINDS:
            return Outcome("FAILED", f"the local cloud runs jobs of the kinds {', '.join(KINDS)}, not {kind}")
        folder = self._settings.runs / run["Id"]
        (folder / "tmp").mkdir(parents=True, exist_ok=True)
        logs = self._clients("logs")
        output = LogStream(logs, OUTPUT_GROUP, run["Id"], folder / "stdout.log")
        errors = LogStream(logs, ERROR_GROUP, run["Id"], folder / "stderr.log")

        def note(text: str) -> None:
            errors.write(f"[local cloud] {text}\n".encode())

        try:
            return self._execute(_Run(job, run, folder, control, output, errors, note))
        except (LocalCloudError, ClientError, BotoCoreError, OSError, ValueError) as error:
            _LOG.exception("the run %s failed before or after its process", run["Id"])
            note(f"{type(error).__name__}: {error}")
            return Outcome(control.stop_state or "FAILED", f"{type(error).__name__}: {error}")
        finally:
            output.close()
            errors.close()
            shutil.rmtree(folder / "tmp", ignore_errors=True)

    def _execute(self, one: _Run) -> Outcome:
        arguments = {**merged_arguments(one.job, one.run.get("Arguments", {})), **one.own_arguments()}
        identity = self._identity(one)
        if one.kind == PYTHON_SHELL:  # it has no Spark, and reaches S3 by itself
            command, env = self._command(one, arguments, identity)
            env["SPARK_HOME"] = str(self._settings.home / "no-spark-in-a-python-shell-job")
            return self._outcome(one, command, env)
        plan = plan_for(arguments, one.script)
        transfer = Transfer(self._settings, identity.s3, identity.variables) if identity.variables else None
        with self._lake.open_for(plan, one.note, transfer) as allowed:
            command, env = self._command(one, arguments, identity)
            hidden = plan.buckets() - allowed.buckets()
            env.update(self._spark(one, arguments, [name for name in self._lake.buckets() if name not in hidden]))
            with self._in_step(one, allowed, transfer):
                return _explained(self._outcome(one, command, env), hidden)

    def _in_step(self, one: _Run, plan: LakePlan, transfer: Transfer | None) -> AbstractContextManager[None]:
        """While a streaming job runs: the lake in step with S3. Other jobs have it before and after."""
        if one.kind != STREAMING:
            return nullcontext()
        seconds = self._settings.sync_seconds
        return KeptInStep(self._lake, plan, one.note, transfer, seconds, lambda: one.control.stop("FAILED"))

    def _outcome(self, one: _Run, command: list[str], env: dict[str, str]) -> Outcome:
        """Run the job's process."""
        if one.control.stop_state is not None:
            return Outcome(one.control.stop_state)
        code, last_errors = _run_process(command, env, one, self._timeout_seconds(one.run))
        if one.control.stop_state is not None:
            return Outcome(one.control.stop_state)
        if code == 0:
            return Outcome("SUCCEEDED")
        return Outcome("FAILED", failure_message(last_errors, code))

    def _timeout_seconds(self, run: JsonObject) -> float | None:
        minutes = run.get("Timeout")
        return minutes * self._settings.seconds_per_minute if minutes else None

    def _command(self, one: _Run, arguments: Mapping[str, str], identity: Identity) -> tuple[list[str], dict[str, str]]:
        s3 = identity.s3
        program = fetch(s3, one.script, one.folder / "script", f"ScriptLocation of the job {one.job['Name']}")
        paths = python_path(self._settings, s3, arguments, one.folder / "libraries", one.note)
        env = {
            **process_environment(self._settings),
            **identity.variables,
            MARKER: one.run["Id"],
            "TZ": "UTC",
            "TMPDIR": str(one.folder / "tmp"),
            "PYTHONPATH": os.pathsep.join(paths),
        }
        return [sys.executable, str(program), *command_line(arguments)], env

    def _identity(self, one: _Run) -> Identity:
        """Who the job is: its own role where IAM is enforced, else the local cloud itself."""
        if not self._settings.enforce_iam:
            return Identity({}, self._clients("s3"))
        one.note(f"runs with the rights of {one.job['Role']}")
        variables = role_credentials(one.job, one.run["Id"], self._clients)
        return Identity(variables, client(self._settings, "s3", credentials=variables))

    def _spark(self, one: _Run, arguments: Mapping[str, str], buckets: Iterable[str]) -> dict[str, str]:
        conf = job_settings(
            self._settings,
            arguments=arguments,
            job_conf=spark_settings(arguments.get("--conf", "")),
            buckets=buckets,
            scratch=one.folder / "tmp",
            archive=existing_archive(self._settings),
        )
        conf_file = one.folder / "spark.conf"
        conf_file.write_text(properties_text(conf))
        return spark_environment(self._settings, conf_file, one.folder / "tmp")


@dataclass(frozen=True)
class Identity:
    """Who a job is to AWS: a client, and environment variables that make others the same (none: the local cloud)."""

    variables: dict[str, str]
    s3: Any


@dataclass(frozen=True)
class _Run:
    job: JsonObject
    run: JsonObject
    folder: Path
    control: RunControl
    output: LogStream
    errors: LogStream
    note: Callable[[str], None]

    @property
    def kind(self) -> str:
        """Name of the job's command: what kind of job it is."""
        return str(self.job.get("Command", {}).get("Name", KINDS[0]))

    @property
    def script(self) -> str:
        """Address of the job's script."""
        return str(self.job.get("Command", {}).get("ScriptLocation", ""))

    def own_arguments(self) -> dict[str, str]:
        """What Glue itself tells a job. It tells a Python shell job nothing."""
        if self.kind == PYTHON_SHELL:
            return {}
        return {
            "--JOB_ID": f"j_{hashlib.sha256(self.run['JobName'].encode()).hexdigest()}",
            "--JOB_RUN_ID": self.run["Id"],
            "--JOB_NAME": self.run["JobName"],
        }


def _explained(outcome: Outcome, hidden: Iterable[str]) -> Outcome:
    """A failure over a bucket that was hidden from the job says why it is not there."""
    message = outcome.message or ""
    named = [f"s3://{bucket}" for bucket in hidden if f"//{bucket}/" in message]
    return Outcome(outcome.state, f"{message} (the job's role may not list {named[0]})") if named else outcome


def _run_process(
    command: list[str], env: dict[str, str], one: _Run, timeout_seconds: float | None
) -> tuple[int, list[str]]:
    """Run a process group to the end of its first process. Returns its exit code and last error lines."""
    work = one.folder / "work"
    work.mkdir(exist_ok=True)
    process = subprocess.Popen(
        command,
        cwd=work,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    one.control.start(process, timeout_seconds)
    last: deque[str] = deque(maxlen=_KEPT_ERROR_LINES)
    readers = [
        threading.Thread(target=one.output.copy, args=(process.stdout,), daemon=True),
        threading.Thread(target=one.errors.copy, args=(process.stderr, last), daemon=True),
    ]
    for reader in readers:
        reader.start()
    code = process.wait()
    one.control.finished()
    # Spark's Java and its workers go with the job, as a Glue container does; this also closes the pipes.
    kill_group(process.pid, f"{MARKER}={one.run['Id']}")
    for reader in readers:
        reader.join()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    return code, list(last)
