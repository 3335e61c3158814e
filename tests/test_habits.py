"""The same commands everywhere: make, CI, the hooks of a commit and the devcontainer say and run the same."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft201909Validator

REPOSITORY = Path(__file__).resolve().parents[1]
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
TARGETS = sorted({name for line in re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE) for name in line.split()})
# What a command may start with or name that a fresh clone has not: .venv is made by scripts/venv.sh.
PROGRAM = re.compile(r"(?<![\w./-])(?:\./)?((?:scripts|terraform|src|tests|ci-cd[\w-]*|\.venv/bin)/[\w./-]+)")
# The parts of the devcontainer specification's schema (devContainer.base.schema.json) that are used here.
DEVCONTAINER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "build": {
            "type": "object",
            "properties": {"dockerfile": {"type": "string"}},
            "required": ["dockerfile"],
            "additionalProperties": False,
        },
        "remoteUser": {"type": "string"},
        "hostRequirements": {
            "type": "object",
            "properties": {
                "cpus": {"type": "integer", "minimum": 1},
                "memory": {"type": "string", "pattern": r"^\d+([tgmk]b)?$"},
                "storage": {"type": "string", "pattern": r"^\d+([tgmk]b)?$"},
            },
            "additionalProperties": False,
        },
        "postCreateCommand": {"type": ["string", "array", "object"]},
        "forwardPorts": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 65535}},
        "portsAttributes": {"type": "object"},
        "customizations": {"type": "object"},
    },
    "required": ["build"],
    "additionalProperties": False,
}


def made(*arguments: str) -> str:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout


def targets() -> list[str]:
    """Every target but the one that only others call; the Glue versions stand in a variable."""
    versions = re.findall(r"^GLUE_VERSIONS := (.+)$", MAKEFILE, re.MULTILINE)[0].split()
    return sorted({*TARGETS, *versions} - {"$(GLUE_VERSIONS)", "venv"})


def load(file: Path) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return loaded


def test_make_without_a_target_lists_every_target_with_what_it_does() -> None:
    listed = dict(re.findall(r"^  (\S+) +(\S.*)$", made(), re.MULTILINE))
    assert sorted(listed) == targets()
    defined = {name for line in re.findall(r"^([\w .-]+):", MAKEFILE, re.MULTILINE) for name in line.split()}
    assert defined - {".DEFAULT_GOAL", ".SHELLFLAGS", ".PHONY", "SHELL", "BIN", "GLUE_VERSIONS", "venv"} <= set(
        targets()
    )


def test_the_commands_of_every_target_exist() -> None:
    lines = made("--dry-run", "--keep-going", *(name for name in targets() if name != "help"))
    programs = set(PROGRAM.findall(lines))
    assert len(programs) > 10
    assert not [name for name in programs if not (REPOSITORY / name).exists()]


def test_the_gate_is_what_ci_runs() -> None:
    (command,) = re.findall(r"^exec (.+)$", (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
    assert made("--dry-run", "gate").strip() == command


def test_the_parts_of_ci_are_those_of_the_gate() -> None:
    ci = load(REPOSITORY / ".github" / "workflows" / "ci.yml")["jobs"]
    run = [made("--dry-run", one["target"]).split()[-1] for one in ci["part"]["strategy"]["matrix"]["include"]]
    script = (REPOSITORY / "scripts" / "test.sh").read_text(encoding="utf-8")
    chosen = dict(re.findall(r'^ +(--\w+)\) shift && args\+=\(-m "?([^")]+)"?\)', script, re.MULTILINE))
    assert sorted(run) == ["--e2e", "--lint", "--terraform", "--unit"]
    assert [chosen[part] for part in ("--unit", "--terraform", "--e2e")] == [
        "not e2e and not terraform",
        "terraform and not e2e",
        "e2e",
    ]
    assert ci["gate"]["needs"] == [name for name in ci if name != "gate"]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_make_target_that_a_workflow_names_exists(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([a-z][\w-]*)", re.sub(r"#.*", "", text))) | set(
        re.findall(r"target: ([\w-]+)", text)
    )
    named |= {name for listed in re.findall(r"target: \[(.+)\]", text) for name in listed.split(", ")}
    named |= {f"glue-{version}" for version in re.findall(r'glue: "([\d.]+)"', text)}
    assert named <= set(targets())


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_job_has_a_time_limit_and_only_the_rights_that_it_names(file: Path) -> None:
    workflow = load(file)
    assert workflow["permissions"] == {}
    assert "pull_request_target" not in workflow[True]  # YAML takes `on` for a truth value
    for name, job in workflow["jobs"].items():
        assert "timeout-minutes" in job, name
        assert "permissions" in job, name


def test_no_role_of_aws_is_taken_for_a_fork_and_nothing_is_applied_for_a_pull_request() -> None:
    jobs = load(REPOSITORY / ".github" / "workflows" / "deploy.yml")["jobs"]
    assert "head.repo.full_name == github.repository" in jobs["plan"]["if"]
    assert "github.event_name != 'pull_request'" in jobs["apply"]["if"]
    # The environment with the approval; that of the plan may only read.
    assert jobs["apply"]["environment"] == "${{ needs.plan.outputs.environment }}"
    assert jobs["plan"]["environment"].endswith("-plan")
    check = load(REPOSITORY / ".github" / "workflows" / "health-check.yml")
    assert "head.repo.full_name == github.repository" in check["env"]["ON_AWS"]


def test_the_hooks_run_what_is_here_and_fetch_nothing() -> None:
    config = load(REPOSITORY / ".pre-commit-config.yaml")
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    hooks = {hook["id"]: hook["entry"].split()[0] for hook in config["repos"][0]["hooks"]}
    wanted = {"ruff", "ruff-format", "mypy", "terraform-fmt", "terraform-validate", "shellcheck", "shfmt", "checkov"}
    assert wanted | {"detect-secrets", "workflows"} <= set(hooks)
    assert not [entry for entry in hooks.values() if entry != "terraform" and not (REPOSITORY / entry).exists()]


def test_the_devcontainer_has_the_versions_of_ci() -> None:
    content = json.loads((REPOSITORY / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    Draft201909Validator(DEVCONTAINER).validate(content)
    assert content["postCreateCommand"] == "make setup"
    image = (REPOSITORY / ".devcontainer" / content["build"]["dockerfile"]).read_text(encoding="utf-8")
    action = load(REPOSITORY / ".github" / "actions" / "setup" / "action.yml")
    _, java, terraform = (step["with"] for step in action["runs"]["steps"])
    assert f"FROM python:{action['inputs']['python-version']['default']}." in image
    assert f"openjdk-{java['java-version']}-jre-headless" in image
    assert f"TERRAFORM_VERSION={terraform['terraform_version']}" in image


def test_every_shell_script_is_linted() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "*.sh"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()
    linted = {"scripts", "terraform/scripts", "ci-cd-glue-health-check-solution/scripts"}
    assert {str(Path(name).parent) for name in tracked} == linted
    script = (REPOSITORY / "scripts" / "test.sh").read_text(encoding="utf-8")
    assert all(f"{folder}/*.sh" in script for folder in linted)


def test_no_file_of_code_is_longer_than_one_can_keep_in_mind() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "*.py", "*.sh"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()
    lines = {name: len((REPOSITORY / name).read_text(encoding="utf-8").splitlines()) for name in tracked}
    most = {".py": 400, ".sh": 99}
    assert {name: count for name, count in lines.items() if count > most[Path(name).suffix]} == {}
