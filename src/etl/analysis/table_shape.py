"""Whether a table can have the columns that a contract's steps make, and lie as the contract says."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pyspark.sql import DataFrame
from pyspark.sql.types import ArrayType, DataType, MapType, StructType

from etl.contracts import Contract
from etl.contracts.layout import parse_partition, parse_sort
from etl.contracts.problems import suggestion
from etl.contracts.table_checks import partition_type_problem
from etl.names import HISTORY_TYPES

# Types that are an expression's and no table's.
_UNSTORABLE = ("void", "interval", "variant")


def column_problems(rows: DataFrame, faulty: Collection[str] = ()) -> Iterator[str]:
    """Columns that no table can store.

    Args:
        rows: with the columns of the table.
        faulty: columns that are null until what makes them is mended.
    """
    for field in rows.schema.fields:
        if field.name not in faulty and (found := _unstorable(field.dataType)):
            yield f"column {field.name!r} is {found}, which no table can store; cast it, e.g. to string or long"


def layout_problems(rows: DataFrame, contract: Contract, certain: bool = True) -> Iterator[str]:
    """What keeps the curated table from lying as the contract says.

    Args:
        rows: with the columns of the table, those of history excepted.
        contract: the dataset's.
        certain: whether the table has just these columns.
    """
    kinds = {field.name: field.dataType for field in rows.schema.fields}
    spellings = {name: str(kind.simpleString()) for name, kind in kinds.items()}
    if contract.history:
        spellings |= HISTORY_TYPES
    for text in contract.table.partition_by:
        field = parse_partition(text)
        spelled = spellings.get(field.column, "")
        if not spelled and certain:
            yield f"table.partition_by: {text!r}: no column {field.column!r}{suggestion(field.column, spellings)}"
        # What is faulty is void.
        elif spelled != "void" and (problem := partition_type_problem(field.transform, spelled)):
            yield f"table.partition_by: {text!r}: {field.column!r} is {problem}"
    for text in contract.table.sort_by:
        column = parse_sort(text).column
        if column not in spellings and certain:
            yield f"table.sort_by: {text!r}: no column {column!r}{suggestion(column, spellings)}"
        elif isinstance(kinds.get(column), ArrayType | MapType | StructType):
            yield f"table.sort_by: {text!r}: {column!r} is {spellings[column]}; rows are sorted by scalars only"


def _unstorable(kind: DataType) -> str:
    """The type in it that no table can store, or ''."""
    if isinstance(kind, StructType):
        return next(filter(None, (_unstorable(field.dataType) for field in kind.fields)), "")
    if isinstance(kind, ArrayType):
        return _unstorable(kind.elementType)
    if isinstance(kind, MapType):
        return _unstorable(kind.keyType) or _unstorable(kind.valueType)
    text = str(kind.simpleString())
    return text if text.startswith(_UNSTORABLE) else ""
