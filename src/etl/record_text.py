"""A row as text: what quarantine keeps of a row that had its types already, and what tells equal rows from others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DataType, MapType, StructType

from etl.names import RESCUED

_TEXTS = "map<string,string>"


def record_text(values: Mapping[str, tuple[SparkColumn, DataType]]) -> SparkColumn:
    """JSON of column -> text: the values, and where one did not fit its type, the text that was rescued.

    Args:
        values: column -> value and its type; the frame has ``_rescued_data``, too.
    """
    texts = F.to_json(F.struct(*(_text(value, kind).alias(name) for name, (value, kind) in values.items())))
    nothing = F.from_json(F.lit("{}"), _TEXTS)
    rescued = F.coalesce(F.from_json(RESCUED, _TEXTS), nothing)
    # A name in both keeps the rescued text whatever Spark's policy for keys that stand twice.
    kept = F.map_filter(F.from_json(texts, _TEXTS), lambda name, _: rescued[name].isNull())
    return F.to_json(F.map_concat(kept, rescued))


def content_hash(names: Sequence[str]) -> SparkColumn:
    """A number made of the values of some columns, the same whenever it is computed.

    By way of JSON, since Spark hashes no maps.

    Args:
        names: of the columns.
    """
    return F.xxhash64(F.to_json(F.struct(*(F.col(f"`{name}`") for name in names))))


def _text(value: SparkColumn, kind: DataType) -> SparkColumn:
    return F.to_json(value) if isinstance(kind, ArrayType | MapType | StructType) else value.cast("string")
