"""The time of our processing as a ratio of the same work hand-written in one Spark program, for TPC-H.

    .venv/bin/python tests/benchmarks/processing.py --scale 0.1

The work: lineitem with three rules (reject, flag, set), three derived columns, a join with the curated table of orders,
a MERGE by key and a daily aggregate. Both sides read the same batch of the processed layer, which our own ingestion has
made before, and join the same curated table.

* **Ours** is the processing stage as the job runs it once its session is up: contracts, lease, references, the checks
  before anything is written, the survey of the batch, quarantine, MERGE, aggregates, what is noted in the ledger.
  AWS is emulated by moto in the same process, and its CPU counts as ours.
* **The floor** is one program that does just this to just this dataset: it reads, transforms, writes the refused rows,
  merges and aggregates. It counts nothing, checks nothing, and can't be taken up where it was killed.
* **Cases.** ``load``: the batch is all of lineitem, and the tables are empty. ``merge``: the tables hold lineitem
  without every tenth row; the batch brings these, and corrects as many others.
* **Partitions.** By day; ``l_shipdate`` is the first of its month (see :mod:`ingestion` for why), which makes 84.
* **Sessions.** One session for both sides, by turns, after rounds that are not counted. Between runs the batch and the
  tables are put back to where they were.
* **Numbers.** Wall seconds, and CPU seconds (user and system of the JVM and of Python); ratios of the medians.
* **Values.** Afterwards both sides' tables are compared: types, the row count, and sums of hashes of each column and of
  whole rows.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from bench_data import PROCESSING, TPCH_ORDERS_CONTRACT, in_two_batches, lineitem, lineitem_contract
from bench_data import orders as orders_file
from bench_report import Report, Run, print_aws, print_profile, print_runs, ratio, reported
from bench_scenarios import Bench, publish
from bench_tasks import SessionKind
from bench_workers import Worker

REPOSITORY = Path(__file__).resolve().parents[2]
SIDES = ("floor", "ours")
# Of issue 4: our time over that of the same work by hand.
RATIO = 1.2
LATE_EVERY = 10


class Case(str, Enum):
    """What the batch meets."""

    load = "load"
    merge = "merge"
    both = "both"


def main(
    case: Annotated[Case, typer.Option(help="An empty table, or one that is there already.")] = Case.both,
    scale: Annotated[list[float] | None, typer.Option(help="TPC-H scale factor, once or more; default 0.1.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Counted runs of each side.")] = 3,
    warm_up: Annotated[int, typer.Option(min=0, help="Rounds before that are not counted.")] = 1,
    cores: Annotated[int, typer.Option(min=1, help="Task threads of Spark.")] = 2,
    memory: Annotated[str, typer.Option(help="Heap of the JVM.")] = "4g",
    data: Annotated[Path, typer.Option(help="Folder of the generated files, kept between runs.")] = REPOSITORY
    / "build"
    / "benchmarks",
    profile: Annotated[bool, typer.Option(help="Show where the time of a run goes.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every run and target there.")] = None,
    strict: Annotated[bool, typer.Option(help="End with 1 when a target is missed.")] = False,
) -> None:
    """Measure processing against the same work by hand."""
    with reported(json_file, strict=strict) as report:
        bench = Bench(data.resolve(), report, SessionKind(cores=cores, memory=memory), profile, rounds)
        for one in (Case.load, Case.merge) if case == Case.both else (case,):
            for factor in sorted(set(scale or (0.1,))):
                _compare(bench, one, factor, warm_up)


def _compare(bench: Bench, case: Case, scale: float, warm_up: int) -> None:
    """Both sides by turns in one session, on one prepared batch."""
    runs: dict[str, list[Run]] = {side: [] for side in SIDES}
    name = f"{case.value}, scale {scale:g}"
    with bench.lake() as lake, bench.session() as worker:
        batch = _prepare(bench, case, scale, lake, worker)
        for number in range(-warm_up, bench.rounds):
            for side in SIDES:
                worker.run("reset", side=side)
                run = worker.run(f"process-{side}", profile=bench.profile)
                run |= {"scenario": f"processing-{case.value}", "side": side, "scale": scale}
                _say(bench.report, number, side, run)
                if number >= 0:
                    runs[side].append(run)
                    bench.report.runs.append(run)
        found = worker.run("compare")
        for side, facts in worker.run("layouts").items():
            if side in runs:
                for run in runs[side]:
                    run.update(facts)
    print_runs(bench.report, f"{name}: a batch of {batch['rows']} rows", runs, "floor")
    print_aws(bench.report, "ours", runs["ours"][-1])
    if bench.profile:
        for side in SIDES:
            print_profile(bench.report, f"{name}, {side}", runs[side][-1])
    _judge(bench.report, name, runs, found)


def _prepare(bench: Bench, case: Case, scale: float, lake: Path, worker: Worker) -> Run:
    """Everything before the measured batch is processed."""
    status = f"preparing {case.value}, scale {scale:g}"
    with bench.report.console.status(status):
        if case == Case.load:
            files = [lineitem(bench.data, scale).path]
        else:
            files = [one.path for one in in_two_batches(bench.data, scale, LATE_EVERY)]
        publish(lake, TPCH_ORDERS_CONTRACT)
        publish(lake, {**lineitem_contract("l_shipdate", key=True), "processing": PROCESSING})
        raw = lake / "raw" / "data" / "incoming"
        steps = [[(str(file), str(raw / "lineitem/2024/01/15" / file.name))] for file in files]
        reference = orders_file(bench.data, scale)
        steps[0].append((str(reference), str(raw / "orders/2024/01/15" / reference.name)))
        return worker.run("prepare", lake=str(lake), files=steps)


def _say(report: Report, number: int, side: str, run: Run) -> None:
    name = "warm-up" if number < 0 else f"round {number + 1}"
    report.console.print(f"{name} {side}: {run['wall']:.2f} s wall, {run['cpu']:.2f} s CPU", highlight=False)


def _judge(report: Report, name: str, runs: dict[str, list[Run]], found: dict[str, Any]) -> None:
    for number in ("wall", "cpu"):
        report.at_most(f"{name}, ours / floor, {number}", ratio(runs, "ours", "floor", number), RATIO)
    differs = found["differs"]
    shown = "; ".join(differs) or f"yes, {found['rows of lineitem']} and {found['rows of daily_revenue']} rows"
    report.holds(f"{name}: both sides' tables are equal", not differs, shown)


if __name__ == "__main__":
    typer.run(main)
