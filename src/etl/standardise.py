"""Standardise: text columns become the contract's typed columns, and rows that can't are set apart.

A standardised frame has: the contract's columns in its order, then columns the contract doesn't know
(``schema_mode: evolve``, as text), ``_rescued_data string`` (JSON of column -> original text that did not fit,
or null), ``_source_file string``, ``_batch_id string``, ``_ingested_at timestamp``, ``year``, ``month``,
``day`` (text, zero-padded), ``_reject_reason string`` (null for rows that are accepted) and ``_record string``
(JSON of the row as it came; evaluated only for rows that are kept apart).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import reduce

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from etl.contract_checks import RESERVED
from etl.contracts import Column, Contract
from etl.names import BATCH, CORRUPT, INGESTED_AT, PARTITIONS, REASON, RECORD, RESCUED, SOURCE_FILE
from etl.typing_sql import sql_string, typed_sql
from utils.spark_versions import parsed_sql

DUPLICATE_REASON = "a later row of the batch has the same key"
_KEY_DATE = r"/(\d{4}/\d{2}/\d{2})/[^/]*$"
_TEXT = "_text_"


def unknown_columns(columns: Sequence[str], contract: Contract) -> list[str]:
    """Columns of a source that the contract has neither by name nor by alias.

    Args:
        columns: standard names, as a reader gives them.
        contract: the dataset's contract.
    """
    known = {name for column in contract.columns for name in (column.name, *column.aliases)}
    return [name for name in columns if name not in known and name not in (CORRUPT, SOURCE_FILE)]


def standardise(raw: DataFrame, contract: Contract, batch_id: str, ingested_at: datetime) -> DataFrame:
    """Type, name and judge every row of a batch.

    Args:
        raw: a reader's frame (text columns, ``_corrupt_record``, ``_source_file``).
        contract: the dataset's contract; its column list must not be empty.
        batch_id: the batch that reads the rows.
        ingested_at: when, in UTC.

    Returns:
        A standardised frame (see the module's text), with accepted and refused rows together.
    """
    extra = unknown_columns(raw.columns, contract)
    rescue_extra = extra if contract.schema_mode == "rescue" else []
    kept_extra = [] if rescue_extra else _free_names(extra, raw.columns)
    frame = _with_texts(raw, contract)
    values = [F.expr(typed_sql(_text_name(column), column)).alias(column.name) for column in contract.columns]
    texts = [_text_name(column) for column in contract.columns]
    kept = [F.col(name).alias(free) for name, free in zip(extra, kept_extra, strict=False)]
    frame = frame.select(*values, *texts, *kept, *_renamed(rescue_extra), RECORD, CORRUPT, SOURCE_FILE)
    return _with_partitions(
        _mark_duplicates(
            frame.select(
                *(column.name for column in contract.columns),
                *kept_extra,
                _rescued_json(contract, rescue_extra).alias(RESCUED),
                SOURCE_FILE,
                F.lit(batch_id).alias(BATCH),
                F.lit(ingested_at.strftime("%Y-%m-%d %H:%M:%S.%f")).cast("timestamp").alias(INGESTED_AT),
                _reject_reason(contract).alias(REASON),
                RECORD,
            ),
            contract,
        ),
        contract,
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


def _free_names(extra: Sequence[str], present: Sequence[str]) -> list[str]:
    return [free_name(name, [other for other in present if other != name]) for name in extra]


def _text_name(column: Column) -> str:
    return f"{_TEXT}{column.name}"


def _renamed(names: Sequence[str]) -> list[SparkColumn]:
    return [F.col(name).alias(f"{_TEXT}{name}") for name in names]


def _with_texts(raw: DataFrame, contract: Contract) -> DataFrame:
    """The raw frame with each contract column's text, whichever of its names the source has, and the record."""
    source_columns = [name for name in raw.columns if name not in (CORRUPT, SOURCE_FILE)]
    record = F.coalesce(F.col(CORRUPT), F.to_json(F.struct(*source_columns))).alias(RECORD)
    return raw.select("*", *(_source_text(raw.columns, column) for column in contract.columns), record)


def _source_text(present: Sequence[str], column: Column) -> SparkColumn:
    """A column's text; blank text of a typed column is no value."""
    texts = [F.col(name) for name in (column.name, *column.aliases) if name in present]
    if column.type != "string":
        texts = [F.when(F.trim(text) != "", F.trim(text)) for text in texts]
    text = F.coalesce(*texts) if texts else F.lit(None).cast("string")
    return text.alias(_text_name(column))


def _does_not_fit(column: Column) -> SparkColumn:
    return F.col(_text_name(column)).isNotNull() & F.col(column.name).isNull()


def _rescued_json(contract: Contract, extra: Sequence[str]) -> SparkColumn:
    """JSON of what did not fit (and of unknown columns in mode rescue); null when everything did."""
    misfits = {c.name: _does_not_fit(c) for c in contract.columns if c.type != "string"}
    misfits |= {name: F.col(f"{_TEXT}{name}").isNotNull() for name in extra}
    if not misfits:
        return F.lit(None).cast("string")
    anything = reduce(lambda left, right: left | right, misfits.values())
    # to_json leaves nulls out, so only what did not fit is kept.
    texts = [F.when(misfit, F.col(f"{_TEXT}{name}")).alias(name) for name, misfit in misfits.items()]
    return F.when(anything, F.to_json(F.struct(*texts)))


def _reject_reason(contract: Contract) -> SparkColumn:
    """The first reason for which a row is refused, or null."""
    reasons = [F.when(F.col(CORRUPT).isNotNull(), "the row does not parse")]
    for column in contract.columns:
        misfit = F.when(_does_not_fit(column), f"{column.name}: not a {column.type}")
        if column.on_bad_value == "reject" or column.required:
            reasons.append(misfit)
        if column.required:
            missing = F.col(column.name).isNull()
            if column.type == "string":
                missing = missing | (F.trim(column.name) == "")
            reasons.append(F.when(missing, f"{column.name}: required value is missing"))
    return F.coalesce(*reasons)


def _mark_duplicates(frame: DataFrame, contract: Contract) -> DataFrame:
    """Rows whose key comes again later in the batch are refused; the latest by ``order_by`` stays."""
    if not contract.key:
        return frame
    latest = [F.col(name).desc_nulls_last() for name in contract.order_by]
    # Ties are broken by what does not change between two readings of the same files.
    content = F.xxhash64(*(name for name in frame.columns if name not in (RECORD, REASON)))
    order = [F.col(REASON).isNotNull(), *latest, F.col(SOURCE_FILE).desc(), content.desc()]
    rank = F.row_number().over(Window.partitionBy(*contract.key).orderBy(*order))
    superseded = F.col(REASON).isNull() & (F.col("_rank") > 1)
    reason = F.when(superseded, DUPLICATE_REASON).otherwise(F.col(REASON))
    return frame.withColumn("_rank", rank).withColumn(REASON, reason).drop("_rank")


def _with_partitions(frame: DataFrame, contract: Contract) -> DataFrame:
    """year/month/day of the event, else of the date in the object's key, else of arrival."""
    in_key = F.expr(parsed_sql(f"regexp_extract({SOURCE_FILE}, {sql_string(_KEY_DATE)}, 1)", "'yyyy/MM/dd'", "date"))
    event = F.to_date(contract.event_time) if contract.event_time else F.lit(None).cast("date")
    date = F.coalesce(event, in_key, F.to_date(INGESTED_AT))
    patterns = zip(PARTITIONS, ("yyyy", "MM", "dd"), strict=True)
    return frame.select("*", *(F.date_format(date, pattern).alias(name) for name, pattern in patterns))
