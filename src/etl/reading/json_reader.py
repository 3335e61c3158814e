"""JSON lines become text columns: every line is a row or is kept whole, and every number keeps its digits.

Spark's own JSON reader drops what follows the first object of a line, and Spark before 4 reads 0.12345678901234567
as a double even into a text column. So the lines are read as text and parsed here: as an array of one, because then
anything behind the object is an error, and with the numbers that a double can't hold turned into marked strings.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import reduce
from operator import add, or_

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, StringType, StructField, StructType

from etl.names import CORRUPT, POSITION, SOURCE_FILE, unique_names
from etl.reading.text_frames import FLATTEN, Roots, case_sensitive, leaves, with_source_file
from etl.typing_sql import sql_string

# Looked at first, because it is quick: 17 digits and points in a row, or an exponent. (Names are looked for apart.)
_MAY_BE_INEXACT = r"[0-9](?:[0-9.]{16}|[eE][-+0-9])"
# The same as a value of JSON; identifiers in strings rarely look like this.
_INEXACT = r"(?:[0-9.]{17}[0-9]*|[0-9][eE][-+]?[0-9]+|NaN|Infinity)\s*[,}\]]"
_NUMBER = r"-?(?:[0-9][-+0-9.eE]*|NaN|Infinity)"
# Looked at only where no row came out.
_NO_BLANK_LINE = "_row is not null or value rlike '[^ \\\\t\\\\r]'"


def read_json(spark: SparkSession, paths: Sequence[str], nested: str, staged: Roots | None) -> DataFrame:
    """Read UTF-8 JSON lines.

    Args:
        spark: the session.
        paths: the files, as Spark takes paths.
        nested: ``flatten`` or ``text`` (see :func:`etl.reading.text_frames.as_text`).
        staged: where staged copies and raw files are.
    """
    lines = with_source_file(spark.read.text(list(paths)), staged)
    with case_sensitive(spark):
        keys = spark.read.options(primitivesAsString=True, columnNameOfCorruptRecord=CORRUPT).json(list(paths)).schema
        return parsed_lines(lines, keys, nested)


def parsed_lines(lines: DataFrame, keys: StructType, nested: str) -> DataFrame:
    """Rows of lines (``value``, ``_source_file``), one object a line; names must be case-sensitive meanwhile.

    Args:
        lines: the lines, perhaps with ``_position``, which their rows keep; blank ones are no rows.
        keys: the keys that they have, with the structs that are known in them.
        nested: ``flatten`` or ``text``.
    """
    flat = nested == FLATTEN
    place = [name for name in (SOURCE_FILE, POSITION) if name in lines.columns]
    schema = StructType([_as_parsed(field, flat) for field in keys.fields if field.name not in (CORRUPT, SOURCE_FILE)])
    mark = _Mark()
    # Without any key, rows are still parsed; a struct needs a field.
    fields = schema.fields or [StructField("_", StringType())]
    rows = F.from_json(F.expr(f"concat('[', {mark.line_sql('value')}, ']')"), ArrayType(StructType(fields)))
    # A generator also keeps Spark from parsing a line once for each filter on the columns.
    exploded = lines.select("value", *place, F.posexplode_outer(rows).alias("_place", "_row")).where(_NO_BLANK_LINE)
    row = F.col("_row")
    spelled: dict[str, list[Column]] = {}
    for field in schema.fields:
        for path, column, _ in leaves(row.getField(field.name), field.dataType, (field.name,), flat):
            spelled.setdefault("\x00".join(path).lower(), []).append(column)
    names = unique_names(key.replace("\x00", "_") for key in _spellings(schema, flat))
    texts = [mark.text(F.coalesce(*columns)).alias(name) for columns, name in zip(spelled.values(), names, strict=True)]
    # A second object in a line, or two values for one column, would be lost: the line is set apart.
    broken = reduce(or_, [row.isNull(), F.col("_place") > 0, *_doubled(spelled)])
    return exploded.select(*texts, F.when(broken, F.col("value")).alias(CORRUPT), *place)


def _spellings(schema: StructType, flat: bool) -> list[str]:
    """The first spelling of each column."""
    first: dict[str, str] = {}
    for field in schema.fields:
        for path, _, _ in leaves(F.lit(None), field.dataType, (field.name,), flat):
            first.setdefault("\x00".join(path).lower(), "\x00".join(path))
    return list(first.values())


def _doubled(spelled: dict[str, list[Column]]) -> list[Column]:
    several = [columns for columns in spelled.values() if len(columns) > 1]
    return [reduce(add, [column.isNotNull().cast("int") for column in columns]) > 1 for columns in several]


def _as_parsed(field: StructField, flat: bool) -> StructField:
    """All values are text (nested ones as they are written); with ``flat``, structs are taken apart."""
    if flat and isinstance(field.dataType, StructType) and field.dataType.fields:
        return StructField(field.name, StructType([_as_parsed(inner, flat) for inner in field.dataType.fields]))
    return StructField(field.name, StringType())


class _Mark:
    """Numbers as marked strings. The marks are new for every reading, so no data can hold them."""

    def __init__(self) -> None:
        token = secrets.token_hex(4)
        self._start, self._end = f"\ue000{token}<", f"\ue000{token}>"
        self._slash, self._quote = f"\ue000{token}/", f"\ue000{token}'"

    def line_sql(self, line: str) -> str:
        """SQL of the line, with its numbers marked if one of them would lose digits."""
        named = f"contains({line}, 'NaN') or contains({line}, 'Infinity')"
        risky = f"({named} or {line} rlike {sql_string(_MAY_BE_INEXACT)}) and {line} rlike {sql_string(_INEXACT)}"
        return f"if({risky}, {self._marked_sql(line)}, {line})"

    def _marked_sql(self, line: str) -> str:
        """Every second piece between quotes is outside of strings; one pattern for all of it overflows Java's stack."""
        slashes, quotes = (sql_string("\\\\"), sql_string(self._slash)), (sql_string('\\"'), sql_string(self._quote))
        hidden = f"replace(replace({line}, {', '.join(slashes)}), {', '.join(quotes)})"
        marked = sql_string(f'"{self._start}$0{self._end}"')
        number = f"regexp_replace(piece, {sql_string(_NUMBER)}, {marked})"
        pieces = f"transform(split({hidden}, '\"'), (piece, i) -> if(i % 2 = 0, {number}, piece))"
        shown = f"replace(array_join({pieces}, '\"'), {', '.join(reversed(quotes))})"
        return f"replace({shown}, {', '.join(reversed(slashes))})"

    def text(self, column: Column) -> Column:
        """The text of a parsed column, without marks: numbers inside of nested values are numbers again."""
        pattern = f'"?{self._start}([^\ue000]*){self._end}"?'
        return F.when(column.contains(self._start), F.regexp_replace(column, pattern, "$1")).otherwise(column)
