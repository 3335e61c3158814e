"""Conditions of row-level rules -> Spark columns: true for a good row, false otherwise, never null."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as sf
from pyspark.sql import types as st

from etl.dqdl import values
from etl.dqdl.errors import RuleError
from etl.dqdl.frames import Field, sql_string, try_cast
from etl.dqdl.model import Condition, Expression, Keyword, Number, Text
from etl.dqdl.values import DATE, TIMESTAMP
from utils.spark_versions import SPARK_VERSION, parsed_sql

ORDERINGS: dict[str, Callable[[Column, Column], Column]] = {
    ">": lambda column, operand: column > operand,
    ">=": lambda column, operand: column >= operand,
    "<": lambda column, operand: column < operand,
    "<=": lambda column, operand: column <= operand,
}
CAST_TYPES = {
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "INTEGER": "int",
    "INT": "int",
    "LONG": "bigint",
    "BIGINT": "bigint",
    "SHORT": "smallint",
    "BYTE": "tinyint",
    "DOUBLE": "double",
    "FLOAT": "float",
    "STRING": "string",
}

# A comparable reading of the column, and the operands in the same type.
Reading = tuple[Column, list[Column]]


def column_values(
    field: Field, condition: Condition, now: datetime, pattern: str | None = None, ignore_case: bool = False
) -> Column:
    """ColumnValues: null rows fail, except with ``!=`` and ``not in`` (unless NULL is listed).

    Args:
        field: the column.
        condition: what its values must meet.
        now: the time of ``now()``.
        pattern: how dates are written in a text column, as Spark's date patterns; default ISO 8601.
        ignore_case: whether texts are equal, and match, but for upper and lower case.
    """
    operator = condition.operator
    if operator.endswith("matches"):
        return _matches(field, condition, ignore_case)
    if condition.dynamic:
        raise RuleError("ColumnValues compares each row with fixed values; last() cannot be used here")
    keywords = {operand.name for operand in condition.operands if isinstance(operand, Keyword)}
    plain = [operand for operand in condition.operands if not isinstance(operand, Keyword)]
    if operator in ("=", "in", "!=", "not in"):
        tests = [_keyword_test(field, keyword) for keyword in sorted(keywords - {"NULL"})]
        if plain:
            column, operands = reading(field, plain, operator, now, pattern)
            if ignore_case and isinstance(field.type, st.StringType):
                column, operands = sf.lower(column), [sf.lower(operand) for operand in operands]
            tests += [column == operand for operand in operands]
        listed = _false_if_null(reduce(lambda a, b: a | b, tests)) if tests else sf.lit(False)
        return _membership(field.column, listed, operator in ("!=", "not in"), "NULL" in keywords)
    if keywords:
        raise RuleError(f"{keywords.pop()} cannot be compared with '{operator}'; use =, !=, in or not in")
    column, operands = reading(field, plain, operator, now, pattern)
    return _ordered(operator, column, operands)


def column_length(field: Field, condition: Condition) -> Column:
    """ColumnLength: null counts as a text of length 0."""
    if not isinstance(field.type, st.StringType):
        raise RuleError(f"ColumnLength needs a text column; {field.name!r} is {field.type.simpleString()}")
    length = sf.length(sf.coalesce(field.column, sf.lit("")))
    return numeric(length, condition)


def numeric(column: Column, condition: Condition, number: Callable[[Expression], float] | None = None) -> Column:
    """A condition on a numeric column without NaN; ``number`` reads the operands (default: numbers)."""
    if condition.operator.endswith("matches"):
        raise RuleError(f"'{condition.operator}' cannot be used with a number")
    read = number or (lambda operand: float(values.number(operand)))
    operands = [sf.lit(read(operand)) for operand in condition.operands]
    if condition.operator in ("=", "in", "!=", "not in"):
        tests = [column == operand for operand in operands]
        listed = _false_if_null(reduce(lambda a, b: a | b, tests)) if tests else sf.lit(False)
        return ~listed if condition.operator in ("!=", "not in") else listed
    return _ordered(condition.operator, column, operands)


def data_freshness(field: Field, condition: Condition, now: datetime, pattern: str | None = None) -> Column:
    """DataFreshness: the age of each row, in seconds; null rows fail."""
    stamp = as_timestamp(field, pattern)
    age = sf.lit(now.timestamp()) - stamp.cast("double")
    return stamp.isNotNull() & numeric(age, condition, values.seconds)


def column_data_type(field: Field, condition: Condition, pattern: str | None = None) -> Column:
    """ColumnDataType: whether each value, written as text, can be cast; null counts as not castable."""
    types = [operand.value for operand in condition.operands if isinstance(operand, Text)]
    if condition.operator not in ("=", "!=", "in", "not in") or not types or len(types) < len(condition.operands):
        raise RuleError('ColumnDataType takes =, !=, in or not in and types in quotes, such as = "INTEGER"')
    if isinstance(field.type, (st.ArrayType, st.MapType, st.StructType, st.BinaryType)):
        raise RuleError(f"ColumnDataType cannot read {field.name!r}: it is {field.type.simpleString()}")
    castable = reduce(lambda a, b: a | b, [_cast(field, name, pattern).isNotNull() for name in types])
    return castable if condition.operator in ("=", "in") else ~castable


def _cast(field: Field, name: str, pattern: str | None) -> Column:
    kind = _cast_type(name)
    if pattern is None:
        return try_cast(f"cast({field.sql} as string)", kind)
    if kind not in ("date", "timestamp"):
        raise RuleError(f"'with format' is about dates and timestamps, not about {name}")
    return _parsed(field, pattern, kind)


def _parsed(field: Field, pattern: str, kind: str) -> Column:
    """A text as a date or timestamp by a pattern; null where it doesn't fit."""
    if not isinstance(field.type, st.StringType):
        raise RuleError(f"'with format' is about texts; {field.name!r} is {field.type.simpleString()}")
    if SPARK_VERSION < (3, 5):
        return sf.expr(parsed_sql(field.sql, sql_string(pattern), kind))
    # Unlike to_date, it gives null in ANSI mode, too.
    return sf.expr(f"cast(try_to_timestamp({field.sql}, {sql_string(pattern)}) as {kind})")


def as_timestamp(field: Field, pattern: str | None = None) -> Column:
    """A date, timestamp or text column as a timestamp; texts that are none become null."""
    if pattern is not None:
        return _parsed(field, pattern, "timestamp")
    if isinstance(field.type, st.StringType):
        return try_cast(field.sql, "timestamp")
    if field.is_date or field.is_timestamp:
        return field.column.cast("timestamp")
    raise RuleError(f"{field.name!r} is {field.type.simpleString()}; a date or timestamp is needed")


def reading(
    field: Field, operands: Sequence[Expression], operator: str, now: datetime, pattern: str | None = None
) -> Reading:
    """How the column and the operands are compared: as numbers, dates, times, texts or booleans.

    Raises:
        RuleError: the operands do not fit the column's type.
    """
    if pattern is not None:
        return _times(field, operands, now, pattern)
    if field.is_numeric:
        return _numbers(field, operands)
    if field.is_date or field.is_timestamp:
        return _times(field, operands, now)
    if isinstance(field.type, st.BooleanType):
        return _booleans(field, operands)
    if not isinstance(field.type, st.StringType):
        raise RuleError(f"{field.name!r} is {field.type.simpleString()}; it can only be compared with NULL")
    if all(_is_time(operand, now) for operand in operands):
        return _times(field, operands, now)
    if not any(isinstance(operand, Text) for operand in operands):
        return _numbers(field, operands)
    if operator not in ("=", "!=", "in", "not in"):
        raise RuleError(f"'{operator}' takes numbers or dates; {', '.join(map(str, operands))} is neither")
    return field.column, [sf.lit(_as_text(operand)) for operand in operands]


def _numbers(field: Field, operands: Sequence[Expression]) -> Reading:
    try:
        numbers = [values.number(operand) for operand in operands]
    except RuleError as error:
        raise RuleError(f"{field.name!r} is {field.type.simpleString()}: {error}") from None
    if isinstance(field.type, st.StringType):
        return _no_nan(try_cast(field.sql, "double")), [sf.lit(float(number)) for number in numbers]
    if field.is_floating:
        # A float column is compared as float: 0.1 as float is not 0.1 as double.
        return _no_nan(field.column), [sf.lit(float(number)).cast(field.type) for number in numbers]
    return field.column, [sf.lit(number) for number in numbers]


def _times(field: Field, operands: Sequence[Expression], now: datetime, pattern: str | None = None) -> Reading:
    """By date when every operand is a date (or the column is one), else by time."""
    for operand in operands:
        if not _is_time(operand, now) and not _clock(operand):
            raise RuleError(f"{field.name!r} is compared with dates; {operand} is none (use yyyy-mm-dd)")
    by_date = field.is_date or all(isinstance(x, Text) and DATE.fullmatch(x.value) for x in operands)
    literals = [_time_literal(operand, now) for operand in operands]
    if not by_date:
        return as_timestamp(field, pattern), literals
    text = isinstance(field.type, st.StringType)
    column = try_cast(field.sql, "date") if text else field.column.cast("date")
    if pattern is not None:
        column = _parsed(field, pattern, "date")
    return column, [literal.cast("date") for literal in literals]


def _booleans(field: Field, operands: Sequence[Expression]) -> Reading:
    words = {"true": True, "false": False}
    texts = [str(getattr(operand, "value", operand)).lower() for operand in operands]
    if not all(text in words for text in texts):
        raise RuleError(f'{field.name!r} is boolean; compare it with "true" or "false"')
    return field.column, [sf.lit(words[text]) for text in texts]


def _is_time(operand: Expression, now: datetime) -> bool:
    if isinstance(operand, Text):
        return bool(DATE.fullmatch(operand.value) or TIMESTAMP.fullmatch(operand.value))
    return values.moment(operand, now) is not None


def _clock(operand: Expression) -> bool:
    """Whether it is a time of day. In a text column, ``"09:30"`` may as well be meant as it stands."""
    return isinstance(operand, Text) and values.clock(operand.value) is not None


def _time_literal(operand: Expression, now: datetime) -> Column:
    # As SQL literals: lit(datetime) would go through the Python process's own time zone.
    if isinstance(operand, Text) and not _clock(operand):
        try:
            datetime.fromisoformat(operand.value[:19])
        except ValueError as error:
            raise RuleError(f"{operand} is not a date: {error}") from None
        return sf.expr(f"timestamp'{operand.value}'")
    text = values.instant(operand, now).astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f+00:00")
    return sf.expr(f"timestamp'{text}'")


def _matches(field: Field, condition: Condition, ignore_case: bool) -> Column:
    """The whole value must match; null fails both ``matches`` and ``not matches``."""
    if isinstance(field.type, (st.ArrayType, st.MapType, st.StructType, st.BinaryType)):
        raise RuleError(f"{field.name!r} is {field.type.simpleString()}; only plain values can be matched")
    pattern = str(getattr(condition.operands[0], "value", ""))
    flags = "(?iu)" if ignore_case else ""
    matched = field.column.cast("string").rlike(rf"{flags}\A(?:{pattern})\z")
    return _false_if_null(~matched if condition.operator == "not matches" else matched)


def _membership(column: Column, listed: Column, negated: bool, with_null: bool) -> Column:
    """Null is good when it is listed, or when a negated rule does not list it."""
    present = ~listed if negated else listed
    return sf.when(column.isNull(), sf.lit(with_null != negated)).otherwise(present)


def _ordered(operator: str, column: Column, operands: Sequence[Column]) -> Column:
    if operator == "between":
        test = (column > operands[0]) & (column < operands[1])
    elif operator == "not between":
        test = (column <= operands[0]) | (column >= operands[1])
    else:
        test = ORDERINGS[operator](column, operands[0])
    return _false_if_null(test)


def _keyword_test(field: Field, keyword: str) -> Column:
    if not isinstance(field.type, st.StringType):
        raise RuleError(f"{keyword} is about texts; {field.name!r} is {field.type.simpleString()}")
    return field.column == "" if keyword == "EMPTY" else field.column.rlike(r"\A\s+\z")


def _no_nan(column: Column) -> Column:
    """NaN as null: Spark sorts NaN above every number, so it would pass ``> 5``."""
    return sf.when(~sf.isnan(column), column)


def _false_if_null(test: Column) -> Column:
    return sf.coalesce(test, sf.lit(False))


def _as_text(operand: Expression) -> str:
    return str(operand.value) if isinstance(operand, (Text, Number)) else str(operand)


def _cast_type(name: str) -> str:
    decimal = re.fullmatch(r"DECIMAL\s*\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)", name.strip().upper())
    if decimal:
        return f"decimal({decimal[1]},{decimal[2]})"
    if name.strip().upper() not in CAST_TYPES:
        raise RuleError(f"unknown type {name!r}; known are {', '.join(CAST_TYPES)} and DECIMAL(p,s)")
    return CAST_TYPES[name.strip().upper()]
