"""The architecture names all that there is: modules, Lambdas, jobs, packages, and what stands in the ledger."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.pages import REPOSITORY, Page

from etl import ledger

OVERVIEW = REPOSITORY / "architecture" / "architecture_overview.md"
# What looks like an entity and is the id of an alert, a message or a finding (outbox, told#...).
IDS = {
    "anomaly",
    "failed",
    "finding",
    "message",
    "over",
    "quality",
    "part",
    "refused",
    "released",
    "slow",
    "summary",
    "through",
}
PARTS = sorted(
    [
        *(path for path in (REPOSITORY / "terraform" / "modules").iterdir() if path.is_dir()),
        *(path.parent for path in (REPOSITORY / "src" / "lambda").glob("*/handler.py")),
        *(path for path in (REPOSITORY / "src" / "jobs").glob("[a-z]*.py")),
    ]
)


def rows(heading: str) -> list[list[str]]:
    """The cells of the table whose first heading is this one."""
    for _, *lines in ([row.text for row in table] for table in Page(OVERVIEW).tables if heading in table[0].text):
        return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]
    raise LookupError(f"no table {heading} in {OVERVIEW.name}")


@pytest.mark.parametrize("part", PARTS, ids=lambda part: str(part.relative_to(REPOSITORY)))
def test_every_module_lambda_and_job_has_its_place(part: Path) -> None:
    linked = {
        (OVERVIEW.parent / link.split("#")[0]).resolve() for link in re.findall(r"\]\(([^)]+)\)", OVERVIEW.read_text())
    }
    assert linked & {part, part / "README.md"}


def test_the_states_of_a_batch_are_those_of_the_ledger() -> None:
    [block] = [block.text for block in Page(OVERVIEW).blocks if "stateDiagram" in block.text]
    drawn = set(re.findall(r"(?:^\s*|--> )([A-Z]+)\b", block, re.MULTILINE))
    assert drawn == {ledger.PLANNED, ledger.INGESTED, ledger.PROCESSED, ledger.CHECKED}


def entities() -> set[str]:
    """Those of the overview, without what follows the first part of their names."""
    return {name for cells in rows("`job-state` entity") for name in re.findall(r"`([a-z_]+)", cells[0])}


def code(*folders: str) -> str:
    return "\n".join(path.read_text() for folder in folders for path in sorted((REPOSITORY / folder).rglob("*.py")))


def test_every_entity_of_the_overview_is_one_of_the_code() -> None:
    text = code("src/etl", "src/lambda", "src/connectors", "scripts/quarantine")
    assert [name for name in sorted(entities()) if f'"{name}' not in text] == []


def test_every_entity_of_the_code_is_in_the_overview() -> None:
    written = set(re.findall(r'f"([a-z_]+)#\{', code("src/etl", "src/lambda", "src/connectors", "scripts/quarantine")))
    assert written - IDS == entities() & written
    assert written >= IDS
