"""What the readers share: a row's file, and values of any type as the text that a CSV would hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, BinaryType, DataType, MapType, StringType, StructType

from etl.names import CORRUPT, SOURCE_FILE, unique_names
from etl.reading.formats import FileFormat
from etl.reading.staging import STAGED_NAME
from etl.typing_sql import sql_string

FLATTEN = "flatten"
# Spark leaves nulls out and cuts timestamps to milliseconds.
_JSON_TEXT = {
    "ignoreNullFields": "false",
    "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS",
}
Roots = tuple[str, str]


def with_source_file(frame: DataFrame, staged: Roots | None = None) -> DataFrame:
    """Add ``_source_file``, decoded: Spark shows the path percent-encoded.

    Args:
        frame: read from files.
        staged: URIs of the staging folder and of the raw bucket, for rows of staged copies; both end in a slash.
    """
    path = "_metadata.file_path"
    uri = f"if(contains({path}, '%'), {_percent_decoded_sql(path)}, {path})"
    if staged is not None:
        folder, raw = staged
        key = f"substr({uri}, {len(folder) + 1}, length({uri}) - {len(folder) + len(STAGED_NAME)})"
        uri = f"concat({sql_string(raw)}, {key})"
    return frame.withColumn(SOURCE_FILE, F.expr(uri))


def _percent_decoded_sql(text: str) -> str:
    """SQL that decodes percent-encoded text: what follows a % are two hexadecimal digits, then characters as they are.

    Spark 3.3 has no ``url_decode``, and a call of Java's makes all that is computed from the row not repeatable.
    """
    parts = f"split({text}, '%')"
    others = f"transform(slice({parts}, 2, size({parts}) - 1), part -> concat(left(part, 2), hex(substr(part, 3))))"
    return f"decode(unhex(concat(hex({parts}[0]), array_join({others}, ''))), 'UTF-8')"


def as_text(
    frame: DataFrame, nested: str = "text", special: dict[str, Callable[[str], Column]] | None = None
) -> DataFrame:
    """Every column as text under its standard name, with the two metadata columns at the end.

    Args:
        frame: typed columns and ``_source_file``.
        nested: ``flatten`` gives a struct's fields columns of their own (``parent_child``); else they are JSON text.
        special: column -> its text, made from its quoted name, where Spark's own is not right.
    """
    special = special or {}
    names: list[str] = []
    columns: list[Column] = []
    for field in frame.schema.fields:
        quoted = f"`{field.name.replace('`', '``')}`"
        if field.name in (CORRUPT, SOURCE_FILE):
            continue
        if field.name in special:
            names.append(field.name)
            columns.append(special[field.name](quoted))
            continue
        for path, column, data_type in leaves(F.col(quoted), field.dataType, (field.name,), nested == FLATTEN):
            names.append("_".join(path))
            columns.append(text_of(column, data_type))
    named = [column.alias(name) for column, name in zip(columns, unique_names(names), strict=True)]
    corrupt = F.col(CORRUPT) if CORRUPT in frame.columns else F.lit(None).cast("string")
    return frame.select(*named, corrupt.alias(CORRUPT), SOURCE_FILE)


def leaves(
    column: Column, data_type: DataType, path: tuple[str, ...], flat: bool
) -> Iterator[tuple[tuple[str, ...], Column, DataType]]:
    """The columns that a value becomes: itself, or with ``flat`` each field of a struct, however deep."""
    if flat and isinstance(data_type, StructType) and data_type.fields:
        for field in data_type.fields:
            yield from leaves(column.getField(field.name), field.dataType, (*path, field.name), flat)
    else:
        yield path, column, data_type


def text_of(column: Column, data_type: DataType) -> Column:
    """A value as text: nested ones as JSON, bytes that are no UTF-8 text as Base64."""
    if isinstance(data_type, ArrayType | MapType | StructType):
        return F.to_json(column, _JSON_TEXT)
    if isinstance(data_type, BinaryType):
        text = F.decode(column, "UTF-8")
        return F.when(F.encode(text, "UTF-8") == column, text).otherwise(F.base64(column))
    return column if isinstance(data_type, StringType) else column.cast("string")


@contextmanager
def case_sensitive(spark: SparkSession) -> Iterator[None]:
    """Names are told apart by case while a frame is made: ``id`` and ``ID`` of JSON and Avro are two keys."""
    before = str(spark.conf.get("spark.sql.caseSensitive"))
    spark.conf.set("spark.sql.caseSensitive", "true")
    try:
        yield
    finally:
        spark.conf.set("spark.sql.caseSensitive", before)


def union_all(frames: Iterable[DataFrame]) -> DataFrame:
    """One frame of all, by column name; columns that a frame lacks are null there."""
    united: DataFrame | None = None
    for frame in frames:
        united = frame if united is None else united.unionByName(frame, allowMissingColumns=True)
    if united is None:
        raise ValueError("union_all needs at least one frame")
    return united


def csv_options(found: FileFormat) -> dict[str, Any]:
    """The options with which Spark reads CSV files that are written so.

    Args:
        found: how the files are written.
    """
    return {
        "header": bool(found.header),
        "sep": found.delimiter,
        "quote": found.quote,
        # RFC 4180 doubles a quote inside quotes; Spark's default is a backslash.
        "escape": found.escape,
        "encoding": found.encoding,
        "multiLine": found.multiline,
        "columnNameOfCorruptRecord": CORRUPT,
        # A query of a few columns must find the same rows broken as one of all.
        "columnPruning": False,
    }


def glob_escaped(uris: Sequence[str]) -> list[str]:
    """URIs as Spark's readers take them: their own characters are no pattern."""
    return ["".join(f"\\{c}" if c in "\\{}[]*?," else c for c in uri) for uri in uris]
