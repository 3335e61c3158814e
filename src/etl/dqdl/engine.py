"""Evaluation of a ruleset: every rule becomes a plan, all plans share their Spark actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

from pyspark.sql import DataFrame

from etl.dqdl.errors import RuleError
from etl.dqdl.frames import RULE_ERRORS
from etl.dqdl.gathering import gather
from etl.dqdl.history import Earlier, History, history_of
from etl.dqdl.judging import combine, failure, judge
from etl.dqdl.model import Node, Rule, Ruleset
from etl.dqdl.parser import parse_ruleset
from etl.dqdl.planner import Leaf, Planner, Surroundings
from etl.dqdl.plans import Facts, Measurement, RowTest, row_count
from etl.dqdl.result import ERROR, RuleResult, RulesetResult, plain


def evaluate(
    data: DataFrame,
    rules: str | Ruleset,
    references: Mapping[str, DataFrame] | None = None,
    history: Earlier | None = None,
    now: datetime | None = None,
    composite: str = "COLUMN",
    files: Sequence[str] = (),
) -> RulesetResult:
    """Evaluate a ruleset.

    Rules that need aggregates share one Spark action, all keys of uniqueness rules a second one, each
    reference one, all scalar CustomSql one. A rule that cannot be evaluated ends in the outcome Error and
    stops no other.

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

    Raises:
        DqdlSyntaxError: the text is not DQDL.
        ValueError: composite is neither COLUMN nor ROW.
    """
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
    planner.check(leaves)
    facts = gather(planner, leaves)
    rules_leaves = list(zip(ruleset.rules, groups, strict=True))
    results = [_result(node, list(group), facts, earlier) for node, group in rules_leaves]
    return RulesetResult(
        rules=results,
        row_count=facts.values[row_count(None)[0]],
        metrics=_metrics(results, analyzers, facts),
        problems=[f"{leaf.rule.text}: {leaf.problem}" for leaf in analyzers if leaf.problem],
        _tests=tuple(_test(node, group, result) for (node, group), result in zip(rules_leaves, results, strict=True)),
        _marks=tuple(mark for group in groups for leaf in group if leaf.plan for mark in leaf.plan.marks),
    )


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
