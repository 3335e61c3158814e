"""Plans -> branches: each a data frame that has not run yet and gives the numbers of many rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cached_property, reduce
from typing import Any

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as sf

from etl.dqdl.errors import RuleError
from etl.dqdl.folding import folded
from etl.dqdl.frames import quoted
from etl.dqdl.frequencies import counted, counts_of
from etl.dqdl.planner import Leaf, Planner
from etl.dqdl.plans import Facts, Plan, marked, row_count
from etl.dqdl.storage import stored_in_columns
from etl.dqdl.values import Numeric

VALUES, KEYS, REFERENCE, QUERIES, PROFILE = "values", "keys", "reference", "queries", "profile"


@dataclass(frozen=True)
class Branch:
    """One part of the shared action.

    Args:
        kind: values, keys, reference, queries or profile.
        leaves: the rules that it serves.
        frame: gives the numbers; it has not run yet.
        take: puts the frame's rows into the facts.
        readings: how often it reads the data (or the reference).
        what: what it computes, in words; for keys and queries one of each.
        subject: what messages call that which is read, unless it is the data.
    """

    kind: str
    leaves: Sequence[Leaf]
    frame: DataFrame
    take: Callable[[Sequence[Row], Facts], None]
    readings: int = 1
    what: Sequence[str] = ()
    subject: str = ""


@dataclass(frozen=True)
class Task:
    """What branches are made for.

    Args:
        planner: knows the data and the references.
        leaves: rules and analyzers; those with a problem are left out.
        profile: aggregates of a profile, by name.
        fold: whether SQL that is one aggregate joins the others.
    """

    planner: Planner
    leaves: Sequence[Leaf]
    profile: Mapping[str, Column] = field(default_factory=dict)
    fold: bool = True

    @property
    def planned(self) -> list[tuple[Leaf, Plan]]:
        """The rules that can be evaluated, with their plans."""
        return [(leaf, leaf.plan) for leaf in self.leaves if leaf.plan]

    @property
    def queries(self) -> dict[str, DataFrame]:
        """The queries of all rules, each once."""
        return {text: query for _, plan in self.planned for text, query in plan.queries.items()}

    @cached_property
    def folded(self) -> dict[str, Column]:
        """The queries that are one aggregate of the data."""
        found = {text: folded(text, self.planner.data) for text in self.queries} if self.fold else {}
        return {text: column for text, column in found.items() if column is not None}

    @cached_property
    def in_columns(self) -> bool:
        """Whether reading a few columns of the data again is cheap."""
        return stored_in_columns(self.planner.data)


def values_branch(task: Task) -> list[Branch]:
    """The aggregation of all rules about rows, values and statistics, and the number of rows."""
    key, rows = row_count(None)
    aggregates: dict[str, Column] = {key: rows}
    for _, plan in task.planned:
        aggregates.update(plan.aggregates)
    queries = {text: column for text, column in task.folded.items() if text in task.queries}
    extra = {} if task.in_columns else dict(task.profile)
    columns = [*aggregates.values(), *extra.values(), *[column.cast("string") for column in queries.values()]]
    data = marked(task.planner.data, [mark for _, plan in task.planned for mark in plan.marks])
    leaves = [leaf for leaf, plan in task.planned if plan.aggregates or set(plan.queries) & set(queries)]

    def take(found: Sequence[Row], facts: Facts) -> None:
        values = dict(zip([*aggregates, *extra, *queries], found[0], strict=True))
        for text in queries:
            _answer(text, [values.pop(text)], leaves, facts)
        facts.values.update(values)

    what = [f"{len(columns)} numbers", *(["the profile of all columns"] if extra else [])]
    return [Branch(VALUES, leaves, _aggregated(data, columns), take, what=what)]


def keys_branch(task: Task) -> list[Branch]:
    """The counts of all keys of uniqueness rules."""
    leaves = [leaf for leaf, plan in task.planned if plan.frequencies]
    keys = list(dict.fromkeys(each for _, plan in task.planned for each in plan.frequencies))
    if not keys:
        return []
    one_reading = not task.in_columns
    what = [", ".join(key.columns) + (f" where {key.where}" if key.where else "") for key in keys]
    frame = counted(task.planner.frame, keys, one_reading)
    readings = 1 if one_reading else len(keys)
    return [Branch(KEYS, leaves, frame, lambda rows, facts: facts.counts.update(counts_of(rows, keys)), readings, what)]


def reference_branches(task: Task) -> list[Branch]:
    """One aggregation for each reference whose numbers rules need."""
    wanted: dict[str, dict[str, Column]] = {}
    for _, plan in task.planned:
        for name, aggregates in plan.references.items():
            wanted.setdefault(name, {}).update(aggregates)
    return [_reference_branch(task, name, aggregates) for name, aggregates in wanted.items()]


def _reference_branch(task: Task, name: str, aggregates: Mapping[str, Column]) -> Branch:
    def take(rows: Sequence[Row], facts: Facts) -> None:
        facts.references.setdefault(name, {}).update(zip(aggregates, rows[0], strict=True))

    leaves = [leaf for leaf, plan in task.planned if name in plan.references]
    frame = _aggregated(task.planner.references[name].data, list(aggregates.values()))
    what = [f"{len(aggregates)} numbers of {name!r}"]
    return Branch(REFERENCE, leaves, frame, take, what=what, subject=f"the reference {name!r}")


def queries_branch(task: Task) -> list[Branch]:
    """All CustomSql that need a query of their own, as one union: as text, so that decimals stay exact."""
    inside = task.folded
    queries = {text: query for text, query in task.queries.items() if text not in inside}
    if not queries:
        return []
    leaves = [leaf for leaf, plan in task.planned if set(plan.queries) & set(queries)]
    parts = [
        query.limit(2).select(
            sf.lit(position).alias("query"), sf.col(quoted(query.columns[0])).cast("string").alias("value")
        )
        for position, query in enumerate(queries.values())
    ]

    def take(rows: Sequence[Row], facts: Facts) -> None:
        for position, text in enumerate(queries):
            _answer(text, [row["value"] for row in rows if row["query"] == position], leaves, facts)

    return [Branch(QUERIES, leaves, reduce(DataFrame.union, parts), take, len(queries), list(queries))]


def profile_branch(task: Task) -> list[Branch]:
    """The profile by itself: its sketches would keep Spark from compiling the rules' aggregation."""
    if not task.profile or not task.in_columns:
        return []

    def take(rows: Sequence[Row], facts: Facts) -> None:
        facts.values.update(zip(task.profile, rows[0], strict=True))

    frame = _aggregated(task.planner.data, list(task.profile.values()))
    return [Branch(PROFILE, [], frame, take, what=["the profile of all columns"])]


BUILDERS: tuple[Callable[[Task], list[Branch]], ...] = (
    values_branch,
    keys_branch,
    reference_branches,
    queries_branch,
    profile_branch,
)


def _answer(text: str, answers: Sequence[Any], leaves: Sequence[Leaf], facts: Facts) -> None:
    """Note the number that a query gives; what is none is a problem of the query's rules only."""
    try:
        facts.queries[text] = _number(answers)
    except RuleError as error:
        for leaf in leaves:
            if leaf.plan and text in leaf.plan.queries:
                leaf.blame(error)


def _number(answers: Sequence[Any]) -> Numeric | None:
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


def _aggregated(data: DataFrame, columns: Sequence[Column]) -> DataFrame:
    return data.agg(*[column.alias(f"a{position}") for position, column in enumerate(columns)])
