"""The shells over the command line, and what they and it take from the environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1]
SOURCE = PACKAGE / "src" / "glue_health_check"


def shell(name: str, *arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "HEALTH_", "LAMBDA_"))}
    env = {**kept, "HEALTH_CHECK_PYTHON": sys.executable, "AWS_REGION": "us-east-1", **environment}
    command = [str(PACKAGE / "scripts" / name), *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_each_script_gets_its_reports_and_the_worst_exit_code_counts(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text("def f(:\n", encoding="utf-8")
    done = shell(
        "run_glue_health_check.sh", "42", "one.py", "two.py", folder=tmp_path, SCRIPT_LOCATION="s3://ci/scripts/"
    )
    assert done.returncode == 1, done.stderr
    reports = {path.name for path in (tmp_path / "health-check-reports").iterdir()}
    assert reports == {f"{name}.{kind}" for name in ("one", "two") for kind in ("json", "xml", "md")}


def test_with_use_lambda_it_is_handed_over_to_the_lambdas(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("x = 1\n", encoding="utf-8")
    done = shell(
        "run_glue_health_check.sh", "42", "one.py", folder=tmp_path, USE_LAMBDA="true", HEALTH_CHECK_BUCKET="ci"
    )
    assert done.returncode == 2
    assert "USE_LAMBDA needs LAMBDA_TRIGGER_FUNCTION" in done.stderr


@pytest.mark.parametrize(
    "arguments", [(), ("forty-two", "a.py"), ("42", "--", "--strict")], ids=["none", "word", "no-script"]
)
def test_misuse_shows_how_it_is_used(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = shell("run_glue_health_check.sh", *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert "Usage: scripts/run_glue_health_check.sh PULL_REQUEST" in done.stderr


def test_the_table_of_the_environment_has_every_variable_that_is_read() -> None:
    read = set(re.findall(r'envvar="([A-Z_]+)"', (SOURCE / "cli.py").read_text(encoding="utf-8")))
    table = re.findall(r"(?m)^\| `([A-Z_]+)`", (PACKAGE / "README.md").read_text(encoding="utf-8"))
    assert read - set(table) == set()
    assert {"USE_LAMBDA", "LAMBDA_TRIGGER_FUNCTION", "LAMBDA_MONITOR_FUNCTION", "LAMBDA_CLEANUP_FUNCTION",
            "SCRIPT_LOCATION", "AWS_REGION", "HEALTH_CHECK_TIMEOUT"} <= set(table)  # fmt: skip
    assert len(table) == len(set(table))
