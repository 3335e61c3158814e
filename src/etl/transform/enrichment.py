"""Enrichment: columns of other datasets' curated tables, or of reference files, join a batch's rows.

A reference has at most one row for a key (with ``as_of``: for a key and a time), so that no row is lost or doubled:
tables have one by their key, which the contracts' check asks for, or by their history; files are looked at by
:func:`check_reference`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.types import (
    ByteType,
    DataType,
    DateType,
    DecimalType,
    IntegerType,
    LongType,
    ShortType,
    TimestampType,
)

from etl.contracts import Enrichment
from etl.errors import ExpressionError
from etl.names import REASON
from etl.transform.expressions import compiled

# The references in which a row has no partner: array of their names (dataset or file).
UNMATCHED = "_unmatched"

_FOUND, _FROM, _TO = "_found", "_from", "_to"
_DIGITS: dict[type[DataType], int] = {ByteType: 3, ShortType: 5, IntegerType: 10, LongType: 19}
_MAX_DIGITS = 38


def enrich(
    frame: DataFrame,
    enrichment: Enrichment,
    table: DataFrame,
    dataset: str,
    keys: Mapping[str, SparkColumn] | None = None,
) -> DataFrame:
    """Join columns of a reference. Every row stays, once.

    Args:
        frame: the rows.
        enrichment: keys, columns and how.
        table: the reference, with at most one row for a key (and time).
        dataset: named in errors.
        keys: this dataset's key column -> what is compared with the reference instead of its value (a reference whose
            key is treated as personal data holds the treated value only).

    Returns:
        The frame, the taken columns, ``_unmatched array<string>`` (the references in which the row has no partner),
        and where the enrichment refuses such rows ``_reject_reason`` (the first one's text stays).

    Raises:
        ExpressionError: the reference lacks one of the columns, or the types of keys or times can't be compared.
    """
    right = _reference_side(enrichment, table, dataset)
    ours = {name: (keys or {}).get(name, F.col(name)) for name in enrichment.keys}
    what = f"{dataset}: enrichment from {enrichment.source}: keys {', '.join(ours)}"
    compared = compiled(what, lambda: frame.select(*(column.alias(name) for name, column in ours.items())))
    check_comparable(compared, table, enrichment, dataset)
    conditions = [column == F.col(_key(position)) for position, column in enumerate(ours.values())]
    if enrichment.as_of:
        time = _moment(frame, enrichment.as_of.time, f"{dataset}: enrichment from {enrichment.source}: as_of.time")
        starts = F.col(_FROM).isNull() | (F.col(_FROM) <= time)
        ends = F.col(_TO).isNull() | (time < F.col(_TO))
        conditions += [time.isNotNull(), starts, ends]
    # A column of the source that the contract doesn't know may have the same name; the contract's stays.
    needed = {*enrichment.keys, *([enrichment.as_of.time] if enrichment.as_of else [])}
    replaced = [name for name in enrichment.output_columns() if name not in needed]
    joined = frame.drop(*replaced).join(right, on=conditions, how="left")
    helpers = [name for name in right.columns if name not in enrichment.output_columns()]
    return _with_outcome(joined, enrichment).drop(*helpers)


def _reference_side(enrichment: Enrichment, table: DataFrame, dataset: str) -> DataFrame:
    """What the join needs of the reference, under names that the batch does not have."""
    versions = [enrichment.as_of.valid_from, enrichment.as_of.valid_to] if enrichment.as_of else []
    wanted = [*enrichment.keys.values(), *enrichment.columns, *versions]
    missing = [name for name in dict.fromkeys(wanted) if name not in table.columns]
    what = f"{dataset}: enrichment from {enrichment.source}"
    if missing:
        place = "its curated table" if enrichment.dataset else "the file"
        raise ExpressionError(f"{what} needs column(s) {', '.join(missing)}; {place} has {', '.join(table.columns)}")
    return table.select(
        F.lit(True).alias(_FOUND),
        *(F.col(name).alias(_key(position)) for position, name in enumerate(enrichment.keys.values())),
        *(_moment(table, name, what).alias(alias) for name, alias in zip(versions, (_FROM, _TO), strict=False)),
        *(F.col(n).alias(o) for n, o in zip(enrichment.columns, enrichment.output_columns(), strict=True)),
    )


def _key(position: int) -> str:
    return f"_key_{position}"


def _moment(frame: DataFrame, name: str, what: str) -> SparkColumn:
    """A date or timestamp as a timestamp; a date is its midnight, so that both compare by what they mean."""
    found = frame.schema[name].dataType if name in frame.columns else None
    if not isinstance(found, DateType | TimestampType):
        kind = f"is {found.simpleString()}" if found else "is no column"
        raise ExpressionError(f"{what}: {name!r} {kind}; an as-of join needs a date or timestamp")
    return F.col(name).cast("timestamp")


def _with_outcome(joined: DataFrame, enrichment: Enrichment) -> DataFrame:
    missed = F.col(_FOUND).isNull()
    earlier = F.col(UNMATCHED) if UNMATCHED in joined.columns else F.array().cast("array<string>")
    outcome = {UNMATCHED: F.when(missed, F.concat(earlier, F.array(F.lit(enrichment.source)))).otherwise(earlier)}
    if enrichment.refuses_unmatched:
        reason = F.when(missed, f"{', '.join(enrichment.keys)}: no match in {enrichment.source}")
        outcome[REASON] = F.coalesce(F.col(REASON), reason) if REASON in joined.columns else reason
    for name, column in outcome.items():
        joined = joined.withColumn(name, column)
    return joined


def check_comparable(ours: DataFrame, table: DataFrame, enrichment: Enrichment, dataset: str) -> None:
    """Keys compare by value: of the same type, or numbers without fractions of a float.

    Spark would compare ``'007'`` with ``7`` as numbers, and let two rows of a reference match one of ours.

    Args:
        ours: has this dataset's key columns.
        table: has the reference's.
        enrichment: which is compared with which.
        dataset: named in errors.

    Raises:
        ExpressionError: naming the columns and their types.
    """
    for left, right in enrichment.keys.items():
        mine, theirs = ours.schema[left].dataType, table.schema[right].dataType
        if mine == theirs or _as_numbers(mine, theirs):
            continue
        kind = theirs.simpleString()
        hint = "the contracts" if enrichment.dataset else "the contract (types, of this enrichment)"
        raise ExpressionError(
            f"{dataset}: enrichment from {enrichment.source}: {left} is {mine.simpleString()} and {right} there is "
            f"{kind}, which can't be compared safely; give both the same type in {hint}"
        )


def _as_numbers(*kinds: DataType) -> bool:
    """Whether the types are numbers that one decimal type can hold exactly."""
    whole, scales = [], []
    for kind in kinds:
        if isinstance(kind, DecimalType):
            whole.append(kind.precision - kind.scale)
            scales.append(kind.scale)
        elif type(kind) in _DIGITS:
            whole.append(_DIGITS[type(kind)])
            scales.append(0)
        else:
            return False
    return max(whole) + max(scales) <= _MAX_DIGITS


def check_reference(table: DataFrame, enrichment: Enrichment, dataset: str, example: bool = False) -> None:
    """Look whether a reference has several rows for a key (with ``as_of``: versions that overlap). Runs a Spark job.

    Args:
        table: the reference.
        enrichment: its key columns.
        dataset: named in errors.
        example: whether a key may be shown; not where a contract knows of personal data in it.

    Raises:
        ExpressionError: naming the columns and how many keys.
    """
    keys = list(enrichment.keys.values())
    known = table.dropna(subset=keys)
    doubled = _overlapping(known, enrichment, dataset) if enrichment.as_of else _repeated(known, keys)
    shown = F.first(F.to_json(F.struct(*keys))) if example else F.lit(None)
    found = doubled.agg(F.count(F.lit(1)).alias("keys"), shown.alias("example")).first()
    if not found or not found["keys"]:
        return
    shown_key = f", such as {found['example']}" if example else ""
    problem = "versions that overlap" if enrichment.as_of else "several rows"
    raise ExpressionError(
        f"{dataset}: enrichment from {enrichment.source}: {found['keys']} key(s) of {', '.join(keys)} have {problem}"
        f"{shown_key}; a reference must have one row for a key{' and time' if enrichment.as_of else ''}"
    )


def _repeated(known: DataFrame, keys: Sequence[str]) -> DataFrame:
    return known.groupBy(*keys).agg(F.count(F.lit(1)).alias(_FOUND)).where(F.col(_FOUND) > 1)


def _overlapping(known: DataFrame, enrichment: Enrichment, dataset: str) -> DataFrame:
    """The keys with a version that begins before an earlier one has ended."""
    side = _reference_side(enrichment, known, dataset)
    keys = [_key(position) for position in range(len(enrichment.keys))]
    # A version that ends where it begins, or earlier, holds at no time.
    held = side.where(F.col(_FROM).isNull() | F.col(_TO).isNull() | (F.col(_FROM) < F.col(_TO)))
    before = (
        Window.partitionBy(*keys).orderBy(F.col(_FROM).asc_nulls_first()).rowsBetween(Window.unboundedPreceding, -1)
    )
    judged = held.select(
        *keys,
        _FROM,
        F.count(F.lit(1)).over(before).alias("_earlier"),
        F.count(_TO).over(before).alias("_ended"),
        F.max(_TO).over(before).alias("_last_end"),
    )
    open_end = F.col("_earlier") > F.col("_ended")
    unordered = F.col(_FROM).isNull() | (F.col(_FROM) < F.col("_last_end"))
    overlaps = judged.where((F.col("_earlier") > 0) & (open_end | unordered))
    names = [F.col(key).alias(name) for key, name in zip(keys, enrichment.keys.values(), strict=True)]
    return overlaps.select(*keys).distinct().select(*names)
