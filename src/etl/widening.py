"""Which types hold every value of another: what a column may become without losing anything."""

from __future__ import annotations

from pyspark.sql.types import (
    ByteType,
    DataType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    ShortType,
)

_WIDER: dict[type[DataType], tuple[type[DataType], ...]] = {
    ByteType: (ShortType, IntegerType, LongType),
    ShortType: (IntegerType, LongType),
    IntegerType: (LongType,),
    FloatType: (DoubleType,),
}


def widens(from_type: DataType, to_type: DataType) -> bool:
    """Whether every value of a type is one of another, wider type, as Iceberg allows it.

    Args:
        from_type: of the values.
        to_type: what they would become.
    """
    if isinstance(from_type, DecimalType) and isinstance(to_type, DecimalType):
        return from_type.scale == to_type.scale and from_type.precision <= to_type.precision
    return isinstance(to_type, _WIDER.get(type(from_type), ()))
