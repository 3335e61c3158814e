"""Columns of a dataset without a contract, inferred so that nothing is changed by it."""

from __future__ import annotations

from typing import Any

import yaml
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from etl.contracts import Column
from etl.names import CORRUPT, SOURCE_FILE
from etl.standardise import free_name

# The narrowest type whose pattern every value has. A number with a leading zero is a code and stays text.
_PATTERNS = {
    "long": r"^-?(0|[1-9]\d{0,17})$",
    # 15 digits are what a double keeps of any number.
    "double": r"^-?(?=[\d.]{1,16}$)(0|[1-9]\d{0,14})(\.\d+)?$",
    "boolean": r"^(?i)(true|false)$",
    "date": r"^\d{4}-\d{2}-\d{2}$",
    "timestamp": r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:?\d{2})?$",
}


def infer_columns(raw: DataFrame) -> tuple[Column, ...]:
    """The columns of a reader's frame with safe types, found in one aggregation.

    Args:
        raw: text columns, ``_corrupt_record``, ``_source_file``.

    Returns:
        A column per source column, in its order.
    """
    names = [name for name in raw.columns if name not in (CORRUPT, SOURCE_FILE)]
    if not names:
        return ()
    counts: list[SparkColumn] = []
    for position, name in enumerate(names):
        text = F.trim(name)
        has_value = F.col(name).isNotNull() & (text != "")
        counts.append(F.sum(F.when(has_value, 1).otherwise(0)).alias(f"{position}"))
        counts += [
            F.sum(F.when(has_value & text.rlike(pattern), 1).otherwise(0)).alias(f"{position}_{kind}")
            for kind, pattern in _PATTERNS.items()
        ]
    # Rows that don't parse are refused whole; their cells may stand in the wrong columns.
    found = raw.where(F.col(CORRUPT).isNull()).agg(*counts).first()
    return tuple(_column(name, names, _narrowest(found, position)) for position, name in enumerate(names))


def _column(name: str, names: list[str], kind: str) -> Column:
    """A column; one named like a column of the pipeline gets another name, and keeps its own as an alias."""
    free = free_name(name, [other for other in names if other != name])
    return Column(free, kind, aliases=() if free == name else (name,))


def _narrowest(found: object, position: int) -> str:
    """The first type all of whose values fit; text when there are none."""
    values = found[f"{position}"] or 0  # type: ignore[index]
    fitting = (kind for kind in _PATTERNS if values and found[f"{position}_{kind}"] == values)  # type: ignore[index]
    return next(fitting, "string")


def described(column: Column) -> dict[str, Any]:
    """An inferred column as a contract has it."""
    aliases = {"aliases": list(column.aliases)} if column.aliases else {}
    return {"name": column.name, "type": column.type, **aliases}


def suggested_contract(dataset: str, columns: tuple[Column, ...]) -> str:
    """A contract in YAML for inferred columns, ready to be committed and completed.

    Args:
        dataset: the dataset's name.
        columns: as inferred.
    """
    document = {
        "name": dataset,
        "description": "Suggested from the first files; give it a key, an event_time and quality rules.",
        "source": {"patterns": [f"{dataset}*"]},
        "columns": [described(column) for column in columns],
    }
    return yaml.safe_dump(document, sort_keys=False)
