"""Ingestion in unusual sizes: many small files, one large file, three rows, repeated keys."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_data import LATER, ORDERS_CONTRACT, described, lineitem, lineitem_contract, order_file, place
from bench_report import Report, Run, layout, median, print_aws, print_profile, print_runs
from bench_tasks import SessionKind
from bench_workers import Worker

# The options with which the laptop's runner starts small jobs (local_cloud.spark_conf).
QUICK_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData"
ORDERS_PER_FILE = 12  # about 1 KB


@dataclass(frozen=True)
class Bench:
    """What every benchmark is given.

    Attributes:
        data: folder of the generated input, the runs' lakes and their logs.
        report: takes the results.
        kind: of the sessions.
        profile: show where the time of a run goes.
        rounds: how often to measure.
    """

    data: Path
    report: Report
    kind: SessionKind
    profile: bool
    rounds: int

    @contextmanager
    def lake(self) -> Iterator[Path]:
        """A folder for one run's buckets, removed afterwards."""
        folder = self.data / "lakes" / uuid.uuid4().hex[:12]
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder)

    def session(self, kind: SessionKind | None = None) -> Worker:
        return Worker(kind or self.kind, self.data / "logs")

    def ours(self, worker: Worker, lake: Path, contract: dict[str, Any], **facts: Any) -> Run:
        """One run of the ingestion stage on what lies in the lake's raw bucket."""
        publish(lake, contract)
        dataset = contract["name"]
        run = worker.run("ours", lake=str(lake), dataset=dataset, profile=self.profile)
        run |= {**facts, **layout(lake / "processed" / dataset)}
        self.report.runs.append(run)
        return run


def publish(lake: Path, contract: dict[str, Any]) -> None:
    """Put a contract where Terraform puts it."""
    folder = lake / "scripts" / "config"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{contract['name']}.json").write_text(json.dumps(contract))


def total(run: Run, name: str) -> int:
    """A count over all batches of a run."""
    return sum(batch.get(name, 0) for batch in run["batches"])


def _show(bench: Bench, title: str, runs: dict[str, list[Run]]) -> None:
    print_runs(bench.report, title, runs, None)
    for side, found in runs.items():
        print_aws(bench.report, side, found[-1])
        if bench.profile:
            print_profile(bench.report, f"{title}, {side}", found[-1])


def small_files(bench: Bench, files: int) -> None:
    """Files of 1 KB each, in one folder."""
    with bench.lake() as lake, bench.session() as worker:
        folder = lake / "raw" / "data" / "incoming" / "orders" / "2024" / "01" / "15"
        folder.mkdir(parents=True)
        for number in range(files):
            (folder / f"orders-{number:06d}.csv").write_text(order_file(number, ORDERS_PER_FILE))
        run = bench.ours(worker, lake, ORDERS_CONTRACT, scenario="small-files", files=files)
    _show(bench, f"{files} files of 1 KB", {"ours": [run]})
    rows = files * ORDERS_PER_FILE
    bench.report.holds(
        f"{files} files: every row written",
        total(run, "rows_written") == rows,
        str(total(run, "rows_written")),
        str(rows),
    )
    bench.report.at_most(f"{files} files: files per partition", run["out_files"] / max(1, run["out_partitions"]), 1.2)


def large_file(bench: Bench, megabytes: int) -> None:
    """One large CSV file through a heap of half its size, beside a file of a quarter of it."""
    kind = SessionKind(cores=bench.kind.cores, memory=f"{max(512, megabytes // 2)}m")
    scale = megabytes / 740 + 0.01  # scale 1 has 766 MB
    runs: dict[str, list[Run]] = {}
    for size in (megabytes // 4, megabytes):
        file = lineitem(bench.data, scale, max_bytes=size * 1_000_000)
        with bench.lake() as lake, bench.session(kind) as worker:
            place(file.path, lake / "raw", "lineitem")
            contract = lineitem_contract("l_shipdate", key=False)
            run = bench.ours(worker, lake, contract, scenario="large-file", input=described(file))
        runs[f"ours, {size} MB"] = [run]
        written = total(run, "rows_written")
        bench.report.holds(f"{size} MB: every row written", written == file.rows, str(written), str(file.rows))
    _show(bench, f"One file of {megabytes} MB; heap of {kind.memory}", runs)
    small, large = (found[0] for found in runs.values())
    for side in ("jvm", "python"):
        grown = large[f"rss_{side}"] / small[f"rss_{side}"]
        bench.report.at_most(f"peak memory of {side}, 4 times the data", grown, 1.25, " times")


def tiny(bench: Bench) -> None:
    """Three rows: what the job itself needs, once its session is up. Each run has a session of its own."""
    kinds = {
        "as on Glue": bench.kind,
        "as on the laptop": SessionKind(
            cores=bench.kind.cores,
            memory="1g",
            java_options=QUICK_START,
            settings=(("spark.sql.shuffle.partitions", "2"),),
        ),
    }
    runs: dict[str, list[Run]] = {name: [] for name in kinds}
    for _ in range(bench.rounds):
        for name, kind in kinds.items():
            with bench.lake() as lake, bench.session(kind) as worker:
                file = lake / "orders.csv"
                file.write_text(order_file(1, 3))
                place(file, lake / "raw", "orders")
                runs[name].append(bench.ours(worker, lake, ORDERS_CONTRACT, scenario="tiny", session=name))
    _show(bench, "A file of 3 rows", runs)
    for name, found in runs.items():
        bench.report.at_most(f"3 rows, session {name}: the job's own work", median(found, "wall"), 3.0, " s")
        written = {total(run, "rows_written") for run in found}
        bench.report.holds(f"3 rows, session {name}: rows written", written == {3}, str(written), "{3}")


def duplicates(bench: Bench, scale: float) -> None:
    """Lineitem in which every hundredth row comes again with the same key, and later."""
    plain, repeated = lineitem(bench.data, scale), lineitem(bench.data, scale, repeat_every=100)
    contract = lineitem_contract("l_shipdate", key=True)
    runs: dict[str, list[Run]] = {"no repeated key": [], "1 % repeated": []}
    for _ in range(bench.rounds):
        for side, file in zip(runs, (plain, repeated), strict=True):
            with bench.lake() as lake, bench.session() as worker:
                place(file.path, lake / "raw", "lineitem")
                run = bench.ours(worker, lake, contract, scenario="duplicates", side=side, input=described(file))
                condition = f"l_receiptdate = '{LATER.decode()}'"
                table = str(lake / "processed" / "lineitem")
                run["later_rows"] = worker.run("count_where", folder=table, condition=condition)["rows"]
            runs[side].append(run)
    _show(bench, f"Repeated keys, scale {scale:g}", runs)
    for run in runs["1 % repeated"]:
        found = (total(run, "rows_read"), total(run, "rows_written"), total(run, "rows_refused"), run["later_rows"])
        wanted = (repeated.rows, plain.rows, repeated.repeated, repeated.repeated)
        bench.report.holds(
            "1 % repeated: read, written, refused, later ones kept", found == wanted, str(found), str(wanted)
        )
