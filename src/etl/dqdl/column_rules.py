"""Rules about the data's own columns and rows -> plans. Everything here shares one aggregation."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime

from pyspark.sql import Column, Window
from pyspark.sql import functions as sf
from pyspark.sql import types as st

from etl.dqdl import predicates
from etl.dqdl.errors import RuleError
from etl.dqdl.frames import Field, Frame
from etl.dqdl.model import Condition, Rule
from etl.dqdl.plans import (
    Counts,
    Facts,
    Frequency,
    Mark,
    Measurement,
    Plan,
    RowTest,
    metric_name,
    row_count,
    within,
)
from etl.dqdl.values import Numeric


def row_count_rule(rule: Rule, frame: Frame) -> Plan:
    """RowCount. A column, as in an example of AWS's documentation, must be there and changes nothing."""
    frame.fields(rule.values)
    key, expression = row_count(rule.where)
    metric = metric_name("Dataset", "*", "RowCount", rule)
    return Plan(
        lambda facts: Measurement(facts.values[key], {metric: facts.values[key]}, "the number of rows"),
        {key: expression},
    )


def column_count(rule: Rule, frame: Frame) -> Plan:
    """ColumnCount."""
    count = len(frame.names)
    measured = Measurement(count, {metric_name("Dataset", "*", "ColumnCount", rule): count}, "the number of columns")
    return Plan(lambda facts: measured)


def column_exists(rule: Rule, frame: Frame) -> Plan:
    """ColumnExists."""
    exists = frame.has(rule.values[0])
    detail = f"there is no column {rule.values[0]!r}; there are {', '.join(frame.names)}"
    detail = f"the data has a column {rule.values[0]!r}" if exists else detail
    return Plan(lambda facts: Measurement(int(exists), {}, share=True, detail=detail))


def column_names_match(rule: Rule, frame: Frame) -> Plan:
    """ColumnNamesMatchPattern: every name, as a whole."""
    try:
        pattern = re.compile(rule.values[0])
    except re.error as error:
        raise RuleError(f"{rule.values[0]!r} is not a regular expression: {error}") from None
    others = [name for name in frame.names if not pattern.fullmatch(name)]
    ratio = 1 - len(others) / len(frame.names) if frame.names else 1.0
    metric = metric_name("Dataset", "*", "ColumnNamesPatternMatchRatio", rule)
    detail = f"these names do not match: {', '.join(others)}" if others else "all names match"
    # A filter changes nothing here, as AWS allows it; as an aggregate it is at least looked at by Spark.
    key, rows = row_count(rule.where)
    return Plan(lambda facts: Measurement(ratio, {metric: ratio}, share=True, detail=detail), {key: rows})


def completeness(rule: Rule, frame: Frame) -> Plan:
    """IsComplete and Completeness: the share of rows that are not null."""
    field = frame.field(rule.values[0])
    return row_level(rule, field.column.isNotNull(), metric_name("Column", field.name, "Completeness", rule))


def column_values(rule: Rule, frame: Frame, now: datetime) -> Plan:
    """ColumnValues. As an analyzer, without a condition: smallest and largest value."""
    field = frame.field(rule.values[0])
    if rule.condition is None:
        return _extremes(rule, field)
    if rule.condition.operator.endswith("matches"):
        frame.check_pattern(str(getattr(rule.condition.operands[0], "value", "")))
    ignore_case = rule.switched_on("ignoreCase")
    good = predicates.column_values(field, rule.condition, now, _format(rule, frame), ignore_case)
    return row_level(rule, good, _compliance(field, rule))


def column_length(rule: Rule, frame: Frame) -> Plan:
    """ColumnLength. As an analyzer: shortest and longest length."""
    field = frame.field(rule.values[0])
    if rule.condition is None:
        return _extremes(rule, field)
    good = predicates.column_length(field, rule.condition)
    return row_level(rule, good, _compliance(field, rule))


def column_data_type(rule: Rule, frame: Frame) -> Plan:
    """ColumnDataType."""
    field = frame.field(rule.values[0])
    good = predicates.column_data_type(field, _condition(rule), _format(rule, frame))
    return row_level(rule, good, _compliance(field, rule))


def data_freshness(rule: Rule, frame: Frame, now: datetime) -> Plan:
    """DataFreshness."""
    field = frame.field(rule.values[0])
    good = predicates.data_freshness(field, _condition(rule), now, _format(rule, frame))
    return row_level(rule, good, _compliance(field, rule))


def statistic(rule: Rule, frame: Frame) -> Plan:
    """Mean, Sum and StandardDeviation (of the population) of the values that are not null."""
    field = frame.field(rule.values[0])
    if not field.is_numeric:
        raise RuleError(f"{rule.rule_type} needs a numeric column; {field.name!r} is {field.type.simpleString()}")
    value = sf.when(within(rule.where), field.column)
    aggregate = {
        "Mean": lambda: sf.avg(value.cast("double")),
        "Sum": lambda: sf.sum(_exact(value, field.type)),
        "StandardDeviation": lambda: sf.stddev_pop(value.cast("double")),
    }[rule.rule_type]()
    return _single(rule, aggregate, metric_name("Column", field.name, rule.rule_type, rule))


def correlation(rule: Rule, frame: Frame) -> Plan:
    """ColumnCorrelation: Pearson's, over rows where both columns have a value."""
    fields = frame.fields(rule.values)
    texts = [field.name for field in fields if not field.is_numeric]
    if texts:
        raise RuleError(f"ColumnCorrelation needs numeric columns; {', '.join(texts)} is not numeric")
    first, second = (sf.when(within(rule.where), field.column.cast("double")) for field in fields)
    target = ",".join(field.name for field in fields)
    return _single(rule, sf.corr(first, second), metric_name("Multicolumn", target, "ColumnCorrelation", rule))


def uniqueness(rule: Rule, frame: Frame) -> Plan:
    """IsUnique, Uniqueness and IsPrimaryKey: the share of rows whose key occurs once."""
    fields = frame.fields(rule.values)
    frequency = Frequency(tuple(field.name for field in fields), rule.where)
    complete_only = rule.rule_type == "IsPrimaryKey"
    metric = metric_name(*_target(fields), "Uniqueness", rule)

    def measure(facts: Facts) -> Measurement:
        counts = facts.counts[frequency]
        passed = counts.complete if complete_only else counts.unique
        share = passed / counts.rows if counts.rows else 1.0
        metrics: dict[str, Numeric] = {metric: share}
        if complete_only:
            metrics = {metric: counts.unique / counts.rows if counts.rows else 1.0}
        return Measurement(share, metrics, "Uniqueness", passed, counts.rows, True, _duplicates(counts, complete_only))

    return Plan(measure, frequencies=(frequency,), test=_occurs_once(fields, rule.where, complete_only))


def distribution(rule: Rule, frame: Frame) -> Plan:
    """DistinctValuesCount, UniqueValueRatio and Entropy, all without null."""
    fields = frame.fields(rule.values)
    frequency = Frequency(tuple(field.name for field in fields), rule.where)
    metric = metric_name(*_target(fields), rule.rule_type, rule)
    read: dict[str, Callable[[Counts], Numeric]] = {
        "DistinctValuesCount": lambda counts: counts.distinct,
        "UniqueValueRatio": lambda counts: counts.unique / counts.distinct if counts.distinct else 1.0,
        "Entropy": lambda counts: counts.entropy,
    }

    def measure(facts: Facts) -> Measurement:
        value = read[rule.rule_type](facts.counts[frequency])
        share = rule.rule_type == "UniqueValueRatio"
        return Measurement(value, {metric: value}, rule.rule_type, share=share)

    return Plan(measure, frequencies=(frequency,))


def row_level(rule: Rule, good: Column, metric: str, marks: tuple[Mark, ...] = ()) -> Plan:
    """The plan of a rule that is good or bad row by row.

    Args:
        rule: the rule.
        good: true for a good row; never null.
        metric: the name of the share of good rows.
        marks: columns that good needs.
    """
    rows_key, rows = row_count(rule.where)
    # The threshold is not part of the key: the same test with two thresholds is counted once.
    options = [f"{name} {value}" for name, value in rule.options if name != "threshold"]
    key = f"{rule.rule_type} {rule.values} {rule.condition} where {rule.where or ''} {options}"

    def measure(facts: Facts) -> Measurement:
        total, passed = facts.values[rows_key], facts.values[key]
        share = passed / total if total else 1.0
        return Measurement(share, {metric: share}, rule.rule_type, passed, total, share=True)

    aggregates = {rows_key: rows, key: sf.count(sf.when(within(rule.where) & good, 1))}
    return Plan(measure, aggregates, marks=marks, test=RowTest(good, rule.where))


def _single(rule: Rule, aggregate: Column, metric: str) -> Plan:
    """The plan of a rule about one aggregate."""

    def measure(facts: Facts) -> Measurement:
        value = facts.values[metric]
        metrics = {} if value is None or math.isnan(value) else {metric: value}
        return Measurement(value, metrics, rule.rule_type)

    return Plan(measure, {metric: aggregate})


def _extremes(rule: Rule, field: Field) -> Plan:
    """Smallest and largest value of numbers, else shortest and longest length."""
    value = sf.when(within(rule.where), field.column)
    numeric = field.is_numeric and rule.rule_type == "ColumnValues"
    names = ("Minimum", "Maximum") if numeric else ("MinimumLength", "MaximumLength")
    sized = value.cast("double") if numeric else sf.length(value.cast("string"))
    metrics = [metric_name("Column", field.name, name, rule) for name in names]

    def measure(facts: Facts) -> Measurement:
        found = {metric: facts.values[metric] for metric in metrics}
        return Measurement(None, {metric: value for metric, value in found.items() if value is not None})

    return Plan(measure, {metrics[0]: sf.min(sized), metrics[1]: sf.max(sized)})


def _exact(value: Column, kind: st.DataType) -> Column:
    """Whole and decimal numbers are summed exactly, wide enough for any number of rows."""
    if isinstance(kind, st.DecimalType) and kind.precision <= 28:
        return value
    if isinstance(kind, st.IntegralType):
        return value.cast("decimal(20,0)")
    return value.cast("double")


def _occurs_once(fields: list[Field], where: str | None, complete_only: bool) -> RowTest:
    keys = [field.column for field in fields]
    among = sf.count(sf.when(within(where), 1)).over(Window.partitionBy(*keys))
    valued = sf.lit(complete_only)
    for field in fields:
        has_value = field.column.isNotNull()
        valued = (valued & has_value) if complete_only else (valued | has_value)
    return RowTest((among == 1) & valued, where, windowed=True)


def _compliance(field: Field, rule: Rule) -> str:
    """AWS's name and the condition: a column may have many such rules, each with a history of its own."""
    return metric_name("Column", field.name, f"{rule.rule_type}.Compliance {rule.condition}", rule)


def _duplicates(counts: Counts, complete_only: bool) -> str:
    repeated = counts.distinct - counts.unique
    parts = [f"{repeated} value(s) occur more than once"] if repeated else []
    empty = counts.rows - counts.valued
    if empty:
        parts.append(f"{empty} row(s) have no value")
    if complete_only and counts.unique > counts.complete:
        parts.append(f"{counts.unique - counts.complete} row(s) have an incomplete key")
    return "; ".join(parts)


def _format(rule: Rule, frame: Frame) -> str | None:
    """The pattern of ``with format``, looked at now: inside the shared pass a wrong one would stop all rules."""
    pattern = rule.option("format")
    if pattern is not None:
        frame.check_date_format(pattern)
    return pattern


def _target(fields: list[Field]) -> tuple[str, str]:
    kind = "Column" if len(fields) == 1 else "Multicolumn"
    return kind, ",".join(field.name for field in fields)


def _condition(rule: Rule) -> Condition:
    if rule.condition is None:
        raise RuleError(f"{rule.rule_type} collects nothing without a condition")
    return rule.condition
