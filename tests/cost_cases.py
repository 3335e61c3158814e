"""What the tests of the cost estimate share: easy numbers, and estimates with them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
from cost.assumptions import Assumptions, load_assumptions  # noqa: E402
from cost.estimate import Estimate, estimate  # noqa: E402
from cost.prices import load_prices  # noqa: E402
from cost.values import read_environment  # noqa: E402

ENVIRONMENTS = ("dev", "staging", "prod")
STREAMING = {"firehose": True, "job": None, "shard_count": None, "retention_hours": 72, "buffering_seconds": 300}
# 100 days of 10 GB in 10 runs a day, and easy numbers in place of the assumptions that matter.
EASY = {
    "runs_per_day": 10,
    "months_running": 24 * 100 / 730,
    "file_mb": 100,
    "ingestion_core_seconds_per_gb": 100,
    "cores_per_vcpu": 0.5,
    "busy_share": 1,
    "task_mb": 100,
    "fixed_seconds": 50,
    "failed_runs_share": 0,
    "curated_ratio": 0.5,
    "new_rows_share": 0.4,
    "merge_rewrite": 1,
}
MONTH = 730 / 24


def assumed(**values: float) -> Assumptions:
    return load_assumptions().with_values(values, "test")


def made(
    name: str = "dev", gb: float = 10, region: str = "us-east-1", assume: dict[str, float] | None = None, **values: Any
) -> Estimate:
    return estimate(read_environment(name).with_values(**values), gb, assumed(**(assume or {})), load_prices(region))


def lines_of(done: Estimate, service: str) -> dict[str, float]:
    return {line.what: line.quantity for line in done.lines if line.service == service}
