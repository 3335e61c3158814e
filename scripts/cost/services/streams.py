"""Streams: Kinesis on demand or by shards, Firehose."""

from __future__ import annotations

import math
from collections.abc import Iterator

from cost.lines import Case, Line
from cost.volume import HOURS_PER_MONTH

_DAY_HOURS = 24


def rounded_up(record_kb: float, step_kb: float) -> float:
    """How many times its size a record is charged for, where sizes are rounded up to a step."""
    return math.ceil(record_kb / step_kb) * step_kb / record_kb


def streams_lines(case: Case) -> Iterator[Line]:
    """The lines of Kinesis and Firehose; none without the pipeline's own stream."""
    if not case.environment.own_stream:
        return
    gb = case.work.gb * case.assume["stream_share"]
    record = case.assume["record_kb"]
    yield from _kinesis(case, gb, record)
    if case.environment.delivers:
        yield case.line(
            "Firehose",
            "data from the stream",
            "firehose.gb",
            gb * rounded_up(record, 5),
            f"records of {record:g} KB count as multiples of 5 KB",
        )
        yield case.line("Firehose", "dynamic partitioning", "firehose.partitioned_gb", gb)
        yield case.line("Firehose", "files", "firehose.object", gb * 1000 / case.assume["firehose_object_mb"])
        yield case.line("Firehose", "JQ, at most all the time", "firehose.jq_hour", HOURS_PER_MONTH)


def _kinesis(case: Case, gb: float, record: float) -> Iterator[Line]:
    streaming = case.environment["streaming"]
    shards, longer = streaming["shard_count"], max(streaming["retention_hours"] - _DAY_HOURS, 0)
    if shards is None:
        yield case.line("Kinesis", "stream, on demand", "kinesis.stream_hour", HOURS_PER_MONTH)
        yield case.line(
            "Kinesis",
            "data in",
            "kinesis.gb_in",
            gb * rounded_up(record, 1),
            f"records of {record:g} KB, rounded up to 1 KB",
        )
        yield case.line("Kinesis", "data out", "kinesis.gb_out", gb, "one reader")
        if longer:
            kept = gb / HOURS_PER_MONTH * longer
            yield case.line(
                "Kinesis", "kept longer than a day", "kinesis.extended_gb_month", kept, f"{longer} hours more"
            )
        return
    yield case.line("Kinesis", "shards", "kinesis.shard_hour", shards * HOURS_PER_MONTH, f"{shards} shards")
    puts = gb * 1e6 / record * math.ceil(record / 25)
    yield case.line("Kinesis", "PUT units of 25 KB", "kinesis.put_unit", puts)
    if longer:
        yield case.line("Kinesis", "kept longer than a day", "kinesis.extended_shard_hour", shards * HOURS_PER_MONTH)
