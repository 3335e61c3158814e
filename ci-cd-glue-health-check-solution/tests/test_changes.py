"""Which checks a pull request concerns, and several of them side by side."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from glue_health_check.changes import affected, changed_files, check_files
from glue_health_check.errors import MisuseError
from glue_health_check.several import Several, summary_markdown, unique_names

CHECK = "script: ../jobs/{0}.py\ninputs: [{{schema: ../contracts/{0}.yml, to: '{{input}}/a.csv'}}]\nwatch: [../lib]\n"


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two jobs with their contracts and check files, one library; main has a commit that the branch has not."""
    for name in ("orders", "refunds"):
        for place, text in (("jobs", "x = 1\n"), ("checks", CHECK.format(name)), ("contracts", "name: a\n")):
            path = tmp_path / place / f"{name}{'.py' if place == 'jobs' else '.yml'}"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "shared.py").write_text("y = 1\n", encoding="utf-8")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    git(tmp_path, "checkout", "-qb", "branch")
    git(tmp_path, "checkout", "-q", "main")
    (tmp_path / "jobs" / "refunds.py").write_text("x = 2\n", encoding="utf-8")
    git(tmp_path, "commit", "-qam", "of others")
    git(tmp_path, "checkout", "-q", "branch")
    return tmp_path


def concerned(repository: Path) -> list[str]:
    found = affected(check_files([repository / "checks"]), changed_files("main", repository))
    return [config.stem for config in found]


def edit(repository: Path, name: str) -> None:
    path = repository / name
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda at: None, []),
        (lambda at: edit(at, "jobs/orders.py"), ["orders"]),
        (lambda at: (edit(at, "jobs/orders.py"), git(at, "commit", "-qam", "mine")), ["orders"]),
        (lambda at: edit(at, "checks/refunds.yml"), ["refunds"]),
        (lambda at: edit(at, "contracts/refunds.yml"), ["refunds"]),
        (lambda at: edit(at, "lib/shared.py"), ["orders", "refunds"]),
        (lambda at: (at / "lib" / "new.py").write_text("z = 1\n", encoding="utf-8"), ["orders", "refunds"]),
        (lambda at: git(at, "mv", "lib/shared.py", "elsewhere.py"), ["orders", "refunds"]),
    ],
    ids=["nothing", "script", "committed", "check-file", "schema", "watched-folder", "new-file", "moved-away"],
)
def test_a_check_is_concerned_by_changes_of_the_branch_to_files_that_it_names(
    repository: Path, act: Callable[[Path], object], expected: list[str]
) -> None:
    act(repository)
    assert concerned(repository) == expected


def test_a_branch_that_git_does_not_know_is_misuse(repository: Path) -> None:
    with pytest.raises(MisuseError, match=r"Not a valid object name origin/main.*fetch-depth: 0"):
        changed_files("origin/main", repository)


def test_a_place_without_check_files_is_misuse(tmp_path: Path) -> None:
    with pytest.raises(MisuseError, match="is no check file, and no folder with check files"):
        check_files([tmp_path])


def test_checks_of_the_same_name_are_told_apart_by_their_folders() -> None:
    paths = [Path("a/check.yml"), Path("b/check.yml"), Path("b/orders.yml")]
    assert list(unique_names(paths).values()) == ["a-check", "b-check", "orders"]


def test_several_checks_run_side_by_side_and_are_told_in_one_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "src"))
    (tmp_path / "broken.py").write_text("def f(:\n", encoding="utf-8")
    for name, script in (("broken", "broken.py"), ("wrong", "gone.py")):
        (tmp_path / f"{name}.yml").write_text(f"script: {script}\n", encoding="utf-8")
    lines: list[str] = []
    several = Several(tmp_path / "reports", ["--pr", "42", "--work-bucket", "b"], 2, lines.append)
    ended = several.run([tmp_path / "broken.yml", tmp_path / "wrong.yml"])
    assert [one.code for one in ended] == [1, 2]
    assert "broken: syntax: failed" in lines
    assert json.loads((tmp_path / "reports" / "broken.json").read_text(encoding="utf-8"))["verdict"] == "failed"
    text = summary_markdown(ended, 42)
    assert text.startswith("## Glue health checks of pull request 42: ❌ 2 of 2 did not pass\n")
    rows = [line for line in text.splitlines() if line.startswith(f"| {tmp_path}")]
    assert "does not parse" in rows[0]
    assert "gone.py can't be read" in rows[1]
