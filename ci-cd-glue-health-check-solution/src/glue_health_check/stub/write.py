"""Writes stub data as CSV, JSON lines or Parquet."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from glue_health_check.errors import MisuseError
from glue_health_check.stub.fields import Table, Type

FORMATS = ("csv", "jsonl", "parquet")
_ARROW = {
    "string": pa.string(), "int": pa.int32(), "long": pa.int64(), "float": pa.float32(), "double": pa.float64(),
    "boolean": pa.bool_(), "date": pa.date32(), "timestamp": pa.timestamp("us", tz="UTC"), "binary": pa.binary(),
}  # fmt: skip


def written(table: Table, rows: Sequence[Mapping[str, Any]], form: str) -> bytes:
    """Rows as the content of a file.

    Args:
        table: what they look like.
        rows: column -> value.
        form: one of FORMATS; ``json`` is JSON lines.

    Raises:
        MisuseError: there is no such format.
    """
    if form == "csv":
        return _csv(table, rows)
    if form in ("jsonl", "json"):
        return "".join(json.dumps(_plain(row), ensure_ascii=False) + "\n" for row in rows).encode()
    if form == "parquet":
        return _parquet(table, rows)
    raise MisuseError(f"the format is {form!r}; stub data are written as {', '.join(FORMATS)}")


def arrow_type(of: Type) -> pa.DataType:
    """The type of Parquet columns."""
    if of.kind == "decimal":
        return pa.decimal128(of.precision, of.scale)
    if of.kind == "array":
        return pa.list_(arrow_type(of.items[0].type))
    if of.kind == "map":
        return pa.map_(pa.string(), arrow_type(of.items[0].type))
    if of.kind == "struct":
        return pa.struct([(item.name, arrow_type(item.type)) for item in of.items])
    return _ARROW[of.kind]


def _csv(table: Table, rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    names = [field.name for field in table.fields]
    writer.writerow(names)
    for row in rows:
        plain = _plain(row)
        writer.writerow([_cell(plain[name]) for name in names])
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat(sep="T") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _parquet(table: Table, rows: Sequence[Mapping[str, Any]]) -> bytes:
    schema = pa.schema([pa.field(field.name, arrow_type(field.type)) for field in table.fields])
    columns = [
        pa.array([row[field.name] for row in rows], type=schema.field(field.name).type) for field in table.fields
    ]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), sink, coerce_timestamps="us")
    return sink.getvalue()
