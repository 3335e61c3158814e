"""How text becomes a typed value: one Spark SQL expression per contract type.

SQL text and not Column objects, because ``try_cast`` (null where a value doesn't fit, overflow included, in
ANSI mode and out of it) is SQL on every Spark of Glue, and a Column method only from Spark 4 on.
"""

from __future__ import annotations

from etl.contracts import Column
from utils.spark_versions import parsed_sql

_TRUE, _FALSE = "'true', 't', 'yes', 'y', '1'", "'false', 'f', 'no', 'n', '0'"


def typed_sql(text: str, column: Column) -> str:
    """The SQL of a column's value: of the contract's type, or null where the text doesn't fit.

    Args:
        text: SQL of the text, null where there is no value; it is used more than once, so name a column.
        column: gives type and formats.
    """
    if column.type == "string":
        return text
    if column.type == "boolean":
        return f"case when lower({text}) in ({_TRUE}) then true when lower({text}) in ({_FALSE}) then false end"
    if column.type in ("int", "long"):
        # "5.0" is the integer 5 (spreadsheets write it so), and so is a double's "1.2E7"; "5.5" is none.
        written_otherwise = f"try_cast({_exact_decimal_sql(text, 38, 0)} as {column.spark_type})"
        return f"if({text} rlike '[.eE]', {written_otherwise}, try_cast({text} as {column.spark_type}))"
    if column.type in ("float", "double"):
        return _floating_sql(text, column)
    if column.type in ("date", "timestamp"):
        return _moment_sql(text, column)
    precision, scale = column.type[len("decimal(") : -1].split(",")
    return _exact_decimal_sql(text, int(precision), int(scale))


def _floating_sql(text: str, column: Column) -> str:
    """Java also takes "1d" and hexadecimal for numbers, and "1e400" for infinity; here only a named infinity is one."""
    value = f"try_cast({text} as {column.spark_type})"
    number = f"{text} rlike '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$'"
    finite = f"abs({value}) < double('Infinity')"
    named = f"lower({text}) in ('nan', 'infinity', '+infinity', '-infinity')"
    return f"if(({number} and {finite}) or {named}, {value}, null)"


def _moment_sql(text: str, column: Column) -> str:
    """ISO 8601 first, then the listed formats.

    The guard keeps "2024" from becoming January the first, and "2024-01-15 to 2024-01-20", or an hour of the day,
    from being cut off to a date.
    """
    rest = "([ T]00:00(:00([.]0+)?)?(Z|[+]00:?00)?)?$" if column.type == "date" else ""
    guard = f"{text} rlike '^[0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}}{rest}'"
    iso = f"if({guard}, try_cast({text} as {column.type}), null)"
    others = [parsed_sql(text, sql_string(pattern), column.type) for pattern in column.formats]
    return f"coalesce({', '.join([iso, *others])})" if others else iso


def _exact_decimal_sql(text: str, precision: int, scale: int) -> str:
    """Spark would round digits that the scale has no room for, so a text with such digits does not fit."""
    digits = f"length(regexp_extract({text}, '[.]([0-9]*?)0*([eE]|$)', 1))"
    exponent = f"coalesce(try_cast(regexp_extract({text}, '[eE]([+-]?[0-9]+)$', 1) as bigint), 0)"
    zero = f"{text} rlike '^[+-]?(0+[.]?0*|[.]0+)[eE][+-]?[0-9]+$'"
    value = f"try_cast(if({zero}, '0', {text}) as decimal({precision},{scale}))"
    return f"if({zero} or {digits} - {exponent} <= {scale}, {value}, null)"


def sql_string(value: str) -> str:
    """A Spark SQL string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
