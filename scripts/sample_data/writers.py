"""Writes rows to files, one function for each format; each takes an iterator and holds one chunk at most."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any

import fastavro
import pyarrow as pa
import pyarrow.orc as pa_orc
import pyarrow.parquet as pa_parquet

from sample_data.columns import Column, Dataset, Row

CHUNK_ROWS = 20_000
Writer = Callable[[Path, Dataset, Iterable[Row]], None]

_ARROW = {
    "string": pa.string(),
    "integer": pa.int32(),
    "decimal": pa.decimal128(12, 2),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
_AVRO: dict[str, Any] = {
    "string": "string",
    "integer": "int",
    "decimal": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2},
    "boolean": "boolean",
    "date": {"type": "int", "logicalType": "date"},
    "timestamp": {"type": "long", "logicalType": "timestamp-micros"},
}


def write_csv(path: Path, dataset: Dataset, rows: Iterable[Row]) -> None:
    """A CSV file as exports have it: readable headers, quotes doubled, an empty field for a missing value."""
    with path.open("w", encoding="utf-8", newline="") as file:
        _csv_to(file, dataset, rows)


def write_csv_gz(path: Path, dataset: Dataset, rows: Iterable[Row]) -> None:
    """The same CSV, gzipped; the header carries no name and no time, so equal rows give equal bytes."""
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as file,
    ):
        _csv_to(file, dataset, rows)


def write_json(path: Path, dataset: Dataset, rows: Iterable[Row]) -> None:
    """One JSON array of objects with camelCase names, one object a line."""
    with path.open("w", encoding="utf-8", newline="") as file:
        separator = "[\n"
        for line in _json_lines(dataset, rows):
            file.write(separator + line)
            separator = ",\n"
        file.write("[]\n" if separator == "[\n" else "\n]\n")


def write_jsonl(path: Path, dataset: Dataset, rows: Iterable[Row]) -> None:
    """JSON lines with camelCase names."""
    with path.open("w", encoding="utf-8", newline="") as file:
        for line in _json_lines(dataset, rows):
            file.write(line + "\n")


def write_parquet(path: Path, dataset: Dataset, rows: Iterable[Row]) -> None:
    """A typed Parquet file, Snappy-compressed."""
    with pa_parquet.ParquetWriter(path, _schema(dataset), compression="snappy") as writer:
        for chunk in _arrow_chunks(dataset, rows):
            writer.write_batch(chunk)


def write_orc(path: Path, dataset: Dataset, rows: Iterable[Row]) -> None:
    """A typed ORC file, zlib-compressed.

    Its timestamps are plain ones in UTC, as Hive and Spark write them: Spark 3.5 cannot open a file with
    ORC's "timestamp with local time zone", which pyarrow makes of a timestamp with a zone.
    """
    plain = pa.schema(
        [(f.name, pa.timestamp("us") if pa.types.is_timestamp(f.type) else f.type) for f in _schema(dataset)]
    )
    with pa_orc.ORCWriter(str(path), compression="zlib") as writer:
        for chunk in _arrow_chunks(dataset, rows):
            writer.write(pa.Table.from_batches([chunk]).cast(plain))


def write_avro(path: Path, dataset: Dataset, rows: Iterable[Row]) -> None:
    """A typed Avro container file; every field may be null."""
    schema = fastavro.parse_schema(
        {
            "type": "record",
            "name": dataset.name,
            "namespace": "sample",
            "fields": [{"name": c.name, "type": ["null", _AVRO[c.kind]]} for c in dataset.columns],
        }
    )
    with path.open("wb") as file:
        fastavro.writer(file, schema, (row.values for row in rows), codec="deflate")


WRITERS: dict[str, Writer] = {
    "csv": write_csv,
    "csv.gz": write_csv_gz,
    "json": write_json,
    "jsonl": write_jsonl,
    "parquet": write_parquet,
    "orc": write_orc,
    "avro": write_avro,
}


def write_broken(path: Path, dataset: Dataset, rows: Iterable[Row], fmt: str) -> None:
    """A file that cannot be read: a whole one with its last third cut off.

    A Parquet file loses its footer by that, a gzip file the end of its stream.
    """
    WRITERS[fmt](path, dataset, rows)
    with path.open("r+b") as file:
        size = file.seek(0, io.SEEK_END)
        file.truncate(size * 2 // 3)


def _csv_to(file: IO[str], dataset: Dataset, rows: Iterable[Row]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([column.csv_header for column in dataset.columns])
    for row in rows:
        fields = [_csv_text(row.values[column.name]) for column in dataset.columns]
        fields = fields[: row.ragged] if row.ragged < 0 else fields + ["surplus"] * row.ragged
        writer.writerow(fields)


def _csv_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return str(value)


def _json_lines(dataset: Dataset, rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        fields = {column.json_name: _json_value(row.values[column.name]) for column in dataset.columns}
        yield json.dumps(fields, ensure_ascii=False)


def _json_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)  # 12 digits fit a double exactly enough to print the same two decimals
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.isoformat() if isinstance(value, date) else value


def _schema(dataset: Dataset) -> pa.Schema:
    return pa.schema([(column.name, _ARROW[column.kind]) for column in dataset.columns])


def _arrow_chunks(dataset: Dataset, rows: Iterable[Row]) -> Iterator[pa.RecordBatch]:
    schema = _schema(dataset)
    source = iter(rows)
    while chunk := list(islice(source, CHUNK_ROWS)):
        yield pa.RecordBatch.from_arrays([_array(column, chunk) for column in dataset.columns], schema=schema)


def _array(column: Column, rows: list[Row]) -> pa.Array:
    return pa.array([row.values[column.name] for row in rows], type=_ARROW[column.kind])
