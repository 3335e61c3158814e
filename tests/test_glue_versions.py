"""Glue versions: one list in all the places that name them, clear errors, and code that the oldest Python runs."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import vermin
import yaml
from scripts import glue_environment
from tests.pages import REPOSITORY, Page

VERSIONS = json.loads((REPOSITORY / "scripts" / "glue_versions.json").read_text())
OLDEST_PYTHON = min(tuple(map(int, version["python"].split("."))) for version in VERSIONS.values())
SHIPPED = sorted(path for room in ("etl", "jobs", "utils") for path in (REPOSITORY / "src" / room).rglob("*.py"))


def spark_of(version: str) -> str:
    [pin] = [pin for pin in VERSIONS[version]["pins"] if pin.startswith("pyspark==")]
    return pin.removeprefix("pyspark==")


def test_terraform_make_and_the_nightly_run_have_the_same_versions() -> None:
    variables = (REPOSITORY / "terraform" / "modules" / "pipeline" / "variables.tf").read_text()
    [allowed] = re.findall(r"contains\((\[[^\]]+\]), var\.glue_version\)", variables)
    assert json.loads(allowed) == list(VERSIONS)
    makefile = (REPOSITORY / "Makefile").read_text()
    [targets] = re.findall(r"^GLUE_VERSIONS := (.+)$", makefile, re.MULTILINE)
    assert targets.split() == [f"glue-{version}" for version in VERSIONS]
    nightly = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "nightly.yml").read_text())
    matrix = nightly["jobs"]["glue"]["strategy"]["matrix"]["include"]
    assert {one["glue"]: one["python"] for one in matrix} == {name: one["python"] for name, one in VERSIONS.items()}


def test_the_page_shows_spark_and_python_of_every_version() -> None:
    _, _, *rows = Page(REPOSITORY / "docs" / "glue_versions.md").tables[0]
    cells = [[cell.strip() for cell in row.text.strip("|").split("|")] for row in rows]
    shown = {name.split()[0]: [spark, python] for name, spark, python, *_ in cells}
    assert shown == {name: [spark_of(name), one["python"]] for name, one in VERSIONS.items()}


def test_the_default_version_is_the_one_that_every_other_test_runs_on() -> None:
    constraints = (REPOSITORY / "constraints.txt").read_text().lower().split()
    variables = (REPOSITORY / "terraform" / "modules" / "pipeline" / "variables.tf").read_text()
    [default] = re.findall(r'variable "glue_version" \{.+?default\s+= "([^"]+)"', variables, re.DOTALL)
    assert {pin.lower() for pin in VERSIONS[default]["pins"]} <= set(constraints)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: str(file.relative_to(REPOSITORY / "src")))
def test_what_jobs_run_has_nothing_that_the_oldest_python_lacks(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    ast.parse(text, feature_version=OLDEST_PYTHON)
    config = vermin.Config()
    config.set_eval_annotations(False)
    # vermin takes an ``encoding`` of a class of ours for that of a file of Python 2.
    config.add_exclusion("file.encoding")
    least = vermin.visit(text, config).minimum_versions()[1]
    assert least is None or least <= OLDEST_PYTHON, least


def test_an_unknown_version_is_refused_with_those_that_there_are() -> None:
    command = [sys.executable, str(REPOSITORY / "scripts" / "glue_environment.py"), "3.0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert all(version in done.stderr for version in VERSIONS)


def interpreter(path: Path, answer: str) -> Path:
    """A program that answers whatever it is asked."""
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho {answer}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with no interpreter; its folder."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return tmp_path


def test_a_missing_interpreter_is_told_with_what_would_install_it(bare_machine: Path) -> None:
    with pytest.raises(glue_environment.EnvironmentFailedError, match=r"Python 3\.10 was found neither on the PATH"):
        glue_environment.find_python("3.10")


def test_the_interpreter_on_the_path_comes_before_pyenv_s_and_that_before_uv_s(bare_machine: Path) -> None:
    of_uv = interpreter(bare_machine / "uv" / "python", "3.10")
    interpreter(bare_machine / "bin" / "uv", str(of_uv))
    assert glue_environment.find_python("3.10") == of_uv
    of_pyenv = interpreter(bare_machine / "pyenv" / "versions" / "3.10.13" / "bin" / "python3.10", "3.10")
    assert glue_environment.find_python("3.10") == of_pyenv
    on_path = bare_machine / "bin" / "python3.10"
    on_path.write_text("#!/bin/sh\necho pyenv: python3.10: command not found >&2; exit 127\n")
    on_path.chmod(0o755)
    assert glue_environment.find_python("3.10") == of_pyenv
    on_path.write_text("#!/bin/sh\necho 3.10\n")
    assert glue_environment.find_python("3.10") == on_path


def test_the_pins_of_a_version_stand_in_place_of_the_common_ones() -> None:
    lines = glue_environment.constraints(["PySpark==3.3.0", "aws_xray.sdk==1"]).splitlines()
    assert [line for line in lines if line.lower().startswith(("pyspark==", "aws-xray", "aws_xray"))] == [
        "PySpark==3.3.0",
        "aws_xray.sdk==1",
    ]
    assert any(line.startswith("boto3==") for line in lines)
