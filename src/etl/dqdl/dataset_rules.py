"""Rules that compare the data with references, and rules written in SQL -> plans."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from contextlib import ExitStack

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf
from pyspark.sql import types as st

from etl.dqdl.column_rules import row_level
from etl.dqdl.errors import RuleError
from etl.dqdl.frames import SPARK_ERRORS, Field, Frame, spark_message, try_cast
from etl.dqdl.frequencies import temporary_view
from etl.dqdl.model import Rule
from etl.dqdl.plans import Facts, Mark, Measurement, Plan, metric_name, row_count
from etl.dqdl.values import Numeric

PRIMARY = "primary"  # the data's name in SQL, as in AWS


def reference(name: str, references: Mapping[str, Frame]) -> Frame:
    """The reference of that name.

    Raises:
        RuleError: it was not given.
    """
    if name not in references:
        known = ", ".join(sorted(references)) or "no references were given"
        raise RuleError(f"there is no reference {name!r}; known: {known}")
    return references[name]


def referential_integrity(rule: Rule, frame: Frame, references: Mapping[str, Frame]) -> Plan:
    """ReferentialIntegrity: the share of rows whose key is in the reference; null is in none."""
    name, others = _reference_columns(rule.values[1], references)
    other = reference(name, references)
    fields, targets = frame.fields(_names(rule.values[0])), other.fields(others)
    keys = tuple(field.name for field in fields)
    if len(fields) != len(targets):
        wanted = [target.name for target in targets]
        raise RuleError(f"{len(keys)} column(s) {list(keys)} cannot be looked up in {len(targets)}: {wanted}")
    columns = [looked_up(ours, theirs) for ours, theirs in zip(fields, targets, strict=True)]
    mark = Mark(unique_name("in", name, *keys, *[target.name for target in targets]), keys, other.data.select(*columns))
    metric = metric_name("Column", rule.values[1], "ReferentialIntegrity", rule)
    return row_level(rule, sf.col(mark.name), metric, (mark,))


def looked_up(ours: Field, theirs: Field) -> Column:
    """A key of the reference, to be compared with one of the data; null, which matches nothing, where it can't be.

    When only one is a text, Spark would cast it itself, and in ANSI mode fail with the first text that is no number.
    """
    if isinstance(ours.type, st.StringType) == isinstance(theirs.type, st.StringType):
        return theirs.column
    return try_cast(theirs.sql, ours.type.simpleString())


def row_count_match(rule: Rule, references: Mapping[str, Frame]) -> Plan:
    """RowCountMatch: rows of the data / rows of the reference."""
    name = rule.values[0]
    reference(name, references)
    key, rows = row_count(None)
    metric = metric_name("Dataset", name, "RowCountMatch", rule)

    def measure(facts: Facts) -> Measurement:
        ours, theirs = facts.values[key], facts.references[name][key]
        detail = f"{ours} rows here, {theirs} rows in {name!r}"
        return _ratio(ours, theirs, metric, "the ratio of row counts", detail)

    return Plan(measure, {key: rows}, references={name: {key: rows}})


def schema_match(rule: Rule, frame: Frame, references: Mapping[str, Frame]) -> Plan:
    """SchemaMatch: columns with the same name and type / all columns of both."""
    name = rule.values[0]
    ours = {field.name: field.dataType.simpleString() for field in frame.data.schema.fields}
    other = reference(name, references).data.schema.fields
    theirs = {field.name: field.dataType.simpleString() for field in other}
    names = list(dict.fromkeys([*ours, *theirs]))
    wrong = [
        f"{column} ({ours.get(column, 'missing')} here, {theirs.get(column, 'missing')} there)"
        for column in names
        if ours.get(column) != theirs.get(column)
    ]
    ratio = 1 - len(wrong) / len(names) if names else 1.0
    metric = metric_name("Dataset", name, "SchemaMatch", rule)
    measured = Measurement(ratio, {metric: ratio}, "SchemaMatch", share=True, detail="; ".join(wrong))
    return Plan(lambda facts: measured)


def aggregate_match(rule: Rule, frame: Frame, references: Mapping[str, Frame]) -> Plan:
    """AggregateMatch: one sum or average / another."""
    sides = [_aggregation(text, frame, references) for text in rule.values]
    ours = {key: column for name, key, column in sides if not name}
    others: dict[str, dict[str, Column]] = {}
    for name, key, column in sides:
        if name:
            others.setdefault(name, {})[key] = column
    metric = metric_name("Column", ",".join(dict.fromkeys(rule.values)), "AggregateMatch", rule)

    def measure(facts: Facts) -> Measurement:
        first, second = (facts.references[name][key] if name else facts.values[key] for name, key, _ in sides)
        detail = f"{rule.values[0]} is {first}, {rule.values[1]} is {second}"
        return _ratio(first, second, metric, "the ratio", detail)

    return Plan(measure, ours, references=others)


def custom_sql(rule: Rule, frame: Frame, references: Mapping[str, Frame]) -> Plan:
    """CustomSql: with a condition one number, without one the good rows."""
    result = _query(rule.values[0], frame, references)
    if rule.condition is None:
        return _good_rows(rule, result, frame)
    if rule.threshold:
        raise RuleError("CustomSql takes a condition or a threshold, not both")
    if len(result.columns) != 1:
        raise RuleError(f"the SQL must give one column, not {len(result.columns)}: {result.columns}")
    text = rule.values[0]
    metric = metric_name("Dataset", "*", f"CustomSQL {text}", rule)

    def measure(facts: Facts) -> Measurement:
        value = facts.queries[text]
        return Measurement(value, {} if value is None else {metric: value}, "the result of the SQL")

    return Plan(measure, queries={text: result})


def _good_rows(rule: Rule, result: DataFrame, frame: Frame) -> Plan:
    """The rows that the SQL gives are good; they are found again by the columns it selects."""
    unknown = [name for name in result.columns if not frame.has(name)]
    if unknown:
        raise RuleError(
            f"the SQL gives {', '.join(unknown)}, which the data does not have; without a condition it must "
            f"select columns of {PRIMARY} (best its key) for the good rows"
        )
    keys = tuple(frame.field(name).name for name in result.columns)
    mark = Mark(unique_name("sql", rule.values[0]), keys, result, null_safe=True)
    return row_level(rule, sf.col(mark.name), metric_name("Dataset", "*", "CustomSQL.Compliance", rule), (mark,))


def _query(text: str, frame: Frame, references: Mapping[str, Frame]) -> DataFrame:
    """The SQL's result. In parentheses it can only be a query: it cannot change anything."""
    with ExitStack() as views:
        for name, other in {**references, PRIMARY: frame}.items():
            views.enter_context(temporary_view(other.data, name))
        try:
            return frame.data.sparkSession.sql(f"select * from ({text.strip().rstrip(';')}\n)")  # noqa: S608 - the rule's SQL, as a query # nosec B608
        except SPARK_ERRORS as error:
            raise RuleError(f"the SQL is not valid: {spark_message(error)}") from None


def _aggregation(text: str, frame: Frame, references: Mapping[str, Frame]) -> tuple[str, str, Column]:
    """``sum(amount)`` or ``avg(reference.amount)`` -> reference or "", name of the aggregate, expression."""
    found = re.fullmatch(r"\s*(sum|avg)\s*\((.+)\)\s*", text, flags=re.IGNORECASE)
    if not found:
        raise RuleError(f'{text!r} is not an aggregation such as "sum(amount)" or "avg(reference.amount)"')
    function, target = found[1].lower(), found[2].strip()
    name, source, column = "", frame, target
    if not frame.has(target) and "." in target:
        name, (column,) = _reference_columns(target, references)
        source = reference(name, references)
    field = source.field(column)
    if not field.is_numeric:
        raise RuleError(f"{function} needs a numeric column; {column!r} is {field.type.simpleString()}")
    aggregate = sf.sum if function == "sum" else sf.avg
    return name, f"{function}({field.name})", aggregate(field.column.cast("double"))


def _ratio(first: Numeric | None, second: Numeric | None, metric: str, name: str, detail: str) -> Measurement:
    """first / second; two zeros are equal, and there is no ratio to zero or to nothing."""
    if first is None or second is None or (second == 0 and first != 0):
        return Measurement(None, {}, name, detail=detail)
    ratio = 1.0 if second == 0 else float(first) / float(second)
    return Measurement(ratio, {metric: ratio}, name, detail=detail)


def _reference_columns(text: str, references: Mapping[str, Frame]) -> tuple[str, list[str]]:
    """``reference.column`` or ``reference.{a,b}``; a reference's name may have dots in it."""
    found = re.fullmatch(r"\s*(.+?)\.\{(.*)\}\s*", text)
    if found:
        return found[1], _names(found[2])
    for name in sorted(references, key=len, reverse=True):
        if text.startswith(f"{name}."):
            return name, _names(text[len(name) + 1 :])
    name, dot, columns = text.strip().partition(".")
    if not dot:
        raise RuleError(f'{text!r} is not "reference.column" or "reference.{{column, column}}"')
    return name, _names(columns)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def unique_name(kind: str, *parts: str) -> str:
    """The name of a mark: the same for the same parts."""
    digest = hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:12]
    return f"__dqdl_{kind}_{digest}"
