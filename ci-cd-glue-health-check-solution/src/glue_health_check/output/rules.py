"""Evaluates rules on a table in duckdb."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import duckdb

from glue_health_check.models import Finding, Severity
from glue_health_check.output.dqdl import NOW, Condition, Rule, Ruleset

# Types as DQDL names them -> duckdb's.
_TYPES = {"INT": "INTEGER", "LONG": "BIGINT", "STRING": "VARCHAR"}
# Null fails a condition, except these: nothing is said about it there.
_NULL_PASSES = ("!=",)


@dataclass(frozen=True)
class Outcome:
    """What came of a rule: whether it holds, and the number that says so."""

    holds: bool
    measured: str


def failed_rules(connection: duckdb.DuckDBPyConnection, table: str, ruleset: Ruleset, file: str) -> list[Finding]:
    """Rules that a table does not meet, or that could not be evaluated (a warning).

    Args:
        connection: to the database.
        table: the table's name there, quoted where needed.
        ruleset: the rules.
        file: where the data lie, for the findings.
    """
    findings = [
        Finding(f"the rule {text} was not evaluated: {reason}", "leave it out here", Severity.WARNING, file)
        for text, reason in ruleset.unsupported
    ]
    for rule in ruleset.rules:
        try:
            outcome = evaluate(connection, table, rule)
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            remedy = "write it so that duckdb understands it, or leave it out here"
            findings.append(
                Finding(f"the rule {rule.text} was not evaluated: {reason}", remedy, Severity.WARNING, file)
            )
            continue
        if not outcome.holds:
            findings.append(Finding(f"the rule {rule.text} fails: {outcome.measured}", "", Severity.ERROR, file))
    return findings


def evaluate(connection: duckdb.DuckDBPyConnection, table: str, rule: Rule) -> Outcome:
    """Whether a rule holds.

    Raises:
        duckdb.Error: it can't be evaluated.
    """
    names = [row[0] for row in connection.execute(f"describe {table}").fetchall()]
    if rule.kind == "ColumnExists":
        return Outcome(rule.columns[0] in names, f"the columns are {', '.join(names)}")
    if rule.kind == "CustomSql":
        connection.execute(f'create or replace temp view "primary" as select * from {table}')
        # DQDL calls the data primary, which is a word of SQL that must be quoted.
        query = re.sub(r"(?i)\b(from|join)\s+primary\b", r'\1 "primary"', rule.columns[0])
        return _compared(connection, _number(connection, query), rule)
    if absent := [column for column in rule.columns if column not in names]:
        return Outcome(False, f"there is no column {', '.join(absent)}")
    source = f"(select * from {table}{f' where {rule.where}' if rule.where else ''})"
    if rule.kind == "ColumnCount":
        return _compared(connection, len(names), rule)
    if rule.kind in ("ColumnValues", "ColumnLength", "ColumnDataType"):
        return _share(connection, source, rule)
    return _aggregate(connection, source, rule)


def _aggregate(connection: duckdb.DuckDBPyConnection, source: str, rule: Rule) -> Outcome:
    columns = ", ".join(map(quoted, rule.columns))
    first = quoted(rule.columns[0]) if rule.columns else ""
    some = " or ".join(f"{quoted(column)} is not null" for column in rule.columns)
    once = f"select count(*) as n from {source} where {some} group by {columns} having count(*) = 1"
    queries = {
        "RowCount": f"select count(*) from {source}",
        "IsComplete": f"select count(*) - count({first}) from {source}",
        "Completeness": f"select count({first}) / count(*) from {source}",
        "IsUnique": f"select count(*) - (select count(*) from ({once})) from {source}",
        "IsPrimaryKey": f"select count(*) - (select count(*) from ({once})) from {source}",
        "Uniqueness": f"select (select count(*) from ({once})) / count(*) from {source}",
        "DistinctValuesCount": f"select count(distinct {first}) from {source}",
        "Mean": f"select avg({first}) from {source}",
        "Sum": f"select sum({first}) from {source}",
        "StandardDeviation": f"select stddev_pop({first}) from {source}",
    }  # fmt: skip
    measured = _number(connection, queries[rule.kind])
    if rule.condition is not None:
        return _compared(connection, measured, rule)
    missing = 0
    if rule.kind == "IsPrimaryKey":
        null = " or ".join(f"{quoted(column)} is null" for column in rule.columns)
        missing = _number(connection, f"select count(*) from {source} where {null}")
    what = "rows have no value" if rule.kind == "IsComplete" else "rows have a value that is not unique"
    text = f"{measured} {what}" + (f", {missing} have none" if missing else "")
    return Outcome(measured == 0 and missing == 0, text)


def _share(connection: duckdb.DuckDBPyConnection, source: str, rule: Rule) -> Outcome:
    """Rules that look at every row."""
    assert rule.condition is not None  # noqa: S101 - parse_rule sees to it
    column, condition = quoted(rule.columns[0]), rule.condition
    if rule.kind == "ColumnDataType":
        wanted = str(condition.values[0]).upper()
        good = f"try_cast({column} as {_TYPES.get(wanted, wanted)}) is not null"
    elif rule.kind == "ColumnLength":
        good = _sql(f"coalesce(length({column}), 0)", condition)
    else:
        good = _sql(column, condition)
        if condition.operator in _NULL_PASSES or condition.negated:
            good = f"({column} is null or {good})"
    query = f"select count(*), count(*) filter (where coalesce({good}, false)) from {source}"
    row = connection.execute(query).fetchone()
    rows, passed = row if row else (0, 0)
    text = f"{rows - passed} of {rows} rows don't meet it"
    if rule.threshold is None:
        return Outcome(rows == passed, text)
    share = passed / rows if rows else 1.0
    return Outcome(_holds(connection, share, rule.threshold), text)


def _compared(connection: duckdb.DuckDBPyConnection, measured: Any, rule: Rule) -> Outcome:
    assert rule.condition is not None  # noqa: S101 - parse_rule sees to it
    return Outcome(_holds(connection, measured, rule.condition), f"it is {measured}")


def _holds(connection: duckdb.DuckDBPyConnection, measured: Any, condition: Condition) -> bool:
    if measured is None:
        return False
    return bool(_number(connection, f"select {_sql(_literal(measured), condition)}"))


def _sql(operand: str, condition: Condition) -> str:
    values = [_literal(value) for value in condition.values]
    if condition.operator == "between":  # DQDL leaves both limits out
        return f"({operand} > {values[0]} and {operand} < {values[1]})"
    if condition.operator == "in":
        return f"({operand} {'not ' if condition.negated else ''}in ({', '.join(values)}))"
    if condition.operator == "matches":
        return f"({'not ' if condition.negated else ''}regexp_full_match({operand}::varchar, {values[0]}))"
    return f"({operand} {condition.operator} {values[0]})"


def _literal(value: Any) -> str:
    if value is NOW:
        return "now()"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def quoted(name: str) -> str:
    """A column's name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'
