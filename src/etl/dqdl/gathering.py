"""Runs the schedule: one Spark action, however many rules there are.

When it fails, its branches run by themselves, and of a branch that fails, halves of its rules, down to the one that
makes it fail: that one ends in an error, and the others get their results.
"""

from __future__ import annotations

from collections.abc import Sequence

from etl.dqdl.branches import PROFILE, VALUES, Branch
from etl.dqdl.errors import RuleError
from etl.dqdl.frames import SPARK_ERRORS, spark_message
from etl.dqdl.planner import Leaf
from etl.dqdl.plans import Facts
from etl.dqdl.schedule import Schedule, in_halves, run, schedule


def gather(planned: Schedule) -> Facts:
    """Run a schedule. Leaves that turn out wrong get their problem.

    Raises:
        pyspark's errors: the data itself cannot be read.
    """
    facts = Facts()
    try:
        run(planned.branches, facts, described(planned.branches))
    except SPARK_ERRORS:
        for branch in planned.branches:
            if branch.kind != PROFILE:
                _by_itself(branch, planned, facts)
        _profile(planned, facts)
    return facts


def described(branches: Sequence[Branch]) -> str:
    """The action's description in Spark's user interface."""
    rules = {id(leaf) for branch in branches for leaf in branch.leaves}
    return f"data quality: {len(rules)} rule(s) by {', '.join(dict.fromkeys(branch.kind for branch in branches))}"


def _by_itself(branch: Branch, planned: Schedule, facts: Facts) -> None:
    try:
        run([branch], facts, described([branch]))
    except SPARK_ERRORS:
        if branch.kind == VALUES:
            # Only the number of rows; data that cannot be read ends here.
            run(schedule(planned.planner, []).branches, facts, "data quality: the number of rows")
        _in_halves(branch, planned, facts)


def _profile(planned: Schedule, facts: Facts) -> None:
    """The profile without any rule, when the rules' aggregation that it was part of has failed."""
    if all(name in facts.values for name in planned.profile):
        return
    try:
        run(schedule(planned.planner, [], planned.profile).branches, facts, "data quality: the profile")
    except SPARK_ERRORS as error:
        facts.problems.append(f"there is no profile: {spark_message(error)}")


def _in_halves(branch: Branch, planned: Schedule, facts: Facts) -> None:
    def attempt(leaves: Sequence[Leaf]) -> None:
        # Not folded: an aggregate that fails may do well as the query that it was.
        part = schedule(planned.planner, leaves, fold=False).branches
        run(part, facts, described(part))

    in_halves([leaf for leaf in branch.leaves if leaf.plan], attempt)
    if branch.subject:
        for leaf in branch.leaves:
            if leaf.problem:
                leaf.blame(RuleError(f"{branch.subject} cannot be read: {leaf.problem}"))
