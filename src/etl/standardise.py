"""Standardise: text columns become the contract's typed columns, and rows that can't are told apart.

A standardised frame has: the contract's columns in its order, then columns the contract doesn't know
(``schema_mode: evolve``, as text), ``_rescued_data string`` (JSON of column -> original text that did not fit,
or null), ``_source_file string``, ``_date date`` (the day that the row belongs to), ``_late boolean`` (its event
came later than the contract expects), ``_reject_reason string`` (null for rows that are accepted) and, null for
these, ``_record string`` (JSON of the row as it came, or the line that doesn't parse) and ``_position string`` (its
place in the file, where the reader knows it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import reduce
from operator import or_

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from etl.contract_checks import RESERVED
from etl.contracts import Column, Contract
from etl.names import CORRUPT, DATE, LATE, OF_READERS, POSITION, REASON, RECORD, RESCUED, SOURCE_FILE
from etl.typing_sql import sql_string, value_sql
from utils.spark_versions import parsed_sql

_KEY_DATE = r"/(\d{4}/\d{2}/\d{2})/[^/]*$"
# Names that no source can have: standard names start with a letter.
_TEXT, _JOINED = "_text_", "_joined_"


def unknown_columns(columns: Sequence[str], contract: Contract) -> list[str]:
    """Columns of a source that the contract has neither by name nor by alias.

    Args:
        columns: standard names, as a reader gives them.
        contract: the dataset's contract.
    """
    known = {name for column in contract.columns for name in (column.name, *column.aliases)}
    return [name for name in columns if name not in known and name not in OF_READERS]


def kept_columns(columns: Sequence[str], contract: Contract) -> dict[str, str]:
    """Columns beyond the contract -> the names under which they are kept; none when they are rescued.

    Args:
        columns: standard names, as a reader gives them.
        contract: the dataset's contract.
    """
    if contract.schema_mode == "rescue":
        return {}
    unknown = unknown_columns(columns, contract)
    return {name: free_name(name, [other for other in columns if other != name]) for name in unknown}


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
    rescued = [name for name in unknown_columns(raw.columns, contract) if name not in kept]
    texts = _text_columns(raw.columns, contract)
    names = [column.name for column in contract.columns]
    values = [_value(column, texts.get(column.name)).alias(column.name) for column in contract.columns]
    frame = _with_texts(raw, contract)
    typed = frame.select(*values, *(F.col(_TEXT + name).alias(free) for name, free in kept.items()), *frame.columns)
    judged = typed.select(
        *names,
        *kept.values(),
        _rescued_json(contract, texts, rescued).alias(RESCUED),
        _reject_reason(contract, texts).alias(REASON),
        *frame.columns,
    )
    refused = F.col(REASON).isNotNull()
    return judged.select(
        *names,
        *kept.values(),
        RESCUED,
        SOURCE_FILE,
        _date(contract, arrived).alias(DATE),
        _is_late(contract, arrived).alias(LATE),
        REASON,
        _rarely(refused, F.coalesce(F.col(CORRUPT), _as_json(_sources(raw.columns)))).alias(RECORD),
        F.when(refused, F.col(POSITION)).alias(POSITION),
    )


def free_name(name: str, taken: Sequence[str]) -> str:
    """The name under which a source's column is kept: its own, or ``source_year`` for one named like the pipeline's.

    Args:
        name: standard name.
        taken: names that other columns of the source have.
    """
    while name in RESERVED or name in taken:
        name = f"source_{name}"
    return name


def _sources(present: Sequence[str]) -> list[str]:
    return [name for name in present if name not in OF_READERS]


def _spellings(present: Sequence[str], column: Column) -> list[str]:
    """The names under which a source has a column: its own, and aliases."""
    return [name for name in (column.name, *column.aliases) if name in present]


def _text_columns(present: Sequence[str], contract: Contract) -> dict[str, str]:
    """Contract column -> the column of :func:`_with_texts` that has its text; without those no source has."""
    spelled = {column.name: _spellings(present, column) for column in contract.columns}
    return {
        name: _TEXT + spellings[0] if len(spellings) == 1 else _JOINED + name
        for name, spellings in spelled.items()
        if spellings
    }


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


def _value(column: Column, text: str | None) -> SparkColumn:
    return F.lit(None).cast(column.spark_type) if text is None else F.expr(value_sql(text, column))


def _rarely(condition: SparkColumn, value: SparkColumn) -> SparkColumn:
    """A value for the few rows that meet a condition, else null.

    The lambda keeps it out of the stage's compiled code: with two thousand columns that would get too long to run.
    """
    return F.when(condition, F.transform(F.array(F.lit(0)), lambda _: value)[0])


def _does_not_fit(column: Column, text: str) -> SparkColumn:
    """There is a text and no value; blank text is no value for any type but text."""
    return F.col(column.name).isNull() & F.col(text).isNotNull() & (F.trim(text) != "")


def _as_json(sources: Sequence[str]) -> SparkColumn:
    """JSON of name -> text, without nulls."""
    return F.to_json(F.struct(*(F.col(_TEXT + name).alias(name) for name in sources)))


def _rescued_json(contract: Contract, texts: Mapping[str, str], extra: Sequence[str]) -> SparkColumn:
    """JSON of what did not fit (and of unknown columns in mode rescue); null when everything did."""
    typed = [column for column in contract.columns if column.type != "string" and column.name in texts]
    misfits = {column.name: (_does_not_fit(column, texts[column.name]), texts[column.name]) for column in typed}
    misfits |= {name: (F.col(_TEXT + name).isNotNull(), _TEXT + name) for name in extra}
    if not misfits:
        return F.lit(None).cast("string")
    anything = reduce(or_, (misfit for misfit, _ in misfits.values()))
    # to_json leaves nulls out, so only what did not fit is kept.
    kept = [F.when(misfit, F.col(text)).alias(name) for name, (misfit, text) in misfits.items()]
    return _rarely(anything, F.to_json(F.struct(*kept)))


def _reject_reason(contract: Contract, texts: Mapping[str, str]) -> SparkColumn:
    """The first reason for which a row is refused, or null."""
    reasons: list[tuple[SparkColumn, str]] = [(F.col(CORRUPT).isNotNull(), "the row does not parse")]
    for column in contract.columns:
        strict = column.on_bad_value == "reject" or column.required
        if strict and column.type != "string" and column.name in texts:
            reasons.append((_does_not_fit(column, texts[column.name]), f"{column.name}: not a {column.type}"))
        if column.required:
            missing = F.col(column.name).isNull()
            if column.type == "string":
                missing = missing | (F.trim(column.name) == "")
            reasons.append((missing, f"{column.name}: required value is missing"))
    anything = reduce(or_, (condition for condition, _ in reasons))
    return _rarely(anything, F.coalesce(*(F.when(condition, reason) for condition, reason in reasons)))


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
