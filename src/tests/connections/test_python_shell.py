"""What Glue's Python shell runs: no newer Python than 3.9, and nothing but what is there or travels with it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
import vermin
from terraform.scripts import package

SOURCE = Path(__file__).resolve().parents[2]
REPO = SOURCE.parent
BESIDE = [SOURCE / "utils" / "faults.py", SOURCE / "jobs" / "database_ingestion.py"]
FILES = sorted([*(SOURCE / "connectors").glob("*.py"), *BESIDE])
# In Glue's Python shell 3.9 with its analytics libraries, or in our wheel.
PRESENT = {"boto3", "botocore", "sqlalchemy"} | {"connectors", "utils", "fastjsonschema", "simplejson"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_code_of_the_database_job_runs_on_python_3_9(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 9))
    config = vermin.Config()
    config.set_eval_annotations(False)
    least = vermin.visit(text, config).minimum_versions()[1]
    assert least is None or least <= (3, 9), least


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_database_job_imports_nothing_that_the_python_shell_lacks(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    roots = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - PRESENT
    # Connector files come as JSON there; only people's tools read YAML.
    assert roots <= ({"yaml"} if file.name == "reading.py" else set())


def test_the_wheel_is_one_that_pip_takes_and_all_in_it_runs_on_python_3_9(tmp_path: Path) -> None:
    vendor = REPO / "build" / "vendor"  # shared with deploy, so that pip runs once per version
    versions = package.CONNECTOR_WHEEL_VERSIONS
    found = [package.vendored(name, versions, vendor) for name in versions]
    wheel = tmp_path / package.CONNECTOR_WHEEL
    wheel.write_bytes(package.zipped(package.wheel_entries(SOURCE, found)))
    options = ["--quiet", "--no-deps", "--no-index", "--target", str(tmp_path / "installed")]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True)
    for file in (tmp_path / "installed").rglob("*.py"):
        ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 9))
    command = [sys.executable, "-c", "import connectors.loading, config, fastjsonschema as f; print(f.__file__)"]
    path = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    done = subprocess.run(command, cwd=tmp_path, env=path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(tmp_path / "installed"))
