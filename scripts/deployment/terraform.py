"""Terraform as the deployment uses it: init with or without the registry, apply with progress, outputs."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from deployment.planned import Plan, read_plan, show_changes
from deployment.steps import DeploymentError, step

REPOSITORY = Path(__file__).resolve().parents[2]
MINIMUM_VERSION = (1, 11)
# What init says when it can't reach the registry, whatever the cause.
_REGISTRY_TROUBLE = ("Failed to query available provider packages", "Failed to install provider")

sys.path.insert(0, str(REPOSITORY / "terraform" / "scripts"))
from plugin_dir import PluginDirError, find_plugin_dir  # noqa: E402


def environment_folder(name: str) -> Path:
    """Where an environment's Terraform is."""
    return REPOSITORY / "terraform" / "environments" / name


@dataclass
class Changes:
    """What an apply or destroy did, counted in resources."""

    added: int = 0
    changed: int = 0
    removed: int = 0

    def __str__(self) -> str:
        if not (self.added or self.changed or self.removed):
            return "no changes"
        return f"{self.added} added, {self.changed} changed, {self.removed} removed"


@dataclass
class Terraform:
    """One environment's Terraform.

    Args:
        folder: ``terraform/environments/<name>``.
        log: file that gets everything Terraform says.
        variables: variables given on the command line.
        environment: environment variables besides this process's own.
    """

    folder: Path
    log: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def check(self) -> str:
        """The version of the program.

        Raises:
            DeploymentError: Terraform is missing or too old.
        """
        wanted = ".".join(map(str, MINIMUM_VERSION))
        if shutil.which("terraform") is None:
            raise DeploymentError(
                f"the program terraform is not on the PATH; install Terraform {wanted} or later "
                "(https://developer.hashicorp.com/terraform/install)"
            )
        found = json.loads(self._run("version", "-json").stdout)["terraform_version"]
        if tuple(int(part) for part in found.split(".")[:2]) < MINIMUM_VERSION:
            raise DeploymentError(f"Terraform is {found}; the pipeline needs {wanted} or later")
        return str(found)

    def init(self, backend: Mapping[str, str]) -> str:
        """Initialise; where the registry can't be reached, from a provider mirror on this machine.

        Args:
            backend: values of the backend's configuration.

        Returns:
            Where the provider came from.

        Raises:
            DeploymentError: neither registry nor mirror has the provider, or the backend does not work.
        """
        options = [f"-backend-config={name}={value}" for name, value in backend.items()]
        given = os.environ.get("TF_PLUGIN_DIR")
        if not given:
            done = self._run("init", "-input=false", "-no-color", "-reconfigure", *options)
            if done.returncode == 0:
                return "provider from the registry or its cache"
            if not any(trouble in done.stderr for trouble in _REGISTRY_TROUBLE):
                raise DeploymentError(_error_text(done.stderr), self.log)
        mirror = self._mirror()
        done = self._run("init", "-input=false", "-no-color", "-reconfigure", f"-plugin-dir={mirror}", *options)
        if done.returncode:
            raise DeploymentError(_error_text(done.stderr), self.log)
        return f"provider from {mirror}"

    def _mirror(self) -> Path:
        try:
            mirror = find_plugin_dir()
        except PluginDirError as error:
            raise DeploymentError(str(error)) from error
        if mirror is None:
            raise DeploymentError(
                "Terraform's registry can't be reached, and no mirror of the provider hashicorp/aws was found; "
                "connect to the network once, or make a mirror with `terraform providers mirror <folder>` elsewhere "
                "and name it in TF_PLUGIN_DIR",
                self.log,
            )
        return mirror

    def plan(self, file: Path, *, destroy: bool = False, lock: bool = True) -> Plan:
        """What would change; the plan is saved, so that exactly it can be applied.

        Args:
            file: where it is saved. It may hold values that nobody else should read.
            destroy: whether to remove everything.
            lock: whether to keep others from deploying meanwhile; not needed by whoever only looks.

        Raises:
            DeploymentError: Terraform's own errors.
        """
        options = [f"-out={file}", *(["-destroy"] if destroy else []), *([] if lock else ["-lock=false"])]
        done = self._run("plan", "-input=false", "-no-color", *options, *self._variables())
        if done.returncode:
            raise DeploymentError(_error_text(done.stderr), self.log)
        return self.read(file)

    def read(self, file: Path) -> Plan:
        """What a saved plan would change.

        Args:
            file: what :meth:`plan` has saved.

        Raises:
            DeploymentError: Terraform's own errors.
        """
        shown = self._run("show", "-json", str(file), logged=False)
        if shown.returncode:
            raise DeploymentError(_error_text(shown.stderr), self.log)
        return read_plan(json.loads(shown.stdout))

    def apply(self, on_progress: Callable[[int, int, str], None], plan: Path | None = None) -> Changes:
        """Make what the configuration says, or what a saved plan does.

        Args:
            on_progress: called with resources done, resources planned, and the address that was done last.
            plan: a plan that :meth:`plan` saved; a plan for removal removes.

        Raises:
            DeploymentError: Terraform's own errors, with the resource.
        """
        return self._change(on_progress, self._variables() if plan is None else [str(plan)])

    def outputs(self) -> dict[str, Any]:
        """The environment's outputs."""
        done = self._run("output", "-json")
        if done.returncode:
            raise DeploymentError(_error_text(done.stderr), self.log)
        return {name: output["value"] for name, output in json.loads(done.stdout).items()}

    def _change(self, on_progress: Callable[[int, int, str], None], options: Sequence[str]) -> Changes:
        arguments = ["apply", "-json", "-auto-approve", "-input=false", "-parallelism=30", *options]
        planned, done, errors, changes = 0, 0, [], Changes()
        for event in self._events(arguments):
            kind = event.get("type")
            if kind == "planned_change":
                planned += 1
            elif kind == "apply_complete" and event["hook"].get("action") != "read":
                done += 1
                on_progress(done, planned, event["hook"]["resource"]["addr"])
            elif kind == "change_summary" and event["changes"]["operation"] in ("apply", "destroy"):
                summary = event["changes"]
                changes = Changes(summary["add"], summary["change"], summary["remove"])
            elif kind == "diagnostic" and event["diagnostic"]["severity"] == "error":
                errors.append(_diagnostic(event["diagnostic"]))
        if errors:
            raise DeploymentError("\n".join(errors), self.log)
        return changes

    def _events(self, arguments: list[str]) -> Iterator[dict[str, Any]]:
        """Terraform's JSON lines as they come."""
        process = subprocess.Popen(
            ["terraform", *arguments],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C reaches it by us alone: of two it would stop at once and lose track
        )
        assert process.stdout is not None  # noqa: S101 - it was asked for one line above # nosec B101
        unreadable = []
        with process, _stopping_gently(process) as stopped, self.log.open("a", encoding="utf-8") as log:
            for line in process.stdout:
                log.write(line)
                if line.startswith("{"):
                    yield json.loads(line)
                elif line.strip():
                    unreadable.append(line.strip())
        if stopped:
            raise DeploymentError(
                "you stopped it; Terraform finished what it was at, and wrote down what it had done", self.log
            )
        if process.returncode and unreadable:
            raise DeploymentError(_error_text("\n".join(unreadable)), self.log)

    def _run(self, *arguments: str, logged: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ terraform {' '.join(arguments)}\n{done.stdout if logged else ''}{done.stderr}\n")
        return done

    def _environment(self) -> dict[str, str]:
        environment = {**os.environ, **self.environment, "TF_IN_AUTOMATION": "1"}
        config = environment.get("TF_CLI_CONFIG_FILE")
        if config and not Path(config).is_file():
            del environment["TF_CLI_CONFIG_FILE"]  # it names a missing file and only makes noise
        return environment

    def _variables(self) -> list[str]:
        return [f"-var={name}={value}" for name, value in self.variables.items()]


@contextmanager
def _stopping_gently(process: subprocess.Popen[str]) -> Iterator[list[int]]:
    """While Terraform runs, Ctrl-C and SIGTERM are handed to it instead of ending this process.

    Yields:
        The signals that came.
    """
    came: list[int] = []

    def hand_on(number: int, _: object) -> None:
        came.append(number)
        process.send_signal(number)

    if threading.current_thread() is not threading.main_thread():  # only that one may set handlers
        yield came
        return
    before = {number: signal.signal(number, hand_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def change(
    console: Console,
    title: str,
    operation: Callable[[Callable[[int, int, str], None]], Changes],
    *,
    planned: int | None = None,
    on_done: Callable[[int], None] | None = None,
) -> None:
    """Apply as a step that shows how many resources are done, and the one that was done last.

    Args:
        console: where it is shown.
        title: the step's.
        operation: a Terraform's ``apply``.
        planned: how many resources there are; without it, as many as Terraform tells.
        on_done: called with the number of resources done.
    """
    with step(console, title) as current:

        def tell(done: int, told: int, name: str) -> None:
            current.progress(f"{done}/{planned or told}  {name}")
            if on_done is not None:
                on_done(done)

        current.note(str(operation(tell)))


def show_plan(console: Console, terraform: Terraform) -> None:
    """Plan as a step, then show what would change."""
    with tempfile.TemporaryDirectory() as folder, step(console, "terraform plan") as current:
        plan = terraform.plan(Path(folder, "plan"))
        current.note(str(plan))
    show_changes(console, plan)
    console.print(f"Nothing was changed. Every detail is in {terraform.log}", highlight=False, soft_wrap=True)


_LOCKED = "Error acquiring the state lock"


def _diagnostic(diagnostic: Mapping[str, Any]) -> str:
    where = diagnostic.get("address") or diagnostic.get("range", {}).get("filename", "")
    detail = " ".join(diagnostic.get("detail", "").split())
    return f"{where}: {diagnostic['summary']} {detail}".strip()


def _error_text(stderr: str) -> str:
    """Terraform's boxed errors as plain lines."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", stderr)
    lines = [line.lstrip("│╷╵ ").rstrip() for line in plain.splitlines()]
    text = " ".join(line for line in lines if line) or "Terraform failed without a message"
    if _LOCKED in text:
        text += (
            "\n\nSomebody else deploys just now: wait until they are done. If that run is dead, its lock is taken away "
            "with `terraform force-unlock <ID>` in the environment's folder; the ID is named above."
        )
    return text
