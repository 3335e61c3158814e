"""All plans -> one Spark action. What :mod:`etl.dqdl.gathering` runs is what :mod:`etl.dqdl.explain` tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as sf

from etl.dqdl.branches import BUILDERS, Branch, Task
from etl.dqdl.frames import SPARK_ERRORS
from etl.dqdl.planner import Leaf, Planner
from etl.dqdl.plans import Facts


@dataclass(frozen=True)
class Schedule:
    """What will run for a ruleset.

    Args:
        planner: knows the data and the references.
        leaves: rules and analyzers; those that Spark refuses have their problem noted.
        branches: the parts of the one action.
        profile: aggregates of a profile, by name.
    """

    planner: Planner
    leaves: Sequence[Leaf]
    branches: Sequence[Branch]
    profile: Mapping[str, Column] = field(default_factory=dict)


def schedule(
    planner: Planner, leaves: Sequence[Leaf], profile: Mapping[str, Column] | None = None, fold: bool = True
) -> Schedule:
    """Put the plans of all leaves together and let Spark analyse them; nothing runs.

    Args:
        planner: knows the data and the references.
        leaves: rules and analyzers. Those that Spark refuses get their problem.
        profile: aggregates of a profile that is wanted, too.
        fold: whether SQL that is one aggregate joins the others.
    """
    asked = profile or {}
    branches = [branch for build in BUILDERS for branch in _built(build, planner, leaves, asked, fold)]
    return Schedule(planner, leaves, branches, asked)


def run(branches: Sequence[Branch], facts: Facts, words: str) -> None:
    """Run branches as one Spark action and take their numbers.

    Args:
        branches: at least one.
        facts: where the numbers go.
        words: the description of the action in Spark's user interface.
    """
    context = branches[0].frame.sparkSession.sparkContext
    before = context.getLocalProperty("spark.job.description")
    context.setJobDescription(words)
    try:
        rows = together(branches).collect()
    finally:
        context.setLocalProperty("spark.job.description", before)  # type: ignore[arg-type]
    for position, branch in enumerate(branches):
        branch.take(_rows_of(rows, position) if len(branches) > 1 else rows, facts)


def together(branches: Sequence[Branch]) -> DataFrame:
    """The union of all branches: a struct column for each, which is null in the rows of the others."""
    if len(branches) == 1:
        return branches[0].frame
    types = [branch.frame.schema for branch in branches]
    frames = []
    for position, branch in enumerate(branches):
        row = sf.struct(*[sf.col(f"`{name}`") for name in branch.frame.columns])
        columns = [row if place == position else sf.lit(None).cast(kind) for place, kind in enumerate(types)]
        frames.append(branch.frame.select(*[column.alias(f"b{place}") for place, column in enumerate(columns)]))
    return reduce(DataFrame.union, frames)


def _rows_of(rows: Sequence[Row], position: int) -> list[Row]:
    return [row[position] for row in rows if row[position] is not None]


def in_halves(leaves: Sequence[Leaf], attempt: Callable[[Sequence[Leaf]], object]) -> None:
    """Find out which of some leaves are wrong that failed together: halves are tried, down to single ones.

    Args:
        leaves: those that failed together; the culprits get their problem.
        attempt: raises Spark's error when any of the leaves it is given is wrong.
    """
    middle = len(leaves) // 2
    for part in (leaves[:middle], leaves[middle:]):
        if not part:
            continue
        try:
            attempt(part)
        except SPARK_ERRORS as error:
            if len(part) == 1:
                part[0].blame(error)
            else:
                in_halves(part, attempt)


def _built(
    build: Callable[[Task], list[Branch]],
    planner: Planner,
    leaves: Sequence[Leaf],
    profile: Mapping[str, Column],
    fold: bool,
) -> list[Branch]:
    """The branches of one kind, without the leaves that Spark's analyser refuses."""
    try:
        return build(Task(planner, leaves, profile, fold))
    except SPARK_ERRORS:
        in_halves([leaf for leaf in leaves if leaf.plan], lambda part: build(Task(planner, part, {}, fold)))
        return build(Task(planner, leaves, profile, fold))
