"""The wrapper, run as the job would run it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from glue_health_check.errors import MisuseError
from glue_health_check.settings import JobSpec
from glue_health_check.wrapper import accepted_options, replaced, wrapped
from glue_health_check.wrapper.choose import script_text
from glue_health_check.wrapper.run_script import MARKER, kept

ARGPARSE = """
import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--input-path", required=True)
parser.add_argument("--flag", action="store_true")
options = parser.parse_args()
print("read", options.input_path, options.flag, os.environ["GLUE_HEALTH_CHECK"])
"""


def run(text: str, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    job = tmp_path / "job.py"
    job.write_text(text, encoding="utf-8")
    return subprocess.run([sys.executable, str(job), *arguments], capture_output=True, text=True, check=False)


def outcome(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    (line,) = [line for line in done.stdout.splitlines() if line.startswith(MARKER)]
    loaded: dict[str, object] = json.loads(line.removeprefix(MARKER))
    return loaded


def test_a_script_that_refuses_unknown_arguments_runs_unchanged(tmp_path: Path) -> None:
    text = wrapped(ARGPARSE, "orders.py", accepted_options(ast.parse(ARGPARSE)))
    done = run(text, tmp_path, "--health_check", "true", "--input-path", "s3://b/x", "--TempDir", "s3://b/t", "--flag")
    assert done.returncode == 0, done.stderr
    assert "read s3://b/x True true" in done.stdout
    assert outcome(done) == {"ok": True, "error": ""}


def test_an_error_is_told_with_the_line_of_the_script(tmp_path: Path) -> None:
    done = run(wrapped("a = 1\nraise ValueError('no such day')\n", "orders.py", None), tmp_path)
    assert done.returncode == 1
    assert outcome(done) == {"ok": False, "error": "ValueError: no such day", "file": "orders.py", "line": 2}
    assert 'orders.py", line 2' in done.stderr


def test_leaving_with_a_code_fails_and_leaving_without_one_does_not(tmp_path: Path) -> None:
    assert run(wrapped("import sys; sys.exit(3)", "x.py", None), tmp_path).returncode == 3
    assert run(wrapped("import sys; sys.exit()", "x.py", None), tmp_path).returncode == 0


def test_a_script_that_takes_any_argument_sees_all(tmp_path: Path) -> None:
    done = run(wrapped("import sys; print(sys.argv[1:])", "x.py", None), tmp_path, "--health_check", "true")
    assert "['--health_check', 'true']" in done.stdout


def test_values_stay_with_their_names() -> None:
    assert kept(["--a", "1", "--b=2", "--c", "x", "y", "--d"], {"a", "c", "d"}) == ["--a", "1", "--c", "x", "y", "--d"]


def test_only_scripts_that_need_it_are_wrapped(tmp_path: Path) -> None:
    script = tmp_path / "x.py"
    script.write_text("print(1)\n", encoding="utf-8")
    assert script_text(JobSpec(script)) == "print(1)\n"
    assert MARKER in script_text(JobSpec(script, wrap="always"))
    script.write_text(ARGPARSE, encoding="utf-8")
    assert MARKER in script_text(JobSpec(script))
    assert script_text(JobSpec(script, wrap="never")) == ARGPARSE


def test_places_of_the_check_are_put_into_a_script(tmp_path: Path) -> None:
    script = tmp_path / "x.py"
    script.write_text("print('s3://prod/a')\n", encoding="utf-8")
    spec = JobSpec(script, replace_in_script={"s3://prod/": "{input}/"})
    assert script_text(spec, lambda text: text.replace("{input}", "s3://scratch/i")) == "print('s3://scratch/i/a')\n"


def test_addresses_that_are_written_into_a_script_are_replaced() -> None:
    assert replaced("x = 's3://prod/in/'\n", {"s3://prod/in/": "{input}/"}) == "x = '{input}/'\n"
    with pytest.raises(MisuseError, match="not in the script"):
        replaced("x = 1\n", {"s3://prod/": "y"})
