"""Replacing: what one batch or one date put into a curated table gives way to what it puts there now."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DateType

from etl.curated.schema import aligned
from etl.names import BATCH, EVENT_DATE


def replace_batch(rows: DataFrame, table: str, batch_id: str) -> None:
    """Put a keyless batch into a table in one commit, in place of what the same batch put there before."""
    fitting(rows, table).writeTo(table).overwrite(F.col(BATCH) == batch_id)


def replace_dates(rows: DataFrame, table: str, dates: Sequence[str]) -> None:
    """Replace whole event dates of an aggregate table in one commit.

    Args:
        rows: all rows of these dates; a date without rows is emptied.
        table: full name; partitioned by ``event_date``.
        dates: ISO dates.
    """
    fitting(rows, table).writeTo(table).overwrite(of_dates(dates))


def of_dates(dates: Sequence[str]) -> SparkColumn:
    """Whether a row's event date is one of these.

    Args:
        dates: ISO dates.
    """
    return F.col(EVENT_DATE).isin([F.lit(date).cast(DateType()) for date in dates])


def put_first(rows: DataFrame, table: str) -> None:
    """Put rows into a table that nothing was ever put in, in one commit.

    It fails where anything was put in meanwhile: a paused run that wakes up can't double or undo what others did.

    Args:
        rows: with the table's columns.
        table: full name, of a table without a snapshot, or of a branch that began so.
    """
    # Serializable, and no snapshot to start from: every file that was ever added is a conflict.
    rows.writeTo(table).option("isolation-level", "serializable").overwrite(F.lit(True))


def fitting(rows: DataFrame, table: str) -> DataFrame:
    """The rows with a table's columns, in its types."""
    return aligned(rows, rows.sparkSession.table(table).schema)
