"""Measurements -> results: which outcome, how far it holds, and what to say about it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal

from etl.dqdl import values
from etl.dqdl.catalog import ANOMALY, DIMENSIONS, RULE_TYPES
from etl.dqdl.history import History
from etl.dqdl.model import Composite, Condition, Node, Number, Rule
from etl.dqdl.plans import Measurement
from etl.dqdl.result import ERROR, FAILED, PASSED, RuleResult
from etl.dqdl.values import Numeric

ALL = Condition("=", (Number(Decimal(1)),))
# Rules whose condition is about single rows or files: the share of good ones is judged by the threshold.
BY_ROW = ("ColumnValues", "ColumnLength", "ColumnDataType", "DataFreshness", "FileFreshness", "FileMatch", "FileSize")


def judge(node: Node, measured: Measurement, history: History, row_level: bool) -> RuleResult:
    """The result of a rule that was measured.

    Args:
        node: the rule, or a composite that was evaluated row by row.
        measured: what was found.
        history: what earlier runs measured.
        row_level: whether single rows can be told good or bad.

    Raises:
        RuleError: the condition cannot be applied to the value.
    """
    condition = _condition(node)
    past = next((history.values(name) for name in measured.metrics if name in history.metrics), [])
    value = measured.value
    if measured.verdict is not None:
        outcome, ratio = (PASSED, 1.0) if measured.verdict else (FAILED, 0.0)
    elif measured.rows == 0:
        outcome, ratio = PASSED, 1.0  # no row breaks the rule; RowCount is the rule about having rows
    elif value is None or (isinstance(value, float) and math.isnan(value)):
        outcome, ratio = FAILED, 0.0
    elif values.holds(condition, value, past):
        outcome, ratio = PASSED, 1.0
    else:
        outcome, ratio = FAILED, _reached(condition, measured, past)
    failed = None if measured.passed is None else (measured.rows or 0) - measured.passed
    message = _message(node, condition, measured, past, outcome)
    return _build(node, outcome, ratio, message, measured.metrics, failed, measured.rows, row_level)


def failure(node: Node, problem: str) -> RuleResult:
    """The result of a rule that cannot be evaluated."""
    return _build(node, ERROR, 0.0, problem, {}, None, None, False)


def combine(node: Composite, parts: Sequence[RuleResult]) -> RuleResult:
    """The result of a composite from its parts: an error in any part is an error of the whole."""
    metrics = {name: value for part in parts for name, value in part.metrics.items()}
    ratio = (min if node.operator == "and" else max)(part.ratio for part in parts)
    outcomes = [part.outcome for part in parts]
    good = (all if node.operator == "and" else any)(outcome == PASSED for outcome in outcomes)
    outcome = ERROR if ERROR in outcomes else PASSED if good else FAILED
    told = parts if outcome == PASSED else [part for part in parts if part.outcome != PASSED]
    message = "; ".join(f"{part.text}: {part.message}" for part in told)
    return _build(node, outcome, 0.0 if outcome == ERROR else ratio, message, metrics, None, None, False)


def _condition(node: Node) -> Condition:
    """What the measured value is held against."""
    if isinstance(node, Composite):
        return ALL
    if node.rule_type in BY_ROW or node.condition is None:
        return node.threshold or ALL
    return node.condition


def _reached(condition: Condition, measured: Measurement, past: Sequence[float]) -> float:
    """How far a failed rule holds: its share, if more of it would make it pass."""
    if not measured.share or measured.value is None or not values.holds(condition, 1.0, past):
        return 0.0
    return min(max(float(measured.value), 0.0), 1.0)


def _message(node: Node, condition: Condition, measured: Measurement, past: Sequence[float], outcome: str) -> str:
    if measured.value is None or (isinstance(measured.value, float) and math.isnan(measured.value)):
        said = f"{measured.name} has no value"
        said += " (NaN)" if measured.value is not None else ": there is nothing to compute it from"
    elif measured.rows is not None and measured.passed is not None:
        said = _about_rows(measured.passed, measured.rows)
    elif measured.name:
        said = f"{measured.name} is {_shown(measured.value)}"
    else:
        said = ""
    if outcome == FAILED and condition != ALL:
        said += f"; needed {values.spelled(condition, past)}"
    told = measured.detail if outcome == FAILED or not said else ""
    return "; ".join(part for part in (said, told) if part)


def _about_rows(passed: int, rows: int) -> str:
    if not rows:
        return "there are no rows to judge"
    if passed == rows:
        return f"all {rows:,} row(s) meet it"
    return f"{rows - passed:,} of {rows:,} row(s) do not meet it ({_percent(passed, rows)} do)"


def _percent(passed: int, rows: int) -> str:
    """Rounded down, and never 0 % for some: 100 % and 0 % are said only of all and none."""
    hundredths = passed * 10000 // rows
    return f"{max(hundredths, 1 if passed else 0) / 100:.2f}%"


def _shown(value: Numeric) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.6g}" if isinstance(value, float) else f"{value:,f}"


def _build(
    node: Node,
    outcome: str,
    ratio: float,
    message: str,
    metrics: Mapping[str, Numeric],
    failed: int | None,
    rows: int | None,
    row_level: bool,
) -> RuleResult:
    labels = dict(node.labels)
    kind = node.rule_type if isinstance(node, Rule) else node.operator
    return RuleResult(
        text=node.text,
        rule_type=kind,
        columns=_columns(node),
        dimension=_dimension(node, labels),
        outcome=outcome,
        metrics=dict(metrics),
        ratio=ratio,
        message=message,
        failed_rows=failed,
        rows=rows,
        labels=labels,
        critical=_critical(labels),
        row_level=row_level,
    )


def _columns(node: Node) -> tuple[str, ...]:
    names: list[str] = []
    for rule in node.leaves():
        if rule.rule_type == "ReferentialIntegrity":
            names += [name.strip() for name in rule.values[0].split(",")]
        elif RULE_TYPES[rule.rule_type].takes == "column":
            names += rule.values
    return tuple(dict.fromkeys(names))


def _dimension(node: Node, labels: Mapping[str, str]) -> str:
    """By label; else anomaly for rules that look back; else by the type of the (first) rule."""
    labelled = labels.get("dimension", "").lower()
    if labelled in DIMENSIONS:
        return labelled
    rules = list(node.leaves())
    looks_back = [c for rule in rules for c in (rule.condition, rule.threshold) if c and c.dynamic]
    return ANOMALY if looks_back else RULE_TYPES[rules[0].rule_type].dimension


def _critical(labels: Mapping[str, str]) -> bool:
    return labels.get("critical", "").lower() == "true" or labels.get("criticality", "").lower() in (
        "high",
        "critical",
    )
