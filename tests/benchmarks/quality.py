"""The time of our quality rules as a ratio of the same numbers by hand in Spark, and of other quality engines.

    .venv/bin/python tests/benchmarks/quality.py --scale 1

Twenty rules (:mod:`bench_quality`) on TPC-H lineitem as Parquet.

* **The floor** computes the numbers of the rules by hand, in the best way that was found; see :mod:`bench_quality`.
* **Ours** is everything from the text of the rules to the results. It runs in the floor's session, by turns.
* **The peers** (:mod:`bench_peers`) are other engines, each with the nearest to the same rules, in an environment of
  its own below ``build/`` and in a process of its own, whose Spark has the same version and settings. They take their
  turns in the same rounds, after rounds that are not counted.
* **Numbers.** Wall seconds, and CPU seconds (user and system of the JVM and of Python); ratios of the medians. Other
  programs on the machine spoil the wall times first.
* **Outcomes.** Ours and the floor's numbers must be equal; outcomes of peers are compared with ours where they mean
  the same.
* **Jobs.** How many Spark jobs our 5, 20 and 60 rules take: the number must not grow.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from bench_data import lineitem_parquet
from bench_peers import PEERS, Peer, PeerProcess, environment
from bench_quality import RULES, RULESETS
from bench_report import Report, Run, median, print_profile, ratio, reported
from bench_scenarios import Bench
from bench_tasks import SessionKind, plain_settings
from bench_workers import Worker
from rich.table import Table

REPOSITORY = Path(__file__).resolve().parents[2]
RATIO = 1.2
JOBS = 10


def main(
    scale: Annotated[float, typer.Option(help="TPC-H scale factor.")] = 0.1,
    rounds: Annotated[int, typer.Option(min=1, help="Counted runs of each side.")] = 3,
    warm_up: Annotated[int, typer.Option(min=0, help="Rounds before that are not counted.")] = 2,
    peer: Annotated[
        list[str] | None, typer.Option(help=f"Of {', '.join(one.name for one in PEERS)}, once or more; default: all.")
    ] = None,
    peers: Annotated[bool, typer.Option(help="Compare with other engines at all.")] = True,
    cores: Annotated[int, typer.Option(min=1, help="Task threads of Spark.")] = 2,
    memory: Annotated[str, typer.Option(help="Heap of each JVM.")] = "4g",
    data: Annotated[
        Path, typer.Option(help="Folder of the generated files and of the peers' environments.")
    ] = REPOSITORY / "build" / "benchmarks",
    profile: Annotated[bool, typer.Option(help="Show where the time of a run goes.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every run and target there.")] = None,
    strict: Annotated[bool, typer.Option(help="End with 1 when a target is missed.")] = False,
) -> None:
    """Measure twenty rules against the same numbers by hand, and against other engines."""
    wanted = [one for one in PEERS if peers and (not peer or one.name in peer)]
    if unknown := set(peer or ()) - {one.name for one in PEERS}:
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: peers are {', '.join(one.name for one in PEERS)}")
    with reported(json_file, strict=strict) as report:
        bench = Bench(data.resolve(), report, SessionKind(cores=cores, memory=memory), profile, rounds)
        _compare(bench, wanted, scale, warm_up)


def _compare(bench: Bench, peers: list[Peer], scale: float, warm_up: int) -> None:
    """All sides by turns, and then the number of jobs."""
    with bench.report.console.status(f"generating lineitem, scale {scale:g}"):
        file = str(lineitem_parquet(bench.data, scale))
    runs: dict[str, list[Run]] = {"floor": [], "ours": [], **{peer.name: [] for peer in peers}}
    with ExitStack() as stack:
        worker = stack.enter_context(bench.session())
        processes = {peer.name: stack.enter_context(_started(bench, peer, file)) for peer in peers}
        for number in range(-warm_up, bench.rounds):
            for side in runs:
                run = _run(bench, worker, processes, side, file)
                run |= {"scenario": "quality", "side": side, "scale": scale}
                _say(bench.report, number, side, run)
                if number >= 0:
                    runs[side].append(run)
                    bench.report.runs.append(run)
        jobs = {count: worker.run("quality-ours", file=file, rules=count)["jobs"] for count in RULESETS}
    _print(bench.report, f"{len(RULES)} rules on lineitem, scale {scale:g}", runs)
    if bench.profile:
        for side in ("floor", "ours"):
            print_profile(bench.report, side, runs[side][-1])
    _judge(bench.report, scale, runs, jobs, peers)


def _started(bench: Bench, peer: Peer, file: str) -> PeerProcess:
    """A peer, after its environment is made, with a session like ours."""
    with bench.report.console.status(f"installing {', '.join(peer.requirements)}"):
        python = environment(bench.data / "peers", peer)
    scratch = Path(tempfile.mkdtemp(prefix=f"benchmark-{peer.name}-"))
    kind = bench.kind
    request: dict[str, Any] = {"spark": plain_settings(kind, scratch), "master": f"local[{kind.cores}]", "file": file}
    return PeerProcess(peer, python, request, bench.data / "logs" / f"peer-{peer.name}.log")


def _run(bench: Bench, worker: Worker, processes: dict[str, PeerProcess], side: str, file: str) -> Run:
    if side in processes:
        return processes[side].run()
    return worker.run(f"quality-{side}", file=file, profile=bench.profile)


def _say(report: Report, number: int, side: str, run: Run) -> None:
    name = "warm-up" if number < 0 else f"round {number + 1}"
    report.console.print(f"{name} {side}: {run['wall']:.2f} s wall, {run['cpu']:.2f} s CPU", highlight=False)


def _print(report: Report, title: str, runs: dict[str, list[Run]]) -> None:
    table = Table("side", "wall s (min-max)", "CPU s", "wall ratio", "CPU ratio", "Spark jobs", title=title)
    for side, found in runs.items():
        walls = [run["wall"] for run in found]
        ratios = [f"{ratio(runs, side, 'floor', name):.3f}" for name in ("wall", "cpu")]
        wall = f"{median(found, 'wall'):.2f} ({min(walls):.2f}-{max(walls):.2f})"
        table.add_row(side, wall, f"{median(found, 'cpu'):.2f}", *ratios, str(found[-1]["jobs"]))
    report.console.print(table)


def _judge(report: Report, scale: float, runs: dict[str, list[Run]], jobs: dict[int, int], peers: list[Peer]) -> None:
    for name in ("wall", "cpu"):
        report.at_most(f"scale {scale:g}, ours / floor, {name}", ratio(runs, "ours", "floor", name), RATIO)
    report.at_most(f"Spark jobs of {len(RULES)} rules", jobs[len(RULES)], JOBS)
    report.holds("Spark jobs do not grow with the rules", len(set(jobs.values())) == 1, _listed(jobs), "the same")
    ours, floor = runs["ours"][-1], runs["floor"][-1]
    differ = {name: (ours["numbers"][name], floor["numbers"][name]) for name in floor["numbers"]
              if abs(ours["numbers"][name] - floor["numbers"][name]) > 1e-9 * abs(floor["numbers"][name])}  # fmt: skip
    report.holds("ours and the floor's numbers are equal", not differ, str(differ) if differ else "yes")
    outcomes = dict(enumerate((outcome == "Passed" for outcome in ours["outcomes"].values()), 1))
    for peer in peers:
        _judge_peer(report, peer, runs, outcomes)


def _judge_peer(report: Report, peer: Peer, runs: dict[str, list[Run]], ours: dict[int, bool]) -> None:
    for name in ("wall", "cpu"):
        faster = ratio(runs, peer.name, "ours", name)
        report.holds(f"ours is faster than {peer.name}, {name}", faster > 1, f"{faster:.2f} times", "> 1 times")
    theirs = {number: outcome for number, outcome in runs[peer.name][-1]["outcomes"].items() if outcome is not None}
    others = [RULES[number - 1] for number, outcome in theirs.items() if outcome != ours[number]]
    told = "; ".join(others) or f"yes, {len(theirs)} of {len(ours)} are comparable"
    report.holds(f"outcomes of {peer.name} are ours", not others, told)
    report.console.print(f"{peer.name}: {peer.remarks}", highlight=False)


def _listed(jobs: dict[int, int]) -> str:
    return ", ".join(f"{count} rules: {number}" for count, number in jobs.items())


if __name__ == "__main__":
    typer.run(main)
