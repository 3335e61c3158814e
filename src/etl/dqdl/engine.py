"""Evaluation of a ruleset: every rule becomes a plan, all plans share one Spark action."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pyspark.sql import DataFrame

from etl.dqdl.errors import RuleError
from etl.dqdl.frames import RULE_ERRORS, SPARK_ERRORS, spark_message
from etl.dqdl.gathering import gather
from etl.dqdl.history import Earlier, History, history_of
from etl.dqdl.judging import combine, failure, judge
from etl.dqdl.model import Node, Rule, Ruleset
from etl.dqdl.parser import parse_ruleset
from etl.dqdl.planner import Leaf, Planner, Surroundings
from etl.dqdl.plans import Facts, Measurement, RowTest, row_count
from etl.dqdl.profile import ProfilePlan, profile_plan
from etl.dqdl.result import ERROR, RuleResult, RulesetResult, plain
from etl.dqdl.schedule import Schedule, schedule


def evaluate(
    data: DataFrame,
    rules: str | Ruleset,
    references: Mapping[str, DataFrame] | None = None,
    history: Earlier | None = None,
    now: datetime | None = None,
    composite: str = "COLUMN",
    files: Sequence[str] = (),
    profile: bool | Collection[str] = False,
) -> RulesetResult:
    """Evaluate a ruleset: one Spark action for all rules; see :func:`etl.dqdl.explain` for what it reads and why.

    A rule that cannot be evaluated ends in the outcome Error and stops no other.

    Args:
        data: the data; ``primary`` in CustomSql.
        rules: DQDL, as text or parsed.
        references: other data frames by the names under which rules speak of them.
        history: what earlier runs measured, for ``last()`` and DetectAnomalies: a :class:`History`, or metric name ->
            values, oldest first.
        now: the time of ``now()`` and of DataFreshness; without a zone it is UTC. Default: this moment.
        composite: COLUMN evaluates the parts of and/or over the whole data and then combines them, AWS's
            default; ROW combines them row by row.
        files: URIs of the files that the data came from, for rules about files that name no path.
        profile: profile all columns, or those that are named, in the same action; see ``RulesetResult.profile``.

    Raises:
        DqdlSyntaxError: the text is not DQDL.
        ValueError: composite is neither COLUMN nor ROW.
    """
    prepared = prepare(data, rules, references, history, now, composite, files, profile)
    facts = gather(prepared.schedule)
    earlier, analyzers, groups = prepared.history, prepared.analyzers, prepared.groups
    rules_leaves = list(zip(prepared.ruleset.rules, groups, strict=True))
    results = [_result(node, list(group), facts, earlier) for node, group in rules_leaves]
    metrics = _metrics(results, analyzers, facts)
    entries = _profile(prepared, facts, data)
    return RulesetResult(
        rules=results,
        row_count=facts.values[row_count(None)[0]],
        metrics=metrics,
        problems=[f"{leaf.rule.text}: {leaf.problem}" for leaf in analyzers if leaf.problem] + facts.problems,
        profile=entries,
        _tests=tuple(_test(node, group, result) for (node, group), result in zip(rules_leaves, results, strict=True)),
        _marks=tuple(mark for group in groups for leaf in group if leaf.plan for mark in leaf.plan.marks),
    )


@dataclass(frozen=True)
class Prepared:
    """A ruleset that is planned, and of which nothing has run.

    Args:
        ruleset: the parsed text.
        history: what earlier runs measured.
        groups: the leaves of each rule.
        analyzers: the leaves of the analyzers.
        schedule: what will run.
        profile: the profile that is wanted, too.
    """

    ruleset: Ruleset
    history: History
    groups: Sequence[Sequence[Leaf]]
    analyzers: Sequence[Leaf]
    schedule: Schedule
    profile: ProfilePlan | None


def prepare(
    data: DataFrame,
    rules: str | Ruleset,
    references: Mapping[str, DataFrame] | None = None,
    history: Earlier | None = None,
    now: datetime | None = None,
    composite: str = "COLUMN",
    files: Sequence[str] = (),
    profile: bool | Collection[str] = False,
) -> Prepared:
    """Plan a ruleset; see :func:`evaluate` for the arguments."""
    if composite not in ("COLUMN", "ROW"):
        raise ValueError(f"composite is COLUMN or ROW, not {composite!r}")
    ruleset = rules if isinstance(rules, Ruleset) else parse_ruleset(rules)
    moment = now or datetime.now(timezone.utc)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    earlier = history_of(history)
    planner = Planner(data, Surroundings(moment, references or {}, earlier, files))
    groups = [planner.leaves(node, by_row=composite == "ROW") for node in ruleset.rules]
    analyzers = [planner.leaf(rule) for rule in ruleset.analyzers]
    leaves = [leaf for group in groups for leaf in group] + analyzers
    named = data.columns if isinstance(profile, bool) else profile
    left_out = [name for name in data.columns if name not in named]
    wanted = profile_plan(data.drop(*left_out)) if profile else None
    planned = schedule(planner, leaves, wanted.aggregates if wanted else None)
    return Prepared(ruleset, earlier, groups, analyzers, planned, wanted)


def _profile(prepared: Prepared, facts: Facts, data: DataFrame) -> list[dict[str, Any]]:
    """The profile that was asked for; why there is none is a problem, and no reason to lose the rules' results."""
    plan = prepared.profile
    if plan is None or not all(name in facts.values for name in plan.aggregates):
        return []
    facts.problems.extend(plan.problems)
    try:
        return plan.entries(facts.values, data)
    except SPARK_ERRORS as error:
        facts.problems.append(f"there is no profile: {spark_message(error)}")
        return []


def _metrics(results: Sequence[RuleResult], analyzers: Sequence[Leaf], facts: Facts) -> dict[str, float]:
    found = {name: plain(value) for result in results for name, value in result.metrics.items()}
    for leaf in analyzers:
        measured = _measure(leaf, facts)
        if measured:
            found.update({name: plain(value) for name, value in measured.metrics.items()})
    return found


def _measure(leaf: Leaf, facts: Facts) -> Measurement | None:
    """What the leaf found; None, with its problem noted, when that turns out to make no sense."""
    try:
        return leaf.plan.measure(facts) if leaf.plan else None
    except RULE_ERRORS as error:
        leaf.blame(error)
        return None


def _result(node: Node, leaves: list[Leaf], facts: Facts, history: History) -> RuleResult:
    """The result of a rule; of a composite from its leaves, which are taken from the list in order."""
    if isinstance(node, Rule) or leaves[0].by_row:
        return _leaf_result(node, leaves.pop(0), facts, history)
    return combine(node, [_result(part, leaves, facts, history) for part in node.parts])


def _leaf_result(node: Node, leaf: Leaf, facts: Facts, history: History) -> RuleResult:
    measured = _measure(leaf, facts)
    if measured is None:
        return failure(node, leaf.problem)
    try:
        return judge(node, measured, history, row_level=bool(leaf.plan and leaf.plan.test))
    except RuleError as error:
        return failure(node, str(error))


def _test(node: Node, leaves: Sequence[Leaf], result: RuleResult) -> RowTest | None:
    """The row-level test of a rule that has one and could be evaluated."""
    plan = leaves[0].plan
    single = isinstance(node, Rule) or leaves[0].by_row
    return plan.test if single and plan and result.outcome != ERROR else None
