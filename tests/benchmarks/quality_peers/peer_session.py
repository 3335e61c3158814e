"""What all peers share: a Spark session of the same settings as ours, and runs on request, measured.

A peer's script is started by the Python of its own environment. It reads a line of JSON for its settings, then one for
each run, and answers each with a line that starts with ``@@``. Whatever else is printed goes to the standard error.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil

NOW = "2026-01-01"
FRESH_DAYS = 20_000
INSTRUCTIONS = ["COLLECT COD", "DELIVER IN PERSON", "NONE", "TAKE BACK RETURN"]
# Outcomes by the position of the rule in bench_quality.RULES, from 1; None for what a peer can't express.
Outcomes = dict[int, bool | None]


def serve(check: Callable[[Any, Any], Outcomes]) -> None:
    """Answer requests until the input ends.

    Args:
        check: holds a data frame against the rules; (session, data) -> outcomes.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    settings = json.loads(sys.stdin.readline())
    spark = _session(settings["spark"], settings["master"])
    print("@@", json.dumps({"ready": True}), file=answers, flush=True)
    for _ in sys.stdin:
        data = spark.read.parquet(settings["file"])
        before, cpu, begun = _jobs(spark), _cpu(), time.monotonic()
        outcomes = check(spark, data)
        run = {"wall": time.monotonic() - begun, "cpu": _cpu() - cpu, "jobs": _jobs(spark) - before}
        print("@@", json.dumps({**run, "outcomes": outcomes}), file=answers, flush=True)
    spark.stop()


def _session(settings: dict[str, str], master: str) -> Any:
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(master).appName("benchmark")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def _jobs(spark: Any) -> int:
    return int(spark.sparkContext._jsc.sc().statusStore().jobsList(None).size())


def _cpu() -> float:
    """User and system seconds of this process and of the JVM."""
    me = psutil.Process()
    times = [process.cpu_times() for process in (me, *me.children(recursive=True))]
    return sum(each.user + each.system + each.children_user + each.children_system for each in times)
