"""How Spark is to run, as a job's arguments say it; what they don't say stays Spark's (or the job's ``--conf``).

Column pruning and partition pruning are Spark's own and always on. Nothing is cached.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import SparkSession

from etl.arguments import flag, whole_number

ARGUMENTS = ("adaptive_query_execution", "broadcast_threshold_mb", "skew_join", "shuffle_partitions")
OFF = -1


@dataclass(frozen=True)
class Performance:
    """Settings of Spark that Glue users expect to set by job; None where the job says nothing.

    Attributes:
        adaptive_query_execution: plans are changed while they run, by what was seen of the data; Spark's own is on.
        broadcast_threshold_mb: the largest table in MiB that is sent to every worker for a join; 0 or -1 for none;
            Spark's own is 10.
        skew_join: partitions that are much larger than others are split in joins; Spark's own is on.
        shuffle_partitions: partitions of a shuffle (at the beginning, with adaptive query execution); Spark's own
            is 200.
    """

    adaptive_query_execution: bool | None = None
    broadcast_threshold_mb: int | None = None
    skew_join: bool | None = None
    shuffle_partitions: int | None = None

    def spark_settings(self) -> dict[str, str]:
        """The names and values that Spark knows them by; only of what was given."""
        broadcast = self.broadcast_threshold_mb
        threshold = None if broadcast is None else f"{broadcast}m" if broadcast > 0 else str(OFF)
        values = {
            "spark.sql.adaptive.enabled": _text(self.adaptive_query_execution),
            "spark.sql.autoBroadcastJoinThreshold": threshold,
            # Adaptive execution decides again, by the size that it has seen.
            "spark.sql.adaptive.autoBroadcastJoinThreshold": threshold,
            "spark.sql.adaptive.skewJoin.enabled": _text(self.skew_join),
            "spark.sql.shuffle.partitions": _text(self.shuffle_partitions),
        }
        return {name: value for name, value in values.items() if value is not None}

    def apply(self, spark: SparkSession) -> None:
        """Set them in a session."""
        for name, value in self.spark_settings().items():
            spark.conf.set(name, value)


def performance_from(arguments: Mapping[str, str]) -> Performance:
    """Performance settings of the job arguments; an empty text is the same as none.

    Raises:
        ArgumentError: an argument has a value that can't be used.
    """
    given = {name: value for name, value in arguments.items() if name in ARGUMENTS and value}

    def switch(name: str) -> bool | None:
        return flag(given, name, True) if name in given else None

    def number(name: str, least: int) -> int | None:
        return whole_number(given, name, least, least) if name in given else None

    return Performance(
        adaptive_query_execution=switch("adaptive_query_execution"),
        broadcast_threshold_mb=number("broadcast_threshold_mb", OFF),
        skew_join=switch("skew_join"),
        shuffle_partitions=number("shuffle_partitions", 1),
    )


def _text(value: bool | int | None) -> str | None:
    return None if value is None else str(value).lower()
