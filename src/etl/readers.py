"""Readers: files of one format become one frame of text columns.

Shape of every frame read: the source's columns under standard names, all ``string`` (nested values as JSON
text), then ``_corrupt_record string`` (the original line of a row that doesn't parse, else null) and
``_source_file string`` (the file's URI). Types come later, by contract, so that no format's own typing gets
in the way (CSV inference drops leading zeros, JSON turns decimals into doubles).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DataType, MapType, StringType, StructField, StructType

from etl.contracts import Contract
from etl.errors import UnreadableFileError
from etl.formats import FileFormat
from etl.names import CORRUPT, SOURCE_FILE, unique_names
from utils.spark_versions import url_decoded_sql

_GLOB_CHARACTERS = re.compile(r"([\\{}\[\]*?,])")


def read_files(spark: SparkSession, uris: Sequence[str], found: FileFormat, contract: Contract) -> DataFrame:
    """Read files of one format together.

    Args:
        spark: the session.
        uris: the files, as they are (not percent-encoded).
        found: how they are read; the same for all of them.
        contract: gives CSV options, and the columns of CSV files without a header.

    Raises:
        pyspark.errors.PySparkException: when the files' schema can't be read; bad data shows only when the
            frame is used.
        UnreadableFileError: the files spell a JSON key in more than one way; one by one they may be readable.
    """
    paths = [_GLOB_CHARACTERS.sub(r"\\\1", uri) for uri in uris]
    if found.kind == "csv":
        return _read_csv(spark, paths, found, contract)
    by_python = found.kind == "avro" and not _spark_reads_avro(spark)
    if found.kind == "json" or by_python:
        with _case_sensitive(spark):
            frame = _read_avro_by_python(spark, paths) if by_python else _read_json(spark, paths, found)
            _check_spelling(frame)
            return _as_text(frame)
    reader = spark.read.format(found.kind).option("mergeSchema", True)
    if found.kind == "parquet":
        # Days before 1582 (0001-01-01 is a common placeholder) are what they say; Spark's default is to stop.
        reader = reader.options(datetimeRebaseMode="CORRECTED", int96RebaseMode="CORRECTED")
    return _as_text(_with_source_file(reader.load(paths)))


def _read_csv(spark: SparkSession, paths: list[str], found: FileFormat, contract: Contract) -> DataFrame:
    options = contract.source.options
    names = unique_names(found.header) or [column.name for column in contract.columns]
    schema = StructType([StructField(name, StringType()) for name in [*names, CORRUPT]])
    quote = options.get("quote", '"')
    reader = spark.read.schema(schema).options(
        header=bool(found.header),
        sep=found.delimiter,
        quote=quote,
        # RFC 4180 doubles a quote inside quotes; Spark's default is a backslash.
        escape=options.get("escape", quote),
        encoding=found.encoding,
        multiLine=options.get("multiline", True),
        mode="PERMISSIVE",
        columnNameOfCorruptRecord=CORRUPT,
    )
    return _with_source_file(reader.csv(paths)).select(*names, CORRUPT, SOURCE_FILE)


@contextmanager
def _case_sensitive(spark: SparkSession) -> Iterator[None]:
    """Spark finds JSON keys by their exact case but infers one column of ``id`` and ``ID``: values would be lost."""
    before = str(spark.conf.get("spark.sql.caseSensitive"))
    spark.conf.set("spark.sql.caseSensitive", "true")
    try:
        yield
    finally:
        spark.conf.set("spark.sql.caseSensitive", before)


def _read_json(spark: SparkSession, paths: list[str], found: FileFormat) -> DataFrame:
    # A broken document (unlike a broken line) can't be told from its neighbours: the whole file is refused.
    mode = "FAILFAST" if found.multiline else "PERMISSIVE"
    reader = spark.read.options(
        primitivesAsString=True, multiLine=found.multiline, mode=mode, columnNameOfCorruptRecord=CORRUPT
    )
    if found.encoding != "UTF-8":
        reader = reader.options(encoding=found.encoding, lineSep="\n")
    return _with_source_file(reader.json(paths))


def _spark_reads_avro(spark: SparkSession) -> bool:
    """Glue has Spark's Avro jar; PyPI's pyspark has not."""
    loader = spark._jvm.Thread.currentThread().getContextClassLoader()  # type: ignore[union-attr]
    return loader.getResource("org/apache/spark/sql/avro/AvroFileFormat.class") is not None


def _read_avro_by_python(spark: SparkSession, paths: list[str]) -> DataFrame:
    """Avro by fastavro on the executors: where Spark's Avro jar is missing, so only on the laptop."""
    files = _with_source_file(spark.read.format("binaryFile").load(paths)).select("content", SOURCE_FILE)
    lines = files.rdd.flatMap(lambda row: avro_to_json_lines(bytes(row[0]), row[1]))
    frame = spark.read.option("primitivesAsString", True).json(lines)
    # Files without any record give no line to tell a column by.
    return frame if SOURCE_FILE in frame.columns else frame.withColumn(SOURCE_FILE, F.lit(None).cast("string"))


def avro_to_json_lines(content: bytes, uri: str) -> Iterator[str]:
    """The records of an Avro file as JSON lines, each with its ``_source_file``.

    Args:
        content: the file's bytes.
        uri: the file's URI.
    """
    import io
    import json

    import fastavro

    for record in fastavro.reader(io.BytesIO(content)):
        yield json.dumps({**record, SOURCE_FILE: uri}, default=_plain_text)  # type: ignore[dict-item]


def _plain_text(value: Any) -> str:
    """Decimals, dates, times and bytes of Avro as the text that a CSV would hold."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _with_source_file(frame: DataFrame) -> DataFrame:
    """Add ``_source_file``, decoded: Spark shows the path percent-encoded."""
    path = "_metadata.file_path"
    # Decoding takes + for a space; keys may hold a real +.
    decoded = url_decoded_sql(f"replace({path}, '+', '%2B')")
    return frame.withColumn(SOURCE_FILE, F.expr(f"if(contains({path}, '%'), {decoded}, {path})"))


def _as_text(frame: DataFrame) -> DataFrame:
    """Every column as text under its standard name, with the two metadata columns at the end."""
    fields = [field for field in frame.schema.fields if field.name not in (CORRUPT, SOURCE_FILE)]
    names = unique_names(field.name for field in fields)
    columns = [_text(field).alias(name) for field, name in zip(fields, names, strict=True)]
    corrupt = F.col(CORRUPT) if CORRUPT in frame.columns else F.lit(None).cast("string")
    return frame.select(*columns, corrupt.alias(CORRUPT), SOURCE_FILE)


def _check_spelling(frame: DataFrame) -> None:
    """Refuse frames with ``id`` and ``ID``: Spark can't scan both."""
    spellings: dict[str, list[str]] = {}
    for name in frame.columns:
        spellings.setdefault(name.lower(), []).append(name)
    for names in spellings.values():
        if len(names) > 1:
            raise UnreadableFileError(f"a key is spelled in more than one way: {', '.join(names)}; use one of them")


def _text(field: StructField) -> Column:
    column = F.col(f"`{field.name.replace('`', '``')}`")
    nested = isinstance(field.dataType, ArrayType | MapType | StructType)
    return F.to_json(column) if nested else _scalar_text(column, field.dataType)


def _scalar_text(column: Column, data_type: DataType) -> Column:
    return column if isinstance(data_type, StringType) else column.cast("string")


def union_all(frames: Iterable[DataFrame]) -> DataFrame:
    """One frame of all, by column name; columns that a frame lacks are null there."""
    united: DataFrame | None = None
    for frame in frames:
        united = frame if united is None else united.unionByName(frame, allowMissingColumns=True)
    if united is None:
        raise ValueError("union_all needs at least one frame")
    return united
