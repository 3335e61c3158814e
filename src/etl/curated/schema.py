"""Schemas of curated tables: what a frame asks of a table, and how rows are brought into a table's columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DataType, MapType, StructType

from etl.widening import widens

# How a wanted type stands to the one that is there.
NEW, WIDER, NARROWER, GONE, OTHER = "new", "wider", "narrower", "gone", "other"


@dataclass(frozen=True)
class Difference:
    """A place in which a wanted schema is not the one that is there.

    Attributes:
        kind: NEW (only wanted), GONE (only there), WIDER or NARROWER (the wanted type), or OTHER.
        path: names from the column down; ``element``, ``key`` and ``value`` for what arrays and maps hold.
        present, wanted: the types as Spark SQL spells them; "" where there is none.
    """

    kind: str
    path: tuple[str, ...]
    present: str = ""
    wanted: str = ""

    @property
    def place(self) -> str:
        """The path as people write it."""
        return ".".join(self.path)


def differences(present: DataType, wanted: DataType, path: tuple[str, ...] = ()) -> Iterator[Difference]:
    """Every place in which two types differ; whether a value may be null is no difference.

    Args:
        present: what is there: a table's schema, or the type of a column.
        wanted: what a frame has.
        path: where this is.
    """
    if isinstance(present, StructType) and isinstance(wanted, StructType):
        yield from _of_fields(present, wanted, path)
    elif isinstance(present, ArrayType) and isinstance(wanted, ArrayType):
        yield from differences(present.elementType, wanted.elementType, (*path, "element"))
    elif isinstance(present, MapType) and isinstance(wanted, MapType):
        if not same(present.keyType, wanted.keyType):
            yield Difference(OTHER, (*path, "key"), sql_type(present.keyType), sql_type(wanted.keyType))
        yield from differences(present.valueType, wanted.valueType, (*path, "value"))
    elif not same(present, wanted):
        kind = WIDER if widens(present, wanted) else NARROWER if widens(wanted, present) else OTHER
        yield Difference(kind, path, sql_type(present), sql_type(wanted))


def _of_fields(present: StructType, wanted: StructType, path: tuple[str, ...]) -> Iterator[Difference]:
    there = {field.name: field.dataType for field in present.fields}
    for field in wanted.fields:
        if field.name in there:
            yield from differences(there[field.name], field.dataType, (*path, field.name))
        else:
            yield Difference(NEW, (*path, field.name), wanted=sql_type(field.dataType))
    for name in set(there) - set(wanted.fieldNames()):
        yield Difference(GONE, (*path, name), present=sql_type(there[name]))


def same(one: DataType, other: DataType) -> bool:
    """Whether two types are equal, whatever may be null in them."""
    return one.simpleString() == other.simpleString()


def sql_type(kind: DataType) -> str:
    """A type as SQL, with the names of fields in quotes."""
    if isinstance(kind, StructType):
        return f"struct<{', '.join(f'`{field.name}`: {sql_type(field.dataType)}' for field in kind.fields)}>"
    if isinstance(kind, ArrayType):
        return f"array<{sql_type(kind.elementType)}>"
    if isinstance(kind, MapType):
        return f"map<{sql_type(kind.keyType)}, {sql_type(kind.valueType)}>"
    return str(kind.simpleString())


def aligned(rows: DataFrame, schema: StructType) -> DataFrame:
    """The rows with a schema's columns in its order and its types; what they lack, also inside structs, is null.

    Args:
        rows: every column of them that is not in the schema is left out.
        schema: a table's; at least as wide as the rows' columns.
    """
    there = {field.name: field.dataType for field in rows.schema.fields}
    return rows.select(
        *(
            (_fitted(F.col(f"`{f.name}`"), there[f.name], f.dataType) if f.name in there else _null(f.dataType)).alias(
                f.name
            )
            for f in schema.fields
        )
    )


def _fitted(value: SparkColumn, present: DataType, wanted: DataType) -> SparkColumn:
    """A value in another type; structs are put together by the names of their fields."""
    if same(present, wanted):
        return value
    if isinstance(present, StructType) and isinstance(wanted, StructType):
        there = {field.name: field.dataType for field in present.fields}
        fields = [
            (
                _fitted(value.getField(f.name), there[f.name], f.dataType) if f.name in there else _null(f.dataType)
            ).alias(f.name)
            for f in wanted.fields
        ]
        return F.when(value.isNotNull(), F.struct(*fields))
    if isinstance(present, ArrayType) and isinstance(wanted, ArrayType):
        of, to = present.elementType, wanted.elementType
        return F.transform(value, lambda element: _fitted(element, of, to))
    if isinstance(present, MapType) and isinstance(wanted, MapType):
        of, to = present.valueType, wanted.valueType
        return F.transform_values(value, lambda _, element: _fitted(element, of, to))
    return value.cast(wanted)


def _null(kind: DataType) -> SparkColumn:
    return F.lit(None).cast(kind)
