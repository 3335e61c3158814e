"""Files of every format, written for a test and read as a batch reads them: staged first where that is needed."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Callable
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet
from pyspark.sql import DataFrame, SparkSession

from etl.contracts import Column, Contract, Source
from etl.discovery import SourceFile
from etl.names import CORRUPT, SOURCE_FILE
from etl.reading.formats import TAIL_BYTES, FileFormat, head_length, look
from etl.reading.packing import Unpack
from etl.reading.readers import read_files
from etl.reading.staging import needs_staging, stage
from utils.glue_utils import Storage

FOLDER = "data/incoming/orders/2024/01/15"
Read = Callable[..., DataFrame]


def reader(spark: SparkSession, lake: Any) -> Read:
    """A factory: files by name -> the frame that reading them together gives; all have the last one's format."""
    storage = Storage(spark)

    def make(
        contents: dict[str, bytes | str], columns: tuple[str, ...] = (), nested: str = "text", **shape: Any
    ) -> DataFrame:
        contract = Contract("orders", tuple(Column(name) for name in columns), source=Source(nested=nested))
        raw, staging = f"s3://{lake.bucket('raw')}/", f"s3://{lake.bucket('processed')}/_staging/"
        uris = []
        for name, content in contents.items():
            data = content.encode() if isinstance(content, str) else content
            key = f"{FOLDER}/{name}"
            lake.put("raw", key, data)
            found = format_of(name, data, columns, shape)
            if staged := needs_staging(found):
                file = SourceFile(raw + key, f"{raw}{FOLDER}/", key, "orders", len(data), 0)
                uri, found = stage(spark, storage, file, found, staging)
            uris.append(uri if staged else raw + key)
        frame = read_files(spark, uris, found, contract, (staging, raw) if staged else None)
        assert {kind for _, kind in frame.dtypes} == {"string"}
        assert frame.columns[-2:] == [CORRUPT, SOURCE_FILE]
        return frame

    return make


def detected(
    name: str, content: bytes | str, declared: str = "auto", unpack: Unpack | None = None, **options: Any
) -> FileFormat:
    """The format of a whole file, told by its head and tail as the pipeline reads them."""
    data = content.encode() if isinstance(content, str) else content
    head, tail = data[: head_length(name, data)], data[-TAIL_BYTES:]
    return look(name, head, tail, declared, options, unpack=unpack).format


def format_of(name: str, data: bytes, columns: tuple[str, ...], shape: dict[str, Any]) -> FileFormat:
    """What detection tells of such a file: the kind by the name, the rest by the test."""
    kind = re.findall(r"[.](csv|json|parquet|orc|avro)", name)[0]
    if kind == "csv" and not columns and "header" not in shape:
        text = (gzip.decompress(data) if name.endswith(".gz") else data).decode(shape.get("encoding", "utf-8-sig"))
        first = next(csv.reader(io.StringIO(text), delimiter=shape.get("delimiter", ",")))
        shape = {"header": tuple(first), **shape}
    return FileFormat(kind, **shape)


def values(frame: DataFrame) -> list[dict[str, str | None]]:
    """The rows as they are, without the metadata, in a fixed order."""
    rows = [row.asDict() for row in frame.drop(CORRUPT, SOURCE_FILE).collect()]
    return sorted(rows, key=lambda row: [str(row[name]) for name in sorted(row, key=lambda name: (name != "id", name))])


def corrupt(frame: DataFrame) -> list[str]:
    """The lines that did not parse, without their line ends."""
    return sorted(row[CORRUPT].rstrip("\r\n") for row in frame.collect() if row[CORRUPT] is not None)


def parquet_bytes(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(table, sink)
    return sink.getvalue()


def orc_bytes(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pyarrow.orc.write_table(table, sink)
    return sink.getvalue()


def avro_bytes(fields: list[dict[str, Any]], records: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    fastavro.writer(sink, {"type": "record", "name": "row", "fields": fields}, records)
    return sink.getvalue()
