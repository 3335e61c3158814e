"""How text becomes a typed value: one Spark SQL expression per contract type.

SQL text and not Column objects, because ``try_cast`` (null where a value doesn't fit, overflow included, in
ANSI mode and out of it) is SQL on every Spark of Glue, and a Column method only from Spark 4 on.

There are two forms of each type. :func:`typed_sql` is exact and slow: it looks at the text with regular expressions.
:func:`value_sql` takes the text as values are mostly written by a cast and a few looks at single characters, and
leaves every text that these don't settle to the exact form.
"""

from __future__ import annotations

from etl.contracts import Column
from utils.spark_versions import parsed_sql

_TRUE, _FALSE = "'true', 't', 'yes', 'y', '1'", "'false', 'f', 'no', 'n', '0'"


def value_sql(text: str, column: Column) -> str:
    """The SQL of a column's value: of the contract's type, or null where the text doesn't fit or is blank.

    Args:
        text: name of a text column.
        column: gives type and formats.
    """
    if column.type == "string":
        return text
    if column.is_complex or column.type == "boolean":
        return typed_sql(f"nullif(trim({text}), '')", column)
    # A lambda is not compiled into the stage's code, which would become too long for Java's own compiler, and costs
    # nothing where it is not reached.
    exact = f"transform(array(trim({text})), value -> {typed_sql('value', column)})[0]"
    return f"coalesce({_quick_sql(text, column)}, case when {text} is not null then {exact} end)"


def _quick_sql(text: str, column: Column) -> str:
    """The value where a quick look is enough to know that the exact form gives the same, else null."""
    if column.type in ("int", "long"):
        # Spreadsheets and pandas write whole numbers as 5.0.
        without_zero = f"try_cast(substring({text}, 1, length({text}) - 2) as {column.spark_type})"
        return f"try_cast({text} as {column.spark_type}), if({text} like '%_.0', {without_zero}, null)"
    if column.type in ("float", "double"):
        value = f"try_cast({text} as {column.spark_type})"
        digit_at_end = f"ascii(substring({text}, -1)) between 48 and 57"
        number_at_start = f"ascii({text}) between 43 and 57"
        decimal = f"{digit_at_end} and {number_at_start} and not contains({text}, 'x') and not contains({text}, 'X')"
        return f"if({decimal} and abs({value}) < double('Infinity'), {value}, null)"
    if column.type in ("date", "timestamp"):
        return _quick_moment_sql(text, column)
    _, scale = _precision_and_scale(column)
    point = f"locate('.', {text})"
    exact = f"({point} = 0 or octet_length({text}) - {point} <= {scale})"
    no_exponent = f"not contains({text}, 'e') and not contains({text}, 'E')"
    return f"if({no_exponent} and {exact}, try_cast({text} as {column.spark_type}), null)"


def _quick_moment_sql(text: str, column: Column) -> str:
    dashes = f"substring({text}, 5, 1) = '-' and substring({text}, 8, 1) = '-'"
    length = f"octet_length({text}) = 10"
    if column.type == "timestamp":
        length = f"octet_length({text}) >= 19 and substring({text}, 11, 1) in (' ', 'T')"
    iso = f"if({dashes} and {length}, try_cast({text} as {column.type}), null)"
    if not column.formats:
        return iso
    others = ", ".join(parsed_sql(text, sql_string(pattern), column.type) for pattern in column.formats)
    # ISO 8601 has a dash at the fifth place and comes before the listed formats.
    return f"if(substring({text}, 5, 1) = '-', {iso}, coalesce({others}))"


def typed_sql(text: str, column: Column) -> str:
    """The exact form: of the contract's type, or null where the text doesn't fit.

    Args:
        text: SQL of the text without spaces around it, null where there is no value; it is used more than once.
        column: gives type and formats.
    """
    if column.type == "string":
        return text
    if column.is_complex:
        return _complex_sql(text, column)
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
    return _exact_decimal_sql(text, *_precision_and_scale(column))


def _precision_and_scale(column: Column) -> tuple[int, int]:
    precision, scale = column.type[len("decimal(") : -1].split(",")
    return int(precision), int(scale)


def _complex_sql(text: str, column: Column) -> str:
    """JSON text as an array, map or struct; a text with any value that doesn't fit is left alone as a whole.

    Spark makes what it can of a text and null of the rest; only the column for corrupt records tells that it did.
    """
    schema = sql_string(f"v {column.spark_type}, _corrupt string")
    options = "map('columnNameOfCorruptRecord', '_corrupt')"
    document = f"""concat('{{"v":', {text}, '}}')"""
    checked = "found -> if(found._corrupt is null, found.v, null)"
    return f"transform(array(from_json({document}, {schema}, {options})), {checked})[0]"


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
