"""Runs what all plans need together: at most one Spark action per kind, however many rules there are.

When a shared action fails, the rules run one by one, so that the rule that makes it fail ends in an error
and the others get their results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from etl.dqdl.errors import RuleError
from etl.dqdl.frames import RULE_ERRORS, SPARK_ERRORS, quoted, spark_message
from etl.dqdl.frequencies import count_keys
from etl.dqdl.planner import Leaf, Planner, marked
from etl.dqdl.plans import Facts, Plan, row_count
from etl.dqdl.values import Numeric


def gather(planner: Planner, leaves: Sequence[Leaf]) -> Facts:
    """Run what the plans of the leaves need. Leaves that turn out wrong get their problem.

    Raises:
        pyspark's errors: the data itself cannot be read.
    """
    facts = Facts()
    _gather_values(planner.data, leaves, facts)
    _gather_counts(planner.data, leaves, facts)
    _gather_references(planner, leaves, facts)
    _gather_queries(leaves, facts)
    return facts


def _gather_values(data: DataFrame, leaves: Sequence[Leaf], facts: Facts) -> None:
    key, rows = row_count(None)
    plans = _plans(leaves)
    aggregates: dict[str, Column] = {key: rows}
    for plan in plans:
        aggregates.update(plan.aggregates)
    try:
        facts.values = _aggregate(marked(data, [mark for plan in plans for mark in plan.marks]), aggregates)
    except SPARK_ERRORS:
        facts.values = _aggregate(data, {key: rows})  # data that cannot be read ends here
        _one_by_one(leaves, lambda plan: facts.values.update(_aggregate(marked(data, plan.marks), plan.aggregates)))


def _gather_counts(data: DataFrame, leaves: Sequence[Leaf], facts: Facts) -> None:
    frequencies = [frequency for plan in _plans(leaves) for frequency in plan.frequencies]
    try:
        facts.counts = count_keys(data, frequencies)
    except SPARK_ERRORS:
        _one_by_one(leaves, lambda plan: facts.counts.update(count_keys(data, plan.frequencies)))


def _gather_references(planner: Planner, leaves: Sequence[Leaf], facts: Facts) -> None:
    wanted: dict[str, dict[str, Column]] = {}
    for plan in _plans(leaves):
        for name, aggregates in plan.references.items():
            wanted.setdefault(name, {}).update(aggregates)
    for name, aggregates in wanted.items():
        try:
            facts.references[name] = _aggregate(planner.references[name].data, aggregates)
        except SPARK_ERRORS as error:
            for leaf in leaves:
                if leaf.plan and name in leaf.plan.references:
                    leaf.problem = f"the reference {name!r} cannot be read: {spark_message(error)}"


def _gather_queries(leaves: Sequence[Leaf], facts: Facts) -> None:
    queries: dict[str, DataFrame] = {}
    for plan in _plans(leaves):
        queries.update(plan.queries)
    try:
        facts.queries = _scalars(queries)
    except RULE_ERRORS:
        _one_by_one(leaves, lambda plan: facts.queries.update(_scalars(plan.queries)))


def _one_by_one(leaves: Sequence[Leaf], run: Callable[[Plan], None]) -> None:
    for leaf in leaves:
        if leaf.plan:
            try:
                run(leaf.plan)
            except RULE_ERRORS as error:
                leaf.blame(error)


def _plans(leaves: Sequence[Leaf]) -> list[Plan]:
    return [leaf.plan for leaf in leaves if leaf.plan]


def _aggregate(data: DataFrame, aggregates: Mapping[str, Column]) -> dict[str, Any]:
    if not aggregates:
        return {}
    columns = [column.alias(f"a{position}") for position, column in enumerate(aggregates.values())]
    return dict(zip(aggregates, data.agg(*columns).collect()[0], strict=True))


def _scalars(queries: Mapping[str, DataFrame]) -> dict[str, Numeric | None]:
    """Each result as one row of a union, as text: one type for all, and decimals stay exact."""
    if not queries:
        return {}
    parts = [
        query.limit(2).select(
            sf.lit(position).alias("query"), sf.col(quoted(query.columns[0])).cast("string").alias("value")
        )
        for position, query in enumerate(queries.values())
    ]
    rows = reduce(DataFrame.union, parts).collect()
    return {
        text: _scalar([row["value"] for row in rows if row["query"] == position])
        for position, text in enumerate(queries)
    }


def _scalar(answers: Sequence[str | None]) -> Numeric | None:
    if len(answers) > 1:
        raise RuleError("the SQL gives more than one row; with a condition it must give one number")
    text = answers[0] if answers else None
    if text is None:
        return None
    try:
        value = Decimal({"true": "1", "false": "0"}.get(text, text))
    except InvalidOperation:
        raise RuleError(f"the SQL gives {text!r}, which is not a number") from None
    return value if value.is_finite() else float(value)
