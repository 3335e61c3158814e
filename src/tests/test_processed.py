"""The processed layer: a batch is written by day in one pass, with its refused rows set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timezone
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from etl.processed import REFUSED_FOLDER, RowCounts, read_batch, refused_rows, write_batch

AT = datetime(2024, 3, 1, 12, 30, tzinfo=timezone.utc)
STANDARDISED = "id string, on date, _rescued_data string, _source_file string, _date date, _late boolean, \
_refusal struct<reason:string,record:string,position:string>"
Standardised = Callable[..., DataFrame]


@pytest.fixture
def standardised(frame: Any) -> Standardised:
    """A factory of standardised rows of (id, reason)."""

    def make(*rows: tuple[str, str | None], day: date = date(2024, 1, 5), late: bool = False) -> DataFrame:
        judged = [(reason, f"<{key}>", "row 7") if reason else None for key, reason in rows]
        given = zip(rows, judged, strict=True)
        return frame(
            STANDARDISED,
            *((key, date(1, 1, 1), '{"q": "x"}', "s3://raw/a.csv", day, late, of) for (key, _), of in given),
        )

    return make


@pytest.fixture
def folder(lake: Any) -> str:
    """The folder of a batch."""
    return f"s3://{lake.bucket('processed')}/orders/batch_id=b1/"


def test_a_batch_is_written_by_day_and_its_rows_are_counted(
    standardised: Standardised, folder: str, lake: Any, spark: SparkSession
) -> None:
    rows = standardised(("a", None), ("a", None), late=True).union(standardised(("b", "bad")))
    assert write_batch(rows, folder, "b1", AT) == RowCounts(read=3, written=2, refused=1, late=2)
    files = list((lake.folder("processed") / "orders/batch_id=b1/year=2024/month=01/day=05").glob("*.snappy.parquet"))
    assert len(files) == 1
    found = read_batch(spark, folder).where("year = '2024'").collect()
    assert [(row["id"], row["_batch_id"], row["_rescued_data"]) for row in found] == [("a", "b1", '{"q": "x"}')] * 2
    assert {row["_ingested_at"] for row in found} == {datetime(2024, 3, 1, 12, 30)}


def test_refused_rows_are_set_aside_with_reason_record_and_position(
    standardised: Standardised, folder: str, lake: Any, spark: SparkSession
) -> None:
    rows = standardised(("a", "bad"), ("b", "worse"), ("b", "worse"), ("c", None))
    write_batch(rows, folder, "b1", AT)
    found = Counter(tuple(row) for row in refused_rows(spark, folder).collect())
    place = ("s3://raw/a.csv", "row 7")
    assert found == {("bad", *place, "<a>", "b1"): 1, ("worse", *place, "<b>", "b1"): 2}
    assert [path.name for path in (lake.folder("processed") / "orders/batch_id=b1").glob("year=*")] != []
    assert (lake.folder("processed") / "orders/batch_id=b1" / REFUSED_FOLDER).is_dir()


def test_writing_a_batch_again_replaces_what_an_earlier_try_left(
    standardised: Standardised, folder: str, spark: SparkSession
) -> None:
    write_batch(standardised(("a", None), ("b", "bad")), folder, "b1", AT)
    write_batch(standardised(("c", None)), folder, "b1", AT)
    assert [row["id"] for row in read_batch(spark, folder).collect()] == ["c"]


def test_a_batch_without_rows_counts_none(standardised: Standardised, folder: str) -> None:
    assert write_batch(standardised(("a", None)).where("false"), folder, "b1", AT) == RowCounts(0, 0, 0)


def test_days_before_the_gregorian_calendar_are_written_as_they_are(
    standardised: Standardised, folder: str, spark: SparkSession
) -> None:
    write_batch(standardised(("a", None), day=date(1, 1, 1)), folder, "b1", AT)
    [row] = read_batch(spark, folder).collect()
    assert (row["on"], row["year"], row["month"]) == (date(1, 1, 1), "0001", "01")
