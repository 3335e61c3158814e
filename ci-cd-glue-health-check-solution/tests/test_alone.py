"""The package needs nothing of the repository around it: what it imports it declares, and its wheel works by itself."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1]
SOURCE = PACKAGE / "src" / "glue_health_check"
# Distribution -> modules, where they differ. boto3 brings botocore.
MODULES = {
    "aws-lambda-powertools": {"aws_lambda_powertools"}, "aws-xray-sdk": {"aws_xray_sdk"},
    "boto3": {"boto3", "botocore"}, "detect-secrets": {"detect_secrets"}, "pyyaml": {"yaml"},
}  # fmt: skip


def declared() -> set[str]:
    """Modules of the dependencies that pyproject.toml declares for whoever installs the package, Lambdas included."""
    text = (PACKAGE / "pyproject.toml").read_text(encoding="utf-8")
    parts = [re.search(rf"(?ms)^{name} = \[\n(.*?)^\]", text) for name in ("dependencies", "lambda")]
    names = [name for part in parts if part for name in re.findall(r'(?m)^ +"([a-z0-9-]+)', part[1])]
    assert len(names) > 10
    return {module for name in names for module in MODULES.get(name, {name})}


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    from_ = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.split(".")[0] for name in plain | from_}


def test_every_module_imports_only_what_the_package_declares() -> None:
    allowed = {*sys.stdlib_module_names, *declared(), "glue_health_check"}
    undeclared = {path.name: names for path in SOURCE.rglob("*.py") if (names := imported(path) - allowed)}
    assert undeclared == {}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made of a copy: pip leaves a folder ``build`` behind, whose old files would get into the next one."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(SOURCE, folder / "copy" / "src" / SOURCE.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PACKAGE / "pyproject.toml", folder / "copy")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(folder / "copy")], check=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_s_command_line_works_by_itself(wheel: Path, tmp_path: Path) -> None:
    schema = tmp_path / "a.yml"
    schema.write_text("name: a\ncolumns: [{name: id, type: int, required: true}]\n", encoding="utf-8")
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from glue_health_check.cli import main; main()"
    # Isolated: neither PYTHONPATH nor the current folder lends it a module.
    command = [sys.executable, "-I", "-c", code, str(wheel), "stub-data", str(schema), "--rows", "2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"id\n\d+\n\d+\n", done.stdout)
