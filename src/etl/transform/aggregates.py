"""Aggregates of curated tables: per event date, or per group over the whole table.

An aggregate over the whole table whose measures can be merged is kept as partials, one row per date and group; only
the partials of touched dates are computed again, and all are rolled up. Other measures are computed from all rows.
"""

from __future__ import annotations

import re

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DecimalType

from etl.contracts import Aggregate
from etl.names import EVENT_DATE
from etl.transform.expressions import compiled

_CALL = re.compile(r"(sum|count|count_if|min|max)\s*\(", re.IGNORECASE)
_DISTINCT = re.compile(r"\s*distinct\b", re.IGNORECASE)
_QUOTES = "'\"`"
_MAX_DIGITS = 38


def aggregate(curated: DataFrame, definition: Aggregate, dataset: str) -> DataFrame:
    """An aggregate of the rows: one row per ``event_date`` and group, or per group where it is over the table.

    Args:
        curated: the rows of the dates in question, or of the whole table.
        definition: group and measures.
        dataset: named in errors.

    Returns:
        ``event_date`` (of daily aggregates), the group's columns, and the measures.

    Raises:
        ExpressionError: a measure does not compile.
    """
    by = definition.group_by if definition.over == "table" else (EVENT_DATE, *definition.group_by)
    return _aggregated(curated, by, definition, dataset)


def partials(curated: DataFrame, definition: Aggregate, dataset: str) -> DataFrame:
    """The measures of an aggregate over the table per ``event_date`` and group, from which it can be rolled up.

    Args:
        curated: the rows of the dates in question.
        definition: :func:`can_be_merged`.
        dataset: named in errors.

    Raises:
        ExpressionError: a measure does not compile.
    """
    return _aggregated(curated, (EVENT_DATE, *definition.group_by), definition, dataset)


def rolled_up(kept: DataFrame, definition: Aggregate) -> DataFrame:
    """The aggregate over the table from the partials of all dates; what :func:`aggregate` makes of all rows.

    Args:
        kept: partials of all dates.
        definition: group and measures.
    """
    measures = [_merged(name, text).cast(kept.schema[name].dataType).alias(name)
                for name, text in definition.measures.items()]  # fmt: skip
    return kept.groupBy(*definition.group_by).agg(*measures)


def can_be_merged(curated: DataFrame, definition: Aggregate, dataset: str) -> bool:
    """Whether all measures of an aggregate over the table can be kept as partials.

    Args:
        curated: the table; only its columns are looked at.
        definition: group and measures.
        dataset: named in errors.

    Raises:
        ExpressionError: a measure does not compile.
    """
    if not all(is_mergeable(text) for text in definition.measures.values()):
        return False
    kinds = {field.name: field.dataType for field in aggregate(curated, definition, dataset).schema.fields}
    # A sum that does not fit is null, and so is a sum of nulls: merged, they could not be told apart. Spark gives sums
    # ten digits more than their values have, unless there is no room for them.
    sums = [kinds[name] for name, text in definition.measures.items() if _function(text) == "sum"]
    return not any(isinstance(kind, DecimalType) and kind.precision == _MAX_DIGITS for kind in sums)


def is_mergeable(measure: str) -> bool:
    """Whether a measure is one call of sum, count, count_if, min or max, without distinct, filter or window.

    Args:
        measure: Spark SQL.
    """
    text = measure.strip()
    called = _CALL.match(text)
    if not called or "--" in text or "/*" in text or _DISTINCT.match(text, called.end()):
        return False
    return _closing_bracket(text, called.end()) == len(text) - 1


def _closing_bracket(text: str, start: int) -> int:
    """The place of the bracket that closes the call whose arguments begin at ``start``; -1 without one."""
    depth, quote, place = 1, "", start
    while place < len(text):
        character = text[place]
        if quote:
            if character == "\\" and quote != "`":
                place += 1
            elif character == quote:
                quote = ""
        elif character in _QUOTES:
            quote = character
        else:
            depth += {"(": 1, ")": -1}.get(character, 0)
            if not depth:
                return place
        place += 1
    return -1


def _function(measure: str) -> str:
    called = _CALL.match(measure.strip())
    return called.group(1).lower() if called else ""


def _merged(name: str, measure: str) -> SparkColumn:
    function = _function(measure)
    if function in ("min", "max"):
        return F.min(name) if function == "min" else F.max(name)
    return F.sum(name) if function == "sum" else F.coalesce(F.sum(name), F.lit(0))


def _aggregated(curated: DataFrame, by: tuple[str, ...], definition: Aggregate, dataset: str) -> DataFrame:
    measures = [F.expr(expression).alias(name) for name, expression in definition.measures.items()]
    what = f"{dataset}: aggregate {definition.name!r}: {', '.join(definition.measures.values())}"
    # An aggregate is computed once for each commit, and its rows are judged by nobody.
    return compiled(what, lambda: curated.groupBy(*dict.fromkeys(by)).agg(*measures), repeatable=False)
