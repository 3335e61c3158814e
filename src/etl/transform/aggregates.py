"""Aggregates of curated tables."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from etl.contracts import Aggregate
from etl.names import EVENT_DATE
from etl.transform.expressions import compiled


def aggregate(curated: DataFrame, definition: Aggregate, dataset: str) -> DataFrame:
    """A daily aggregate: one row per ``event_date`` and group.

    Args:
        curated: the rows of the dates in question.
        definition: group and measures.
        dataset: named in errors.

    Returns:
        ``event_date``, the group's columns, and the measures.

    Raises:
        ExpressionError: a measure does not compile.
    """
    measures = [F.expr(expression).alias(name) for name, expression in definition.measures.items()]
    what = f"{dataset}: aggregate {definition.name!r}: {', '.join(definition.measures.values())}"
    return compiled(what, lambda: curated.groupBy(EVENT_DATE, *definition.group_by).agg(*measures))
