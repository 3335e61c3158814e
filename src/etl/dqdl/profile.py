"""A profile of every column, from one aggregation."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf
from pyspark.sql import types as st

from etl.dqdl.frames import Field
from etl.dqdl.result import plain

# Minimum and maximum of long texts would fill the report.
TEXT_LENGTH = 60
ORDERED = (st.NumericType, st.StringType, st.DateType, st.TimestampType, st.BooleanType)
MOST_COLUMNS = 200


def profile_columns(data: DataFrame, most: int = MOST_COLUMNS) -> list[dict[str, Any]]:
    """Nulls, different values (approximate), minimum, maximum and mean of each column: one Spark action.

    Args:
        data: the data.
        most: the first so many columns are profiled.

    Returns:
        One entry per column, ready for JSON: column, type, rows, nulls, distinct, min, max, mean.
    """
    fields = [Field(field.name, field.dataType) for field in data.schema.fields[:most]]
    if not fields:
        return []
    expressions = [sf.count(sf.lit(1)).alias("rows")]
    for position, field in enumerate(fields):
        expressions += [column.alias(f"{name}{position}") for name, column in _measures(field).items()]
    row = data.agg(*expressions).collect()[0].asDict()
    return [_entry(field, position, row) for position, field in enumerate(fields)]


def _measures(field: Field) -> dict[str, Column]:
    column = field.column
    measures = {"valued": sf.count(column)}
    if not isinstance(field.type, (st.MapType, st.ArrayType, st.StructType)):
        measures["distinct"] = sf.approx_count_distinct(column)
    if isinstance(field.type, ORDERED) or field.is_timestamp:
        shown = sf.substring(column, 1, TEXT_LENGTH) if isinstance(field.type, st.StringType) else column
        if field.is_floating:
            shown = sf.when(~sf.isnan(column), column)
        measures["min"], measures["max"] = sf.min(shown), sf.max(shown)
        if field.is_date or field.is_timestamp:
            # As text of Spark: collecting would turn it into the Python process's time zone.
            measures = {**measures, "min": sf.min(shown).cast("string"), "max": sf.max(shown).cast("string")}
    if field.is_numeric:
        measures["mean"] = sf.avg(shown.cast("double"))
    return measures


def _entry(field: Field, position: int, row: dict[str, Any]) -> dict[str, Any]:
    def value(name: str) -> Any:
        return _json(row.get(f"{name}{position}"))

    return {
        "column": field.name,
        "type": field.type.simpleString()[:TEXT_LENGTH],
        "rows": row["rows"],
        "nulls": row["rows"] - row[f"valued{position}"],
        "distinct": value("distinct"),
        "min": value("min"),
        "max": value("max"),
        "mean": value("mean"),
    }


def _json(value: Any) -> Any:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return plain(value)
