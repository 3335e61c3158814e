"""Business rules: every row is judged by every rule, and what it breaks is counted, flagged, repaired or refused.

A judged row carries one boolean per rule, ``_rule_<name>``, which is true where the row breaks it. Nothing is decided
before all rules of a dataset have spoken (:func:`verdict`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from etl.contracts import Rule
from etl.errors import ExpressionError
from etl.names import FLAGS, REASON
from etl.transform.expressions import compiled

_RULE = "_rule_"


def broken(rule: Rule) -> str:
    """The column that tells whether a row breaks a rule."""
    return f"{_RULE}{rule.name}"


def is_judgement(column: str) -> bool:
    """Whether a column is one of :func:`broken`."""
    return column.startswith(_RULE)


def judge(frame: DataFrame, rules: Sequence[Rule], dataset: str) -> DataFrame:
    """Judge rows by the rules of one place, ``set`` rules in their order.

    Args:
        frame: the rows as they are at that place.
        rules: of that place.
        dataset: named in errors.

    Returns:
        The frame with a boolean ``_rule_<name>`` for each rule, and the columns of ``set`` rules repaired.

    Raises:
        ExpressionError: a condition or a value does not compile, or a ``set`` rule's column is not there.
    """
    for rule in rules:
        frame = _judged(frame, rule, dataset)
        if rule.on_failure == "set":
            frame = _repaired(frame, rule, dataset)
    return frame


def _judged(frame: DataFrame, rule: Rule, dataset: str) -> DataFrame:
    """Null counts as broken: a rule must be seen to hold."""
    what = f"{dataset}: rule {rule.name!r}: {rule.condition!r}"
    # As a filter, Spark refuses what is no boolean and what is an aggregate.
    compiled(what, lambda: frame.where(rule.condition))
    return frame.withColumn(broken(rule), ~F.coalesce(F.expr(rule.condition), F.lit(False)))


def _repaired(frame: DataFrame, rule: Rule, dataset: str) -> DataFrame:
    """All values of one rule see the row as it was before it."""
    types = {field.name: field.dataType for field in frame.schema.fields}
    repairs: dict[str, SparkColumn] = {}
    for column, expression in rule.values.items():
        what = f"{dataset}: rule {rule.name!r}: set {column}: {expression!r}"
        if column not in types:
            known = ", ".join(name for name in types if not name.startswith("_"))
            raise ExpressionError(f"{what}: there is no column {column!r} after {rule.place!r}; columns are {known}")
        compiled(what, partial(frame.selectExpr, expression))
        value = F.expr(expression).cast(types[column])
        repairs[column] = F.when(F.col(broken(rule)), value).otherwise(F.col(column)).alias(column)
    return frame.select(*(repairs.get(name, F.col(f"`{name}`")) for name in frame.columns))


def verdict(frame: DataFrame, rules: Sequence[Rule]) -> DataFrame:
    """What becomes of each row once its rules have spoken.

    Args:
        frame: judged rows; perhaps with ``_flags`` and ``_reject_reason`` of earlier steps, which stay.
        rules: those by which it was judged.

    Returns:
        The frame with ``_flags array<string>`` (names of broken flag rules) and ``_reject_reason`` (the first broken
        reject rule, or null).
    """
    rejects = [F.when(F.col(broken(r)), f"rule {r.name}: {r.condition}") for r in rules if r.on_failure == "reject"]
    flags = [F.when(F.col(broken(r)), r.name) for r in rules if r.on_failure == "flag"]
    no_text = F.lit(None).cast("string")
    earlier = [F.col(REASON)] if REASON in frame.columns else []
    flagged = F.filter(F.array(*flags, no_text), lambda name: name.isNotNull())
    if FLAGS in frame.columns:
        flagged = F.concat(F.col(FLAGS), flagged)
    return frame.withColumns({FLAGS: flagged, REASON: F.coalesce(*earlier, *rejects, no_text)})
