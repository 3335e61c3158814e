"""DetectAnomalies and the analyzers that measure several things at once -> plans."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from pyspark.sql import types as st

from etl.dqdl.anomalies import SILENT, UNUSUAL, Verdict, judge_point
from etl.dqdl.catalog import ALIASES
from etl.dqdl.errors import RuleError
from etl.dqdl.frames import Field, Frame
from etl.dqdl.history import History
from etl.dqdl.model import Condition, Number, Parameter, Rule
from etl.dqdl.plans import Facts, Measurement, Plan
from etl.dqdl.values import Numeric

PlanOf = Callable[[Rule], Plan]
ALL_COLUMNS = "AllColumns"
ONE_NUMBER = Condition("=", (Number(Decimal(0)),))  # makes CustomSql give a number; nothing is held against it


def detect_anomalies(rule: Rule, plan_of: PlanOf, history: History, now: datetime) -> Plan:
    """DetectAnomalies: whether every metric of the named rule type is as it usually is.

    With too few earlier runs it passes, and says how many there are; the metrics join the history in any case.

    Args:
        rule: the rule; its first parameter is the rule type, the others are that type's.
        plan_of: plans the named rule.
        history: what earlier runs measured.
        now: the time of this run.
    """
    watched = _watched(rule)
    plan = plan_of(watched)

    def measure(facts: Facts) -> Measurement:
        metrics = plan.measure(facts).metrics
        verdicts = {
            metric: judge_point(metric, float(value), now, history.points(metric)) for metric, value in metrics.items()
        }
        usual = all(verdict.kind != UNUSUAL for verdict in verdicts.values())
        detail = _words(verdicts) or f"{watched.rule_type} has no value: there is nothing to compute it from"
        # The value is not compared: the verdict says it all.
        return Measurement(0, metrics, detail=detail, verdict=usual and bool(metrics))

    return replace(plan, measure=measure, test=None)


def all_statistics(rule: Rule, frame: Frame, plan_of: PlanOf) -> Plan:
    """AllStatistics of a column, or of AllColumns.

    The number of rows, Completeness and Uniqueness, of numbers the smallest and largest value, and of texts the
    shortest and longest length.

    Args:
        rule: the analyzer.
        frame: the data.
        plan_of: plans each of the statistics.
    """
    name = rule.values[0]
    fields = frame.fields(frame.names) if name == ALL_COLUMNS and not frame.has(name) else [frame.field(name)]
    wanted = [Rule("RowCount")]
    for field in fields:
        wanted += [Rule(kind, (Parameter(field.name),)) for kind in _statistics(field)]
    return _together([plan_of(each) for each in wanted])


def distribution_analyzer(rule: Rule) -> Plan:
    """Distribution: what it gives are no numbers that a history could hold.

    Raises:
        RuleError: always; it says where the distribution is.
    """
    raise RuleError(
        f"{rule.rule_type} gives a table, and metrics are numbers here: the profile has the histogram of every "
        "numeric column, and the commonest values of the others"
    )


def _watched(rule: Rule) -> Rule:
    """``DetectAnomalies "Mean" "price"`` -> ``Mean "price"``."""
    name = ALIASES.get(rule.values[0], rule.values[0])
    condition = ONE_NUMBER if name == "CustomSql" else None
    return Rule(name, rule.parameters[1:], condition, rule.where, line=rule.line)


def _words(verdicts: Mapping[str, Verdict]) -> str:
    """What is unusual; else everything. Several metrics are told by name."""
    unusual = {metric: verdict for metric, verdict in verdicts.items() if verdict.kind == UNUSUAL}
    told = unusual or verdicts
    said = {metric.rpartition(".")[2]: verdict for metric, verdict in told.items()}
    if len(verdicts) == 1 or all(verdict.kind == SILENT for verdict in told.values()):
        return next((verdict.words for verdict in told.values()), "")
    return "; ".join(f"{name}: {verdict.words}" for name, verdict in said.items())


def _statistics(field: Field) -> list[str]:
    """The rule types that measure a column of this type; maps have no equality to count by."""
    kinds = ["Completeness"]
    if isinstance(field.type, st.AtomicType):
        kinds.append("Uniqueness")
    if field.is_numeric:
        kinds.append("ColumnValues")
    if isinstance(field.type, st.StringType):
        kinds.append("ColumnLength")
    return kinds


def _together(plans: Sequence[Plan]) -> Plan:
    """One plan that measures what all of them measure."""

    def measure(facts: Facts) -> Measurement:
        metrics: dict[str, Numeric] = {}
        for plan in plans:
            metrics.update(plan.measure(facts).metrics)
        return Measurement(None, metrics)

    aggregates = {name: column for plan in plans for name, column in plan.aggregates.items()}
    return Plan(measure, aggregates, tuple(key for plan in plans for key in plan.frequencies))
