"""The time of our ingestion as a ratio of bare Spark, for TPC-H lineitem; and ingestion in unusual sizes.

    .venv/bin/python tests/benchmarks/ingestion.py --scale 0.1 --scale 1

Bare Spark reads the CSV file with an explicit typed schema and writes Parquet by the same partitions; nothing else.
Ours is the whole stage, as the job runs it once its session is up: contracts, listing, hashing, format detection, plan,
read, type, check, write, commit, catalog. AWS is emulated by moto in the same process, and its CPU counts as ours.

What was chosen, and why:

* **Partitions.** Both sides write year/month/day of the same column. By default that is ``l_shipdate``, which is set to
  the first day of its month when the file is generated, since a contract can't derive a column at ingestion, and a
  column more would make the file larger than lineitem is. It gives the 84 partitions (1992-01 to 1998-12) and, with the
  6 read tasks of scale 1, bare Spark's 504 files that the issue speaks of. ``--partitions day`` takes ``l_receiptdate``
  as it is: some 2,550 partitions, for each of which bare Spark writes up to six files, and so a comparison that is far
  easier for us.
* **Sessions.** Both sides run in sessions of one kind: local[2], 4 GB heap, the JIT and the collector left alone, the
  settings of the jobs. By default each run has a process of its own (``--sessions fresh``), because a Glue job has one,
  too: compiling and loading classes counts on both sides, and no run can profit or suffer from what another left in
  the JVM. ``--sessions shared`` runs all in one warmed-up session: the steady state, with less noise.
* **Order.** Rounds of one run a side (bare, ours, keyed, bare, …), after a round that is not counted.
* **Sides.** ``ours``: every check but that for duplicates. ``keyed``: the contract has a key, too. ``probe``: no
  pipeline, but texts, casts, counted nulls, metadata and a repartition before the write, as a floor for ours.
* **Numbers.** Wall seconds, and CPU seconds (user and system of the JVM and of Python), from before the first to after
  the last call of the work. Ratios are those of the medians.
* **Values.** Afterwards, outside of the time, the types, the row count and sums of hashes of every column and of whole
  rows of each side's last output are compared with the file as Spark's own CSV reader types it.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from bench_data import Lineitem, described, lineitem, lineitem_contract, place
from bench_report import Run, layout, median, print_aws, print_profile, print_runs, ratio, reported
from bench_scenarios import Bench, duplicates, large_file, publish, small_files, tiny, total
from bench_tasks import SessionKind
from bench_workers import Worker

REPOSITORY = Path(__file__).resolve().parents[2]
SIDES = ("bare", "ours", "keyed", "probe")
# Of issue 3: our time over that of bare Spark.
RATIOS = {"ours": 0.95, "keyed": 1.15}
FILES_PER_PARTITION = 1.2


class Scenario(str, Enum):
    """What to measure."""

    ratio = "ratio"
    small_files = "small-files"
    large_file = "large-file"
    tiny = "tiny"
    duplicates = "duplicates"
    all = "all"


class Sessions(str, Enum):
    """A session for each run, or one for all."""

    fresh = "fresh"
    shared = "shared"


class Partitions(str, Enum):
    """What the partitions are made of."""

    month = "month"
    day = "day"


def main(
    scenario: Annotated[Scenario, typer.Option(help="What to measure.")] = Scenario.ratio,
    scale: Annotated[
        list[float] | None, typer.Option(help="TPC-H scale factor, once or more; default 0.1 and 1.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Counted runs of each side.")] = 3,
    warm_up: Annotated[bool, typer.Option(help="One round before that is not counted.")] = True,
    side: Annotated[
        list[str] | None, typer.Option(help=f"Of {', '.join(SIDES)}, once or more; default: the first three.")
    ] = None,
    sessions: Annotated[Sessions, typer.Option(help="A process for each run, or one for all.")] = Sessions.fresh,
    partitions: Annotated[Partitions, typer.Option(help="84 months, or some 2,550 days.")] = Partitions.month,
    cores: Annotated[int, typer.Option(min=1, help="Task threads of Spark.")] = 2,
    memory: Annotated[str, typer.Option(help="Heap of the JVM.")] = "4g",
    data: Annotated[Path, typer.Option(help="Folder of the generated files, kept between runs.")] = REPOSITORY
    / "build"
    / "benchmarks",
    profile: Annotated[
        bool, typer.Option(help="Show where the time of a run goes; profiling itself costs a little.")
    ] = False,
    files: Annotated[int, typer.Option(min=1, help="Files of the scenario small-files.")] = 10_000,
    large_mb: Annotated[int, typer.Option(min=8, help="Size of the scenario large-file.")] = 2_000,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every run and target there.")] = None,
    strict: Annotated[bool, typer.Option(help="End with 1 when a target is missed.")] = False,
) -> None:
    """Measure the ingestion against bare Spark (scenario ratio), or in unusual sizes."""
    scales = sorted(set(scale or (0.1, 1.0)))
    sides = tuple(side or SIDES[:3])
    if unknown := set(sides) - set(SIDES):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: sides are {', '.join(SIDES)}")
    wanted = [one for one in Scenario if one != Scenario.all] if scenario == Scenario.all else [scenario]
    with reported(json_file, strict=strict) as report:
        bench = Bench(data.resolve(), report, SessionKind(cores=cores, memory=memory), profile, rounds)
        for one in wanted:
            if one == Scenario.ratio:
                event_time = "l_shipdate" if partitions == Partitions.month else "l_receiptdate"
                Comparison(bench, event_time, sides, sessions == Sessions.shared, warm_up).run(scales)
            elif one == Scenario.small_files:
                small_files(bench, files)
            elif one == Scenario.large_file:
                large_file(bench, large_mb)
            elif one == Scenario.tiny:
                tiny(bench)
            else:
                duplicates(bench, min(scales))


class Comparison:
    """Both sides by turns, on one scale after the other.

    Args:
        bench: what every benchmark is given.
        event_time: the column of the partitions.
        sides: of SIDES, in the order in which they run.
        shared: one session for all runs.
        warm_up: with a round that is not counted.
    """

    def __init__(self, bench: Bench, event_time: str, sides: tuple[str, ...], shared: bool, warm_up: bool) -> None:
        self._bench, self._event_time, self._sides = bench, event_time, sides
        self._shared, self._warm_up = shared, warm_up
        self._report = bench.report

    def run(self, scales: list[float]) -> None:
        """Measure and print all scales."""
        found = {scale: self._scale(scale) for scale in scales}
        first, last = found[scales[0]], found[scales[-1]]
        if len(scales) > 1:
            self._growth(scales[-1] / scales[0], first, last)

    def _scale(self, scale: float) -> dict[str, list[Run]]:
        with self._report.console.status(f"generating lineitem, scale {scale:g}"):
            file = lineitem(self._bench.data, scale)
        runs: dict[str, list[Run]] = {side: [] for side in self._sides}
        with ExitStack() as stack:
            worker = stack.enter_context(self._bench.session()) if self._shared else None
            for number in range(-1 if self._warm_up else 0, self._bench.rounds):
                for side in self._sides:
                    last = number == self._bench.rounds - 1
                    run = self._one(side, file, scale, worker, compare=last)
                    if number >= 0:
                        runs[side].append(run)
                    self._say(number, side, run)
        print_runs(self._report, f"lineitem, scale {scale:g}: {file.megabytes:.0f} MB, {file.rows} rows", runs, "bare")
        for side, found in runs.items():
            print_aws(self._report, side, found[-1])
            if self._bench.profile:
                print_profile(self._report, f"{side}, scale {scale:g}", found[-1])
        self._judge(scale, file, runs)
        return runs

    def _say(self, number: int, side: str, run: Run) -> None:
        name = "warm-up" if number < 0 else f"round {number + 1}"
        self._report.console.print(f"{name} {side}: {run['wall']:.2f} s wall, {run['cpu']:.2f} s CPU", highlight=False)

    def _one(self, side: str, file: Lineitem, scale: float, worker: Worker | None, *, compare: bool) -> Run:
        with ExitStack() as stack:
            lake = stack.enter_context(self._bench.lake())
            used = worker or stack.enter_context(self._bench.session())
            place(file.path, lake / "raw", "lineitem")
            if side in ("ours", "keyed"):
                publish(lake, lineitem_contract(self._event_time, key=side == "keyed"))
            # What an earlier run wrote must not be on its way to the disk while this one is measured.
            os.sync()
            task = "ours" if side == "keyed" else side
            arguments: dict[str, Any] = {"lake": str(lake), "dataset": "lineitem", "event_time": self._event_time}
            run = used.run(task, profile=self._bench.profile, **arguments)
            table = lake / "processed" / "lineitem"
            run |= {"scenario": "ratio", "side": side, "scale": scale, "input": described(file), **layout(table)}
            if compare:
                run["differs"] = self._differences(used, file, table)
        self._report.runs.append(run)
        return run

    def _differences(self, worker: Worker, file: Lineitem, table: Path) -> list[str]:
        """What differs between a table and its file; empty when they are equal."""
        wanted = worker.run("fingerprint", file=str(file.path), event_time=self._event_time)
        found = worker.run("fingerprint", folder=str(table))
        measured = ("rss_jvm", "rss_python")
        return [
            f"{name}: {found.get(name)} instead of {wanted[name]}"
            for name in wanted
            if name not in measured and found.get(name) != wanted[name]
        ]

    def _judge(self, scale: float, file: Lineitem, runs: dict[str, list[Run]]) -> None:
        for side in self._sides:
            if side in RATIOS and "bare" in runs:
                for name in ("wall", "cpu"):
                    measured = ratio(runs, side, "bare", name)
                    self._report.at_most(f"scale {scale:g}, {side} / bare, {name}", measured, RATIOS[side])
            if side in RATIOS:
                last = runs[side][-1]
                per_partition = last["out_files"] / max(1, last["out_partitions"])
                self._report.at_most(
                    f"scale {scale:g}, {side}: files per partition", per_partition, FILES_PER_PARTITION
                )
                written = total(last, "rows_written")
                self._report.holds(
                    f"scale {scale:g}, {side}: rows written", written == file.rows, str(written), str(file.rows)
                )
            differs = runs[side][-1]["differs"]
            self._report.holds(
                f"scale {scale:g}, {side}: values equal the file's", not differs, "; ".join(differs) or "yes"
            )

    def _growth(self, factor: float, first: dict[str, list[Run]], last: dict[str, list[Run]]) -> None:
        grown = {
            (side, name): median(last[side], name) / median(first[side], name)
            for side in self._sides
            for name in ("wall", "cpu")
        }
        for (side, name), measured in grown.items():
            self._report.console.print(
                f"growth of {side} for {factor:g} times the data: {measured:.2f} times the {name}"
            )
            if side in RATIOS and ("bare", name) in grown:
                self._report.at_most(f"growth of {side}, {name}", measured, round(grown["bare", name], 3), " times")


if __name__ == "__main__":
    typer.run(main)
