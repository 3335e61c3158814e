"""Standardise: text columns become the contract's typed columns, and rows that can't are told apart.

A standardised frame has: the contract's columns in its order, then columns the contract doesn't know
(``schema_mode: evolve``, as text), ``_rescued_data string`` (JSON of column -> original text that did not fit,
or null), ``_source_file string``, ``_date date`` (the day that the row belongs to), ``_late boolean`` (its event
came later than the contract expects), and ``_refusal``, null for rows that are accepted, else a struct of texts:
``reason``, ``record`` (JSON of the row as it came, or the line that doesn't parse) and ``position`` (its place in the
file, or null where the reader doesn't know it).

All of it is two projections, because every further one copies all values of every row. The first makes the values and
looks quickly whether anything may be wrong with the row; what, is worked out for those few rows only.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from etl.contracts import Column, Contract
from etl.contracts.checks import RESERVED
from etl.names import CORRUPT, DATE, LATE, OF_READERS, POSITION, REFUSAL, RESCUED, SOURCE_FILE
from etl.typing_sql import sql_string, value_sql
from utils.spark_versions import parsed_sql

UNPARSED = "the row does not parse"
# With more columns, values are made in a projection of their own: naming a value costs copying rows, repeating its
# expression costs planning time, which grows faster than the number of columns.
_WIDE = 200
_KEY_DATE = r"/(\d{4}/\d{2}/\d{2})/[^/]*$"
# Names that no source can have: standard names start with a letter.
_TEXT, _JOINED, _JUDGED = "_text_", "_joined_", "_judged"


def unknown_columns(columns: Sequence[str], contract: Contract) -> list[str]:
    """Columns of a source that the contract has neither by name nor by alias.

    Args:
        columns: standard names, as a reader gives them.
        contract: the dataset's contract.
    """
    known = {name for column in contract.columns for name in (column.name, *column.aliases)}
    return [name for name in columns if name not in known and name not in OF_READERS]


def unknown_reason(names: Sequence[str]) -> str:
    """Why a file or a record with these columns is refused where the contract's columns are all there may be."""
    return f"columns that the contract doesn't know: {', '.join(names)} (schema_mode: freeze)"


def kept_columns(columns: Sequence[str], contract: Contract) -> dict[str, str]:
    """Columns beyond the contract -> the names under which they are kept; none when they are rescued or refused.

    Args:
        columns: standard names, as a reader gives them.
        contract: the dataset's contract.
    """
    if contract.schema_mode != "evolve":
        return {}
    unknown = unknown_columns(columns, contract)
    taken = {*columns, *(column.name for column in contract.columns)}
    return {name: free_name(name, taken - {name}) for name in unknown}


def standardise(raw: DataFrame, contract: Contract, arrived: datetime) -> DataFrame:
    """Type, name and judge every row of a batch.

    Args:
        raw: a reader's frame (text columns, ``_corrupt_record``, ``_source_file``, perhaps ``_position``).
        contract: the dataset's contract; its column list must not be empty.
        arrived: when the batch was planned, in UTC.

    Returns:
        A standardised frame (see the module's text), with accepted and refused rows together.
    """
    kept = kept_columns(raw.columns, contract)
    cells = [_Cell.of(column, raw.columns) for column in contract.columns]
    frame = _with_texts(raw, contract)
    if len(cells) > _WIDE:
        frame = frame.select(*(cell.value.alias(cell.column.name) for cell in cells), *frame.columns)
        cells = [replace(cell, value=F.col(cell.column.name)) for cell in cells]
    judged = frame.select(
        *(cell.value.alias(cell.column.name) for cell in cells),
        *(F.col(_TEXT + name).alias(free) for name, free in kept.items()),
        SOURCE_FILE,
        _judgement(cells, raw.columns, contract).alias(_JUDGED),
    )
    return judged.select(
        *(cell.column.name for cell in cells),
        *kept.values(),
        F.col(_JUDGED)["rescued"].alias(RESCUED),
        SOURCE_FILE,
        _date(contract, arrived).alias(DATE),
        _is_late(contract, arrived).alias(LATE),
        F.col(_JUDGED)["refusal"].alias(REFUSAL),
    )


def free_name(name: str, taken: Collection[str]) -> str:
    """The name under which a source's column is kept: its own, or ``source_year`` for one named like the pipeline's.

    Args:
        name: standard name.
        taken: names that other columns of the source or the contract have.
    """
    while name in RESERVED or name in taken:
        name = f"source_{name}"
    return name


def _sources(present: Sequence[str]) -> list[str]:
    return [name for name in present if name not in OF_READERS]


def _spellings(present: Sequence[str], column: Column) -> list[str]:
    """The names under which a source has a column: its own, and aliases."""
    return [name for name in (column.name, *column.aliases) if name in present]


def _with_texts(raw: DataFrame, contract: Contract) -> DataFrame:
    """The source's texts under names that are nobody else's, and one text for a column that has several names."""
    sources = [F.col(name).alias(_TEXT + name) for name in _sources(raw.columns)]
    joined = [
        F.coalesce(*(F.when(F.trim(name) != "", F.col(name)) for name in spellings)).alias(_JOINED + column.name)
        for column in contract.columns
        if len(spellings := _spellings(raw.columns, column)) > 1
    ]
    present = [F.col(name) if name in raw.columns else F.lit(None).cast("string").alias(name) for name in OF_READERS]
    return raw.select(*sources, *joined, *present)


@dataclass(frozen=True)
class _Cell:
    """A column of the contract in one row.

    Attributes:
        column: of the contract.
        value: typed, null where the text does not fit.
        text: as it came; None for a column that the source lacks.
    """

    column: Column
    value: SparkColumn
    text: SparkColumn | None

    @classmethod
    def of(cls, column: Column, present: Sequence[str]) -> _Cell:
        spellings = _spellings(present, column)
        if not spellings:
            return cls(column, F.lit(None).cast(column.spark_type), None)
        name = _TEXT + spellings[0] if len(spellings) == 1 else _JOINED + column.name
        return cls(column, F.expr(value_sql(name, column)), F.col(name))

    def may_be_wrong(self) -> SparkColumn:
        """True for every cell with something to say of it, and for some that are right: this is for speed only."""
        if self.text is None:
            return F.lit(self.column.required)
        if not self.column.required:
            return F.lit(False) if self._is_text else self.value.isNull() & self.text.isNotNull()
        # Only a text that begins with a space, or is empty, needs the closer look.
        blank = (F.ascii(self.text) <= F.lit(32)) & (F.trim(self.text) == "")
        return self.value.isNull() | blank if self._is_text else self.value.isNull()

    def does_not_fit(self) -> SparkColumn:
        """There is a text and no value; blank text is no value for any type but text."""
        if self.text is None:
            return F.lit(False)
        return self.value.isNull() & self.text.isNotNull() & (F.trim(self.text) != "")

    def is_missing(self) -> SparkColumn:
        """There is no value, or a blank text."""
        return self.value.isNull() | (F.trim(self.value) == "") if self._is_text else self.value.isNull()

    @property
    def _is_text(self) -> bool:
        return self.column.type == "string"


def _judgement(cells: Sequence[_Cell], present: Sequence[str], contract: Contract) -> SparkColumn:
    """What is wrong with a row, as a struct of ``rescued`` and ``refusal``; null for most rows.

    The lambda keeps the exact look out of the compiled code, which with two thousand columns would get too long to run.
    """
    unknown = unknown_columns(present, contract)
    rescued = unknown if contract.schema_mode == "rescue" else []
    # Files with such columns are refused as a whole; records of a stream are not read by the file.
    frozen = unknown if contract.schema_mode == "freeze" else []
    doubts = [F.col(CORRUPT).isNotNull(), *(cell.may_be_wrong() for cell in cells)]
    doubts += [F.col(_TEXT + name).isNotNull() for name in (*rescued, *frozen)]
    record = F.coalesce(F.col(CORRUPT), _as_json(_sources(present)))
    reason = _reject_reason(cells, frozen)
    refusal = F.when(
        reason.isNotNull(),
        F.struct(reason.alias("reason"), record.alias("record"), F.col(POSITION).alias("position")),
    )
    exact = F.struct(_rescued_json(cells, rescued).alias("rescued"), refusal.alias("refusal"))
    return F.when(_any(doubts), F.transform(F.array(F.lit(0)), lambda _: exact)[0])


def _any(conditions: Sequence[SparkColumn]) -> SparkColumn:
    """True when one of the conditions is; as a tree of little depth, since Spark walks it recursively."""
    if len(conditions) == 1:
        return conditions[0]
    middle = len(conditions) // 2
    return _any(conditions[:middle]) | _any(conditions[middle:])


def _as_json(sources: Sequence[str]) -> SparkColumn:
    """JSON of name -> text, without nulls."""
    return F.to_json(F.struct(*(F.col(_TEXT + name).alias(name) for name in sources)))


def _rescued_json(cells: Sequence[_Cell], extra: Sequence[str]) -> SparkColumn:
    """JSON of what did not fit (and of unknown columns in mode rescue); null when everything did."""
    texts = {
        cell.column.name: F.when(cell.does_not_fit(), cell.text)
        for cell in cells
        if cell.text is not None and cell.column.type != "string"
    }
    texts |= {name: F.col(_TEXT + name) for name in extra}
    if not texts:
        return F.lit(None).cast("string")
    # to_json leaves nulls out, so only what did not fit is kept.
    kept = F.to_json(F.struct(*(text.alias(name) for name, text in texts.items())))
    return F.when(kept != "{}", kept)


def _reject_reason(cells: Sequence[_Cell], frozen: Sequence[str]) -> SparkColumn:
    """The first reason for which a row is refused, or null."""
    reasons = [F.when(F.col(CORRUPT).isNotNull(), UNPARSED)]
    reasons += [F.when(F.col(_TEXT + name).isNotNull(), unknown_reason([name])) for name in frozen]
    for cell in cells:
        column = cell.column
        if (column.required or column.on_bad_value == "reject") and column.type != "string":
            reasons.append(F.when(cell.does_not_fit(), f"{column.name}: not a {column.type}"))
        if column.required:
            reasons.append(F.when(cell.is_missing(), f"{column.name}: required value is missing"))
    return F.coalesce(*reasons)


def _date(contract: Contract, arrived: datetime) -> SparkColumn:
    """The day of the event, else the date in the object's key, else that of arrival."""
    in_key = F.expr(parsed_sql(f"regexp_extract({SOURCE_FILE}, {sql_string(_KEY_DATE)}, 1)", "'yyyy/MM/dd'", "date"))
    event = [F.to_date(contract.event_time)] if contract.event_time else []
    return F.coalesce(*event, in_key, F.lit(arrived.date()))


def _is_late(contract: Contract, arrived: datetime) -> SparkColumn:
    """Whether the event is more days before arrival than the contract expects."""
    if contract.late_after_days is None or not contract.event_time:
        return F.lit(False)
    return F.coalesce(F.datediff(F.lit(arrived.date()), F.to_date(contract.event_time)), F.lit(0)) > F.lit(
        contract.late_after_days
    )
