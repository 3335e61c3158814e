"""Replacing: what one batch or one date put into a curated table gives way to what it puts there now."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DateType

from etl.names import BATCH, EVENT_DATE


def replace_batch(rows: DataFrame, table: str, batch_id: str) -> None:
    """Put a keyless batch into a table in one commit, in place of what the same batch put there before."""
    rows.writeTo(table).overwrite(F.col(BATCH) == batch_id)


def replace_dates(rows: DataFrame, table: str, dates: Sequence[str]) -> None:
    """Replace whole event dates of an aggregate table in one commit.

    Args:
        rows: all rows of these dates; a date without rows is emptied.
        table: full name; partitioned by ``event_date``.
        dates: ISO dates.
    """
    rows.writeTo(table).overwrite(F.col(EVENT_DATE).isin([F.lit(d).cast(DateType()) for d in dates]))
