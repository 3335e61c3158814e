"""Parquet and ORC become text columns; files whose schemas don't meet are read apart and meet as text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from etl.errors import UnreadableFileError
from etl.reading.text_frames import Roots, as_text, glob_escaped, union_all, with_source_file
from utils.spark_versions import COMPILE_ERRORS, RUN_ERRORS

_FOOTER_THREADS = 16
# Spark has no type for these; their integers are read as such.
_WITHOUT_TYPE = re.compile(r" \((?:TIMESTAMP\(NANOS|TIME\(\w+),\w+\)\)")
_TOP_LEVEL = re.compile(
    r"^  (?:optional|required) int(?:32|64) (?P<name>.+?)"
    r" \((?P<kind>TIMESTAMP|TIME)\((?P<unit>NANOS|MICROS|MILLIS),\w+\)\)(?: = \d+)?;$",
    re.MULTILINE,
)
_FIELD = re.compile(
    r"^(?P<before> +(?:optional|required|repeated) \S+ )(?P<name>.+?)"
    r"(?P<after>(?: \([A-Z0-9_]+(?:\(.*\))?\))?(?: = \d+)?(?:;| \{))$",
    re.MULTILINE,
)
_PER_SECOND = {"MILLIS": 1_000, "MICROS": 1_000_000, "NANOS": 1_000_000_000}
# Days before 1582 (0001-01-01 is a common placeholder) are what they say; Spark's default is to stop.
_PARQUET_OPTIONS = {"datetimeRebaseMode": "CORRECTED", "int96RebaseMode": "CORRECTED"}


def read_columnar(spark: SparkSession, uris: Sequence[str], kind: str, nested: str, staged: Roots | None) -> DataFrame:
    """Read Parquet or ORC files.

    Args:
        spark: the session.
        uris: the files, as they are.
        kind: parquet or orc.
        nested: ``flatten`` or ``text`` (see :func:`etl.reading.text_frames.as_text`).
        staged: where staged copies and raw files are.

    Raises:
        UnreadableFileError: a file has a type that nothing here reads.
    """
    options = _PARQUET_OPTIONS if kind == "parquet" else {}
    try:
        frame = spark.read.format(kind).options(mergeSchema=True, **options).load(glob_escaped(uris))
        return as_text(with_source_file(frame, staged), nested)
    except (*COMPILE_ERRORS, *RUN_ERRORS):
        # One type here and another there, or a type that Spark can't name: the footers tell.
        groups = _by_schema(spark, uris, kind)
    read = partial(_read_parquet_of if kind == "parquet" else _read_orc_of, spark, nested=nested, staged=staged)
    return union_all(read(schema, glob_escaped(members)) for schema, members in groups.items())


def _by_schema(spark: SparkSession, uris: Sequence[str], kind: str) -> dict[str, list[str]]:
    """Schema -> the files that have it, told by their footers alone."""
    footer = _parquet_schema if kind == "parquet" else _orc_schema
    groups: dict[str, list[str]] = {}
    with ThreadPoolExecutor(_FOOTER_THREADS) as pool:
        for uri, schema in zip(uris, pool.map(partial(footer, spark), uris), strict=True):
            groups.setdefault(schema, []).append(uri)
    return groups


def _parquet_schema(spark: SparkSession, uri: str) -> str:
    jvm: Any = spark._jvm
    conf = spark._jsc.hadoopConfiguration()
    parquet = jvm.org.apache.parquet.hadoop
    source = parquet.util.HadoopInputFile.fromPath(jvm.org.apache.hadoop.fs.Path(uri), conf)
    with closing(parquet.ParquetFileReader.open(source)) as reader:
        return str(reader.getFileMetaData().getSchema().toString())


def _orc_schema(spark: SparkSession, uri: str) -> str:
    jvm: Any = spark._jvm
    orc = jvm.org.apache.orc.OrcFile
    options = orc.readerOptions(spark._jsc.hadoopConfiguration())
    with closing(orc.createReader(jvm.org.apache.hadoop.fs.Path(uri), options)) as reader:
        return str(reader.getSchema().toString())


def _read_parquet_of(
    spark: SparkSession, schema: str, paths: list[str], nested: str, staged: Roots | None
) -> DataFrame:
    """Files of one schema; times and nanoseconds, for which Spark has no type, as integers that become text here."""
    reader = spark.read.options(**_PARQUET_OPTIONS)
    if _WITHOUT_TYPE.search(schema):
        reader = reader.schema(_spark_schema(spark, _WITHOUT_TYPE.sub("", schema)))
    special: dict[str, Callable[[str], Column]] = {
        found["name"]: partial(_moment_text, kind=found["kind"], per_second=_PER_SECOND[found["unit"]])
        for found in _TOP_LEVEL.finditer(schema)
        if found["kind"] == "TIME" or found["unit"] == "NANOS"
    }
    return as_text(with_source_file(reader.parquet(*paths), staged), nested, special)


def _spark_schema(spark: SparkSession, parquet_schema: str) -> StructType:
    """Spark's schema of a Parquet schema's text; names stay out of the parser, which takes no blanks in them."""
    jvm: Any = spark._jvm
    names: list[str] = []

    def numbered(found: re.Match[str]) -> str:
        names.append(found["name"])
        return f"{found['before']}n{len(names) - 1}{found['after']}"

    message = jvm.org.apache.parquet.schema.MessageTypeParser.parseMessageType(_FIELD.sub(numbered, parquet_schema))
    conf = spark._jsparkSession.sessionState().conf()
    converter = jvm.org.apache.spark.sql.execution.datasources.parquet.ParquetToSparkSchemaConverter(conf)

    def named(node: dict[str, Any]) -> dict[str, Any]:
        return {**node, "name": names[int(node["name"][1:])]} if "name" in node else node

    return StructType.fromJson(json.loads(converter.convert(message).json(), object_hook=named))


def _moment_text(column: str, kind: str, per_second: int) -> Column:
    """An integer since 1970, or since midnight, as Spark shows a timestamp: with as many digits as it has."""
    seconds = f"timestamp_seconds(({column} - pmod({column}, {per_second})) div {per_second})"
    pattern = "HH:mm:ss" if kind == "TIME" else "yyyy-MM-dd HH:mm:ss"
    digits = f"lpad(pmod({column}, {per_second}), {len(str(per_second)) - 1}, '0')"
    fraction = f"if(pmod({column}, {per_second}) = 0, '', concat('.', rtrim('0', {digits})))"
    return F.expr(f"concat(date_format({seconds}, '{pattern}'), {fraction})")


def _read_orc_of(spark: SparkSession, schema: str, paths: list[str], nested: str, staged: Roots | None) -> DataFrame:
    if "timestamp with local time zone" in schema:
        raise UnreadableFileError(
            "Spark reads no ORC column of type 'timestamp with local time zone'; write 'timestamp', or Parquet"
        )
    return as_text(with_source_file(spark.read.orc(paths), staged), nested)
