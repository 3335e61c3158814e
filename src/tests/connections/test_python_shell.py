"""What Glue's Python shell runs: no newer Python than 3.9, and nothing but what is there or travels with it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
import vermin

SOURCE = Path(__file__).resolve().parents[2]
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
