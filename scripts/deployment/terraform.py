"""Terraform as the deployment uses it: init with or without the registry, apply with progress, outputs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

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

    def plan(self) -> str:
        """What would change, as Terraform shows it."""
        done = self._run("plan", "-input=false", "-no-color", *self._variables())
        if done.returncode:
            raise DeploymentError(_error_text(done.stderr), self.log)
        return done.stdout

    def apply(self, on_progress: Callable[[int, int, str], None]) -> Changes:
        """Make what the configuration says.

        Args:
            on_progress: called with resources done, resources planned, and the address that was done last.

        Raises:
            DeploymentError: Terraform's own errors, with the resource.
        """
        return self._change("apply", on_progress)

    def destroy(self, on_progress: Callable[[int, int, str], None]) -> Changes:
        """Remove everything. Arguments and errors as in :meth:`apply`."""
        return self._change("destroy", on_progress)

    def outputs(self) -> dict[str, Any]:
        """The environment's outputs."""
        done = self._run("output", "-json")
        if done.returncode:
            raise DeploymentError(_error_text(done.stderr), self.log)
        return {name: output["value"] for name, output in json.loads(done.stdout).items()}

    def _change(self, command: str, on_progress: Callable[[int, int, str], None]) -> Changes:
        arguments = [command, "-json", "-auto-approve", "-input=false", "-parallelism=30", *self._variables()]
        planned, done, errors, changes = 0, 0, [], Changes()
        for event in self._events(arguments):
            kind = event.get("type")
            if kind == "planned_change":
                planned += 1
            elif kind in ("apply_complete", "apply_errored"):
                done += 1
                on_progress(done, planned, event["hook"]["resource"]["addr"])
            elif kind == "change_summary" and event["changes"]["operation"] == command:
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
        )
        assert process.stdout is not None  # noqa: S101 - it was asked for one line above
        unreadable = []
        with process, self.log.open("a", encoding="utf-8") as log:
            for line in process.stdout:
                log.write(line)
                if line.startswith("{"):
                    yield json.loads(line)
                elif line.strip():
                    unreadable.append(line.strip())
        if process.returncode and unreadable:
            raise DeploymentError(_error_text("\n".join(unreadable)), self.log)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ terraform {' '.join(arguments)}\n{done.stdout}{done.stderr}\n")
        return done

    def _environment(self) -> dict[str, str]:
        environment = {**os.environ, **self.environment, "TF_IN_AUTOMATION": "1"}
        config = environment.get("TF_CLI_CONFIG_FILE")
        if config and not Path(config).is_file():
            del environment["TF_CLI_CONFIG_FILE"]  # it names a missing file and only makes noise
        return environment

    def _variables(self) -> list[str]:
        return [f"-var={name}={value}" for name, value in self.variables.items()]


def change(console: Console, title: str, operation: Callable[[Callable[[int, int, str], None]], Changes]) -> None:
    """Apply or destroy as a step that shows how many resources are done, and the one that was done last.

    Args:
        console: where it is shown.
        title: the step's.
        operation: a Terraform's ``apply`` or ``destroy``.
    """
    with step(console, title) as current:
        changes = operation(lambda done, planned, name: current.progress(f"{done}/{planned}  {name}"))
        current.note(str(changes))


def show_plan(console: Console, terraform: Terraform) -> None:
    """Plan as a step, then show the plan as Terraform words it."""
    with step(console, "terraform plan"):
        text = terraform.plan()
    console.print(text, highlight=False, markup=False)


def _diagnostic(diagnostic: Mapping[str, Any]) -> str:
    where = diagnostic.get("address") or diagnostic.get("range", {}).get("filename", "")
    detail = " ".join(diagnostic.get("detail", "").split())
    return f"{where}: {diagnostic['summary']} {detail}".strip()


def _error_text(stderr: str) -> str:
    """Terraform's boxed errors as plain lines."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", stderr)
    lines = [line.lstrip("│╷╵ ").rstrip() for line in plain.splitlines()]
    return " ".join(line for line in lines if line) or "Terraform failed without a message"
