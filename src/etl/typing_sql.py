"""How text becomes a typed value: one Spark SQL expression per contract type.

SQL text and not Column objects, because ``try_cast`` (null where a value doesn't fit, overflow included, in
ANSI mode and out of it) is SQL on every Spark of Glue, and a Column method only from Spark 4 on.
"""

from __future__ import annotations

from etl.contracts import Column

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
        # "5.0" is the integer 5 (spreadsheets write it so); "5.5" is none.
        whole = f"if(contains({text}, '.'), regexp_replace({text}, '[.]0*$', ''), {text})"
        return f"try_cast({whole} as {column.spark_type})"
    if column.type in ("date", "timestamp"):
        return _moment_sql(text, column)
    if column.type.startswith("decimal"):
        return _decimal_sql(text, column)
    return f"try_cast({text} as {column.spark_type})"


def _moment_sql(text: str, column: Column) -> str:
    """ISO 8601 first (the guard keeps "2024" from becoming January the first), then the listed formats."""
    iso = f"if({text} rlike '^[0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}}', try_cast({text} as {column.type}), null)"
    function = f"to_{column.type}"
    others = [f"{function}({text}, {sql_string(pattern)})" for pattern in column.formats]
    return f"coalesce({', '.join([iso, *others])})" if others else iso


def _decimal_sql(text: str, column: Column) -> str:
    """Exact: Spark would round digits that the scale has no room for, so such a text does not fit."""
    scale = int(column.type[len("decimal(") : -1].split(",")[1])
    digits = f"length(regexp_extract({text}, '[.]([0-9]*?)0*$', 1))"
    return f"if({digits} <= {scale}, try_cast({text} as {column.spark_type}), null)"


def sql_string(value: str) -> str:
    """A Spark SQL string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
