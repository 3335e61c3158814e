"""S3: what lies in which class by the lifecycle rules of modules/storage, old versions, requests.

S3's first price tier (50 TB) is taken for all of Standard; above it AWS asks a little less.
"""

from __future__ import annotations

from collections.abc import Iterator

from cost.lines import Case, Line
from cost.volume import DAYS_PER_MONTH

CLASSES = {
    "s3.standard": "Standard",
    "s3.infrequent": "Standard-IA",
    "s3.instant_retrieval": "Glacier Instant Retrieval",
    "s3.deep_archive": "Glacier Deep Archive",
}
_TRANSITIONS = {
    "s3.infrequent": "s3.to_infrequent",
    "s3.instant_retrieval": "s3.to_instant_retrieval",
    "s3.deep_archive": "s3.to_deep_archive",
}
_ACCESS_LOG_KB = 0.5
_CODE_GB = 0.2  # scripts, library, contracts, and a few of their old versions


def by_age(gb_per_day: float, days: float, steps: dict[str, float], expire: float = 0.0) -> dict[str, float]:
    """GB in each class, when the same amount came every day.

    Args:
        gb_per_day: that came.
        days: for how long.
        steps: day of the move by class (a price key), in order; 0 is never.
        expire: day of deletion; 0 is never.
    """
    end = min(days, expire) if expire else days
    moves = [("s3.standard", 0.0), *((key, day) for key, day in steps.items() if day > 0)]
    ends = [*(day for _, day in moves[1:]), end]
    return {
        key: gb_per_day * max(min(until, end) - start, 0.0) for (key, start), until in zip(moves, ends, strict=True)
    }


def s3_requests(case: Case) -> tuple[float, float]:
    """Requests of a month: writes and listings, reads."""
    work, assume = case.work, case.assume
    puts = work.files * assume["puts_per_file"] + work.dataset_runs * assume["puts_per_dataset_run"]
    gets = work.dataset_runs * assume["gets_per_dataset_run"] + work.read_gb * assume["gets_per_gb"]
    return puts, gets


def s3_lines(case: Case) -> Iterator[Line]:
    """The lines of S3."""
    for what, sizes in _layers(case).items():
        for key, gb in sizes.items():
            if gb:
                yield case.line("S3", f"{what}, {CLASSES[key]}", key, gb, f"after {case.work.days_running:.0f} days")
    puts, gets = s3_requests(case)
    yield case.line("S3", "writes and listings", "s3.put", puts, "by file, dataset and run")
    yield case.line("S3", "reads", "s3.get", gets, "by dataset, run and GB")
    yield from _transitions(case)
    if case.environment["enable_transfer_acceleration"]:
        yield case.line("S3", "transfer acceleration", "s3.acceleration", case.work.gb, "all that arrives")


def raw_steps(case: Case) -> dict[str, float]:
    """When raw files move."""
    days = case.environment["retention_days"]
    names = ("raw_infrequent", "raw_archive", "raw_deep_archive")
    return {key: float(days[name]) for key, name in zip(_TRANSITIONS, names, strict=True)}


def _layers(case: Case) -> dict[str, dict[str, float]]:
    work, assume, days = case.work, case.assume, case.environment["retention_days"]
    daily, running, old = work.gb_per_day, work.days_running, float(days["noncurrent"])
    processed, merged = daily * assume["processed_ratio"], daily * assume["curated_ratio"]
    kept = work.processed_gb / processed if processed else 0.0
    snapshots = float(case.environment["maintenance_retention_days"]["snapshots"]) if work.maintenance_runs else running
    reports = work.dataset_runs / DAYS_PER_MONTH * assume["report_mb"] / 1000
    requests = sum(s3_requests(case)) / DAYS_PER_MONTH
    logs = case.environment["enable_access_logs"] * requests * _ACCESS_LOG_KB / 1e6
    spark_ui = sum(job.spark_ui for job in case.environment.jobs()) * work.workflow_runs / DAYS_PER_MONTH
    scratch = spark_ui * assume["event_log_mb"] / 1000
    gone = {  # a day, and for how many days it has gone
        "processed": processed * min(max(running - kept, 0.0), old),
        "curated": merged * assume["merge_rewrite"] * min(max(running - snapshots, 0.0), old),
        "scratch": scratch * min(max(running - days["temporary"], 0.0), old),
    }
    return {
        "raw": by_age(daily, running, raw_steps(case), float(days["raw_expire"])),
        "processed": by_age(processed, kept, {"s3.infrequent": float(days["infrequent"])}),
        "curated": {"s3.standard": work.curated_gb},
        "curated: replaced files of snapshots": {
            "s3.standard": merged * assume["merge_rewrite"] * min(snapshots, running)
        },
        "reports": by_age(reports, running, {}, float(days["reports"])),
        "quarantine": by_age(daily * assume["refused_share"], running, {}, float(days["reports"])),
        "scripts and scratch": {
            "s3.standard": _CODE_GB + sum(by_age(scratch, running, {}, float(days["temporary"])).values())
        },
        "access logs": by_age(logs, running, {}, float(days["access_logs"])),
        "deleted and replaced files that are kept (noncurrent)": {"s3.standard": sum(gone.values())},
    }


def _transitions(case: Case) -> Iterator[Line]:
    """Each file is charged once for each move, in the month in which its day comes."""
    expire = float(case.environment["retention_days"]["raw_expire"])
    for key, day in raw_steps(case).items():
        if 0 < day < case.work.days_running and (not expire or day < expire):
            yield case.line(
                "S3", f"moves of raw files to {CLASSES[key]}", _TRANSITIONS[key], case.work.files, f"day {day:.0f}"
            )
