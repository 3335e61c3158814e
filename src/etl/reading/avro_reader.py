"""Avro: by Spark's jar where it is there (Glue has it), else by fastavro on the executors, to the same text."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from etl.names import SOURCE_FILE
from etl.reading.json_reader import parsed_lines
from etl.reading.text_frames import Roots, as_text, case_sensitive, with_source_file


def read_avro(spark: SparkSession, paths: Sequence[str], nested: str, staged: Roots | None) -> DataFrame:
    """Read Avro files; each is read with its own schema, and they meet by name.

    Args:
        spark: the session.
        paths: the files, as Spark takes paths.
        nested: ``flatten`` or ``text`` (see :func:`etl.reading.text_frames.as_text`).
        staged: where staged copies and raw files are.
    """
    if _spark_reads_avro(spark):
        frame = spark.read.format("avro").option("mergeSchema", True).load(list(paths))
        return as_text(with_source_file(frame, staged), nested)
    content = with_source_file(spark.read.format("binaryFile").load(list(paths)), staged)
    rows = content.select("content", SOURCE_FILE).rdd.flatMap(
        lambda row: ((line, row[1]) for line in avro_to_json_lines(bytes(row[0])))
    )
    lines = spark.createDataFrame(rows, f"value string, {SOURCE_FILE} string")
    with case_sensitive(spark):
        keys = spark.read.option("primitivesAsString", True).json(rows.map(lambda row: row[0])).schema
        return parsed_lines(lines, keys, nested)


def _spark_reads_avro(spark: SparkSession) -> bool:
    """Glue has Spark's Avro jar; PyPI's pyspark has not."""
    loader = spark._jvm.Thread.currentThread().getContextClassLoader()  # type: ignore[union-attr]
    return loader.getResource("org/apache/spark/sql/v2/avro/AvroDataSourceV2.class") is not None


def avro_to_json_lines(content: bytes) -> Iterator[str]:
    """The records of an Avro file as JSON lines.

    Args:
        content: the file's bytes.
    """
    # Only where Spark's jar is missing: Glue's library zip has no fastavro.
    import fastavro

    # Python's datetime has no nanoseconds, so fastavro leaves them as integers.
    for logical_type in ("long-timestamp-nanos", "long-local-timestamp-nanos"):
        fastavro.read.LOGICAL_READERS[logical_type] = _nanosecond_text
    for record in fastavro.reader(io.BytesIO(content)):
        yield json.dumps(record, default=_plain_text, ensure_ascii=False)


def _nanosecond_text(value: int, *_: Any) -> str:
    seconds, rest = divmod(value, 1_000_000_000)
    moment = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    return f"{moment}.{rest:09}".rstrip("0") if rest else str(moment)


def _plain_text(value: Any) -> str:
    """Decimals, moments and bytes as Spark's reader shows them."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        utc = value.astimezone(timezone.utc).replace(tzinfo=None) if value.tzinfo else value
        return utc.isoformat(sep=" ").rstrip("0") if utc.microsecond else utc.isoformat(sep=" ")
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return base64.b64encode(value).decode("ascii")
    return str(value)
