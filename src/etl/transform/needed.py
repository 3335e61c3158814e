"""What SQL and Python steps must leave in the rows: names that are right, and the columns that the pipeline needs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DataType

from etl.contracts import Contract
from etl.errors import ExpressionError
from etl.names import EVENT_DATE

_STANDARD = re.compile(r"_?[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Needed:
    """The columns that rows must have after a step.

    Attributes:
        columns: can't be made up; a step that drops one is wrong.
        constants: the same for all rows of a batch (``_batch_id``, ``_ingested_at``), set again after every step;
            texts are cast to the column's type.
    """

    columns: Sequence[str]
    constants: Mapping[str, SparkColumn | str] = field(default_factory=dict)

    @classmethod
    def of(cls, contract: Contract, constants: Mapping[str, SparkColumn | str]) -> Needed:
        """What a dataset's curated table is written by: its key, its order and the event date."""
        return cls(list(dict.fromkeys((*contract.key, *contract.order_by, EVENT_DATE))), constants)

    def missing(self, rows: DataFrame) -> list[str]:
        """The columns that a step has dropped."""
        return [name for name in self.columns if name not in rows.columns]


def restored(before: DataFrame, after: DataFrame, needed: Needed, what: str) -> DataFrame:
    """The rows of a step with the pipeline's own columns, which a ``select`` of the business columns leaves out.

    Args:
        before: the rows that the step was given.
        after: what it made of them.
        needed: see :class:`Needed`.
        what: the dataset and its step; begins messages.

    Returns:
        ``after``, in which every column of ``before`` that begins with ``_`` is there again: the constants with their
        value, arrays empty, others null.

    Raises:
        ExpressionError: a needed column is gone, one of the pipeline's has another type, or a name can't be used.
    """
    check_names(after, what)
    if missing := needed.missing(after):
        raise ExpressionError(
            f"{what} drops {', '.join(missing)}; the curated table is written by {', '.join(needed.columns)}, so its "
            f"result must have them. It has {', '.join(after.columns)}"
        )
    kinds = {field.name: field.dataType for field in before.schema.fields}
    _check_own(after, kinds, needed, what)
    own = {name: kind for name, kind in kinds.items() if name.startswith("_")}
    values = [name for name in after.columns if name not in own]
    return after.select(*values, *(_own_column(name, kind, after, needed).alias(name) for name, kind in own.items()))


def _check_own(after: DataFrame, kinds: Mapping[str, DataType], needed: Needed, what: str) -> None:
    """The pipeline's own columns keep their types, and none is added."""
    for name in after.columns:
        if name.startswith("_") and name not in kinds:
            raise ExpressionError(f"{what}: {name!r}: names that begin with _ are the pipeline's; choose another name")
        if (name.startswith("_") or name == EVENT_DATE) and name in kinds and name not in needed.constants:
            found, expected = after.schema[name].dataType.simpleString(), kinds[name].simpleString()
            if found != expected:
                raise ExpressionError(f"{what} makes {name} {found}; it must stay {expected}")


def _own_column(name: str, kind: DataType, after: DataFrame, needed: Needed) -> SparkColumn:
    if name in needed.constants:
        return F.lit(needed.constants[name]).cast(kind)
    if name in after.columns:
        return F.col(name)
    return (F.array() if isinstance(kind, ArrayType) else F.lit(None)).cast(kind)


def check_names(rows: DataFrame, what: str) -> None:
    """Whether a step's columns can be columns of a table.

    Raises:
        ExpressionError: naming those that stand twice or are no standard names.
    """
    twice = [name for name, times in Counter(name.lower() for name in rows.columns).items() if times > 1]
    if twice:
        raise ExpressionError(f"{what}: column(s) {', '.join(twice)} stand twice in its result; name the columns")
    odd = [name for name in rows.columns if not _STANDARD.fullmatch(name)]
    if odd:
        raise ExpressionError(
            f"{what}: {', '.join(map(repr, odd))} is no name for a column; give it one of lower case letters, digits "
            "and _ (as total)"
        )
