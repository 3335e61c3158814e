"""The health check's examples for CI systems have no faults that programs of others find; no key stands in them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_groovy

REPOSITORY = Path(__file__).resolve().parents[1]
CI = REPOSITORY / "ci-cd-glue-health-check-solution" / "examples" / "ci"
AUDIT = REPOSITORY / "build" / "audit"
# What a declarative pipeline and a stage of it may hold (Jenkins' page "Pipeline Syntax").
SECTIONS = {
    "pipeline": {"agent", "environment", "options", "parameters", "post", "stages", "tools", "triggers", "libraries"},
    "stage": {"agent", "environment", "failFast", "input", "matrix", "options", "parallel", "post", "stages", "steps",
              "tools", "when"},
}  # fmt: skip


@pytest.fixture(scope="module")
def programs() -> Path:
    """The folder of zizmor and check-jsonschema; audit.sh has installed them, or does now."""
    if not (AUDIT / "installed").exists():
        subprocess.run([str(REPOSITORY / "terraform/scripts/audit.sh"), "workflows"], check=True, capture_output=True)
    return AUDIT / "bin"


def run(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_zizmor_finds_nothing_in_those_for_github(programs: Path) -> None:
    said = run(programs / "zizmor", "--offline", "--persona", "pedantic", "--no-progress", *CI.glob("github*.yml"))
    assert "No findings" in said


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [("github-workflows", "github*.yml"), ("gitlab-ci", "gitlab-ci.yml"), ("drone-ci", "drone.yml")],
    ids=["github", "gitlab", "drone"],
)
def test_they_meet_their_system_s_schema(programs: Path, schema: str, pattern: str) -> None:
    files = list(CI.glob(pattern))
    assert files
    run(programs / "check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files)


def test_parliament_finds_nothing_in_the_policies(programs: Path) -> None:
    assert list((CI.parent / "iam").glob("*.json"))
    run(programs / "parliament", "--directory", CI.parent / "iam")


def test_actions_are_pinned_by_their_commits() -> None:
    lines = [line for file in CI.glob("github*.yml") for line in file.read_text().splitlines() if "uses:" in line]
    assert lines
    assert not [line for line in lines if not re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)]


@pytest.mark.parametrize("file", sorted(CI.iterdir()), ids=lambda file: file.name)
def test_none_needs_a_long_lived_key(file: Path) -> None:
    assert not re.search(r"(?i)access_?key|secret", file.read_text(encoding="utf-8"))


def parsed(text: bytes) -> tree_sitter.Node:
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_groovy.language()))
    return parser.parse(text).root_node


def nodes(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    yield node
    for child in node.children:
        yield from nodes(child)


def faults_of_jenkinsfile(text: bytes) -> list[str]:
    """Where it is no Groovy, or a section stands where a declarative pipeline has none."""
    root = parsed(text)
    if root.has_error:
        return [f"line {node.start_point[0] + 1}" for node in nodes(root) if node.is_error or node.is_missing]
    faults = []
    # Sections by their indentation: four spaces a level, as the file is laid out.
    stack: dict[int, str] = {}
    for line in text.decode().splitlines():
        found = re.match(r"( *)([A-Za-z]+)(?:\(.*\))? \{", line)
        if not found:
            continue
        depth, name = len(found[1]) // 4, found[2]
        if depth and name not in SECTIONS.get(stack.get(depth - 1, ""), {name}):
            faults.append(f"{name} in {stack[depth - 1]}")
        stack[depth] = name
    return faults


def test_the_jenkinsfile_is_groovy_with_the_sections_of_a_declarative_pipeline() -> None:
    assert faults_of_jenkinsfile((CI / "Jenkinsfile").read_bytes()) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [(b"stages {", b"stages", "line"), (b"'python:3.11'", b"'python:3.11", "line"),
     (b"steps {", b"step {", "step in stage"), (b"    post {", b"    afterwards {", "afterwards in pipeline")],
    ids=["brace", "quote", "section-of-stage", "section-of-pipeline"],
)  # fmt: skip
def test_a_fault_of_a_jenkinsfile_is_found(old: bytes, new: bytes, fault: str) -> None:
    text = (CI / "Jenkinsfile").read_bytes()
    assert old in text
    found = faults_of_jenkinsfile(text.replace(old, new, 1))
    assert found
    assert fault in found[0]
