"""Business rules: every row is judged by every rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from etl.contracts import Rule
from etl.names import FLAGS, METADATA, REASON, RECORD
from etl.transform.enrichment import UNMATCHED
from etl.transform.expressions import compiled


def apply_rules(frame: DataFrame, rules: Sequence[Rule], dataset: str) -> DataFrame:
    """Judge every row by every rule: a row breaks a rule when its condition is not true (null counts as broken).

    Returns:
        The frame with ``_flags array<string>`` (names of broken flag rules), ``_reject_reason`` (the first broken
        reject rule, or null) and ``_record``.

    Raises:
        ExpressionError: a condition does not compile.
    """
    broken: dict[str, SparkColumn] = {}
    for rule in rules:
        compiled(f"{dataset}: rule {rule.name!r}: {rule.condition!r}", _filter(frame, rule.condition))
        broken[rule.name] = ~F.coalesce(F.expr(rule.condition), F.lit(False))
    rejects = [F.when(broken[r.name], f"rule {r.name}: {r.condition}") for r in rules if r.on_failure == "reject"]
    flags = [F.when(broken[r.name], r.name) for r in rules if r.on_failure == "flag"]
    no_text = F.lit(None).cast("string")
    unmatched = [F.col(UNMATCHED)] if UNMATCHED in frame.columns else []
    values = [name for name in frame.columns if name not in (*METADATA, UNMATCHED)]
    return frame.select(
        *values,
        F.filter(F.array(*flags, no_text), lambda name: name.isNotNull()).alias(FLAGS),
        *(name for name in METADATA if name in frame.columns),
        F.coalesce(*unmatched, *rejects, no_text).alias(REASON),
        F.to_json(F.struct(*values)).alias(RECORD),
    )


def _filter(frame: DataFrame, condition: str) -> Callable[[], DataFrame]:
    return lambda: frame.where(condition)
