"""Benchmarks as tables for people and as JSON for machines."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import typer
from bench_data import BenchmarkError
from rich.console import Console
from rich.table import Table

Run = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """A number that is asked for, beside what was measured."""

    name: str
    wanted: str
    measured: str
    ok: bool


@dataclass
class Report:
    """Everything that one call of the benchmark found out."""

    console: Console
    runs: list[Run] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)

    def at_most(self, name: str, measured: float, limit: float, unit: str = "") -> None:
        """Add a target that is met at the limit and below."""
        self.targets.append(Target(name, f"≤ {limit:g}{unit}", f"{measured:.3g}{unit}", measured <= limit))

    def holds(self, name: str, holds: bool, measured: str, wanted: str = "yes") -> None:
        """Add a target that is met or not."""
        self.targets.append(Target(name, wanted, measured, holds))

    def missed(self) -> list[Target]:
        return [target for target in self.targets if not target.ok]

    def print_targets(self) -> None:
        table = Table("target", "wanted", "measured", "", title="Targets")
        for target in self.targets:
            mark = "[green]ok[/]" if target.ok else "[red]missed[/]"
            table.add_row(target.name, target.wanted, target.measured, mark)
        if self.targets:
            self.console.print(table)

    def write(self, path: Path) -> None:
        """Write all runs and targets as JSON."""
        document = {"machine": _machine(), "runs": self.runs, "targets": [asdict(target) for target in self.targets]}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


@contextmanager
def reported(json_file: Path | None, *, strict: bool) -> Iterator[Report]:
    """A report that is printed and written at the end, also of a benchmark that fails.

    Args:
        json_file: where to write it, if at all.
        strict: end the program with 1 when a target is missed.

    Raises:
        typer.Exit: with 2 for a benchmark that cannot be run.
    """
    report = Report(Console(width=None if os.isatty(1) else 200))
    try:
        yield report
    except BenchmarkError as error:
        report.console.print(f"[red]failed:[/] {error}", highlight=False)
        raise typer.Exit(2) from None
    finally:
        report.print_targets()
        if json_file:
            report.write(json_file)
    if strict and report.missed():
        raise typer.Exit(1)


def _machine() -> dict[str, Any]:
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "pyspark": version("pyspark"),
        "load_average": os.getloadavg()[0],
    }


def layout(folder: Path) -> dict[str, Any]:
    """Files, partitions and bytes that a run left in a table's folder."""
    files = [path for path in folder.rglob("*.parquet") if not path.name.startswith(("_", "."))]
    return {
        "out_files": len(files),
        "out_partitions": len({path.parent for path in files}),
        "out_mb": sum(path.stat().st_size for path in files) / 1e6,
    }


def median(runs: Iterable[Run], name: str) -> float:
    """The median of one measurement."""
    return float(statistics.median(run[name] for run in runs))


def print_runs(report: Report, title: str, sides: dict[str, list[Run]], base: str | None) -> None:
    """One line a side: medians over its runs, and their ratio to those of the base.

    Args:
        report: where to print.
        title: of the table.
        sides: name -> its runs.
        base: the side that ratios compare with, or None.
    """
    table = Table(title=title)
    for heading in ("side", "wall s (min-max)", "CPU s", "JVM + Python"):
        table.add_column(heading)
    for heading in (
        "wall ratio",
        "CPU ratio",
        "files",
        "partitions",
        "files/partition",
        "MB out",
        "peak MB JVM",
        "peak MB Python",
    ):
        table.add_column(heading, justify="right")
    for side, runs in sides.items():
        walls = [run["wall"] for run in runs]
        wall = f"{median(runs, 'wall'):.2f} ({min(walls):.2f}-{max(walls):.2f})"
        ratios = [f"{ratio(sides, side, base, name):.3f}" if base in sides else "" for name in ("wall", "cpu")]
        last = runs[-1]
        table.add_row(
            side,
            wall,
            f"{median(runs, 'cpu'):.2f}",
            f"{median(runs, 'cpu_jvm'):.2f} + {median(runs, 'cpu_python'):.2f}",
            *ratios,
            f"{last['out_files']}",
            f"{last['out_partitions']}",
            f"{last['out_files'] / max(1, last['out_partitions']):.2f}",
            f"{last['out_mb']:.1f}",
            f"{max(run['rss_jvm'] for run in runs):.0f}",
            f"{max(run['rss_python'] for run in runs):.0f}",
        )
    report.console.print(table)


def ratio(sides: dict[str, list[Run]], side: str, base: str | None, name: str) -> float:
    """A side's median over the base's."""
    assert base is not None
    return median(sides[side], name) / median(sides[base], name)


def print_aws(report: Report, side: str, run: Run) -> None:
    """What a run's calls to the emulated AWS cost, so that they can be told from our own work."""
    if run.get("aws_calls"):
        report.console.print(
            f"{side}: {run['aws_calls']} calls to AWS, emulated in its process: {run['aws_wall']:.2f} s wall, "
            f"{run['aws_cpu']:.2f} s CPU"
        )


def print_profile(report: Report, title: str, run: Run) -> None:
    """Where one run's time went."""
    functions = Table(
        "function of ours", "calls", "own s", "with all it calls s", title=f"{title}: {run['wall']:.2f} s"
    )
    for entry in run["functions"]:
        if entry["total"] >= max(0.01, 0.003 * run["wall"]):
            numbers = (str(entry["calls"]), f"{entry['own']:.2f}", f"{entry['total']:.2f}")
            functions.add_row(entry["function"], *numbers)
    report.console.print(functions)
    report.console.print(_jobs_table(run["spark_jobs"]))
    calls = sorted(run.get("aws", {}).items(), key=lambda item: -item[1][1])
    if calls:
        aws = Table("AWS call", "calls", "wall s", "CPU s", title="calls to AWS, emulated in this process")
        for name, numbers in calls:
            aws.add_row(name, *map(str, numbers))
        report.console.print(aws)


def _jobs_table(jobs: Sequence[dict[str, Any]]) -> Table:
    names = ("wall", "run", "cpu", "gc", "input_mb", "shuffle_mb", "spill_mb", "output_mb")
    table = Table("job", "called at", "tasks", *names, title="Spark's jobs (run, cpu, gc: sums over the tasks, in s)")
    for job in jobs:
        numbers = ["" if job[name] is None else f"{job[name]:.2f}" for name in names]
        table.add_row(str(job["job"]), job["name"][:60], str(job["tasks"]), *numbers)
    return table
