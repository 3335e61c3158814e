"""What was found, dataset by dataset, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from etl.contracts import Contract
from etl.contracts.notes import notes
from etl.names import standard_name

NOT_TRIED = "its expressions were not tried: it needs a contract that has problems"


@dataclass(frozen=True)
class Finding:
    """One contract file.

    Attributes:
        contract: None where the file is wrong or needs a wrong one.
        problems: of this file; each names it, or its dataset.
    """

    file: str
    contract: Contract | None
    problems: tuple[str, ...]

    @property
    def dataset(self) -> str:
        """The dataset's name, as far as the file can tell it."""
        return self.contract.name if self.contract else PurePath(self.file).stem

    @property
    def verdict(self) -> str:
        """In words."""
        if self.problems:
            return f"{len(self.problems)} problem(s)"
        return "ok" if self.contract else NOT_TRIED


@dataclass(frozen=True)
class Report:
    """Everything that was found.

    Attributes:
        findings: of the files that were asked for.
        common: problems of no one file, such as datasets that need each other.
        expressions: whether Spark has tried the expressions.
    """

    findings: tuple[Finding, ...]
    common: tuple[str, ...]
    expressions: bool

    @property
    def problems(self) -> list[str]:
        """All of them."""
        return [*(problem for finding in self.findings for problem in finding.problems), *self.common]

    @property
    def notes(self) -> list[str]:
        """What is no mistake and worth a second look."""
        return [note for finding in self.findings if finding.contract for note in notes(finding.contract)]

    @property
    def ok(self) -> bool:
        """Whether everything asked for was looked at and is right."""
        return not self.problems and all(finding.contract for finding in self.findings)


def report_of(
    files: Iterable[str],
    wanted: Collection[str],
    contracts: Mapping[str, Contract],
    problems: Iterable[str],
    expressions: bool,
) -> Report:
    """Problems in the hands of the files that they are about.

    Args:
        files: all that were read.
        wanted: the files that were asked for.
        contracts: those that are right, by dataset.
        problems: all of them.
        expressions: whether Spark has tried the expressions.
    """
    names = {file: standard_name(PurePath(file).stem) for file in files}
    own: dict[str, list[str]] = {file: [] for file in names}
    common = []
    for problem in problems:
        of = [file for file, name in names.items() if problem.startswith((f"{file}: ", f"{name}: "))]
        # The one with the longest name: a file may be named as another and its suffix.
        (own[max(of, key=len)] if of else common).append(problem)
    findings = [Finding(file, contracts.get(names[file]), tuple(own[file])) for file in names if file in wanted]
    return Report(tuple(findings), tuple(common), expressions)


def as_json(report: Report) -> dict[str, Any]:
    """The report as JSON takes it."""
    return {
        "ok": report.ok,
        "expressions": report.expressions,
        "datasets": [
            {
                "dataset": finding.dataset,
                "file": finding.file,
                **_counts(finding.contract),
                "verdict": finding.verdict,
                "problems": [*finding.problems],
            }
            for finding in report.findings
        ],
        "problems": report.problems,
        "notes": report.notes,
    }


def show(console: Console, report: Report) -> None:
    """Print a table of the datasets, and below it every problem and note."""
    table = Table("dataset", "columns", "rules", "steps", "aggregates", "verdict", box=SIMPLE_HEAD, pad_edge=False)
    for column in table.columns[1:5]:
        column.justify = "right"
    for finding in report.findings:
        numbers = [str(number) for number in _counts(finding.contract).values()] or ["-"] * 4
        colour = "green" if finding.verdict == "ok" else "red"
        table.add_row(finding.dataset, *numbers, f"[{colour}]{finding.verdict}[/{colour}]")
    console.print(table)
    for problem in report.problems:
        console.print(f"- {problem}", markup=False, highlight=False, soft_wrap=True)
    for note in report.notes:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)


def _counts(contract: Contract | None) -> dict[str, int]:
    """The numbers of the table; none where the contract can't be told."""
    if contract is None:
        return {}
    steps = contract.processing
    return {
        "columns": len(contract.columns),
        "rules": len(steps.rules),
        # Whatever makes columns or rows.
        "steps": len(steps.enrich) + len(steps.derive) + len(steps.steps),
        "aggregates": len(steps.aggregates),
    }
