"""Duplicates in a batch: the latest row of each key stays, the others are set aside, and no row is lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import Row, SparkSession

from etl.contracts import Column, Contract
from etl.duplicates import DUPLICATE_REASON, set_duplicates_apart
from etl.processed import REFUSED, read_batch, refused_rows, write_batch
from etl.standardise import standardise
from utils.glue_utils import Storage

AT = datetime(2024, 3, 1, tzinfo=timezone.utc)
FILE = "s3://raw/data/incoming/orders/2024/01/15/a.csv"
KEYED = Contract(
    "orders",
    (
        Column("id", required=True),
        Column("quantity", "int"),
        Column("changed", "timestamp"),
        Column("tags", "array<int>"),
    ),
    key=("id",),
    event_time="changed",
    order_by=("changed",),
)
Outcome = tuple[list[Row], list[Row]]
Batch = Callable[..., Outcome]


@pytest.fixture
def batch(spark: SparkSession, storage: Storage, lake: Any) -> Batch:
    """A factory: the accepted and the refused rows of a batch of (id, quantity, changed[, tags[, file]])."""
    folder = f"s3://{lake.bucket('processed')}/orders/batch_id=b1/"
    schema = "id string, quantity string, changed string, tags string, _source_file string, _corrupt_record string"

    def make(*rows: tuple[Any, ...], tasks: int = 1) -> Outcome:
        complete = [(*row, *(None, FILE, None)[len(row) - 3 :]) for row in rows]
        frame = spark.createDataFrame(complete, schema).repartition(tasks)
        counts = write_batch(standardise(frame, KEYED, AT), folder, "b1", AT)
        duplicates = set_duplicates_apart(spark, storage, folder, KEYED)
        found = read_batch(spark, folder)
        accepted = found.where(f"year <> '{REFUSED}'").collect()
        refused = refused_rows(spark, folder).collect() if counts.refused + duplicates else []
        assert (len(accepted), len(refused)) == (counts.written - duplicates, counts.refused + duplicates)
        return accepted, refused

    return make


def test_of_rows_with_one_key_the_latest_is_kept_and_the_others_are_refused(batch: Batch) -> None:
    times = ("2024-01-02", "2024-01-03", "2024-01-01", None)
    accepted, refused = batch(*(("1", "5", time) for time in times), ("2", "5", None))
    found = {(row["id"], row["changed"]) for row in accepted}
    assert found == {("1", datetime(2024, 1, 3)), ("2", None)}
    assert Counter(row["reason"] for row in refused) == {DUPLICATE_REASON: 3}


def test_the_record_of_a_duplicate_has_every_value_as_text_also_those_that_were_rescued(batch: Batch) -> None:
    _, refused = batch(("1", "many", "2024-01-01T10:00:00Z", "[1,2]"), ("1", "5", "2024-01-02"))
    [row] = refused
    expected = {"id": "1", "quantity": "many", "changed": "2024-01-01 10:00:00", "tags": "[1,2]"}
    assert json.loads(row["record"]) == expected
    assert row["source_file"] == FILE


def test_of_exact_copies_one_is_kept(batch: Batch) -> None:
    accepted, refused = batch(*[("1", "1", "2024-01-01")] * 3)
    assert (len(accepted), len(refused)) == (1, 2)


def test_a_batch_without_duplicates_is_left_as_it_was_written(batch: Batch, lake: Any) -> None:
    accepted, refused = batch(("1", "1", "2024-01-01"), ("2", "1", "2024-01-01"))
    assert ({row["id"] for row in accepted}, refused) == ({"1", "2"}, [])
    assert len(list(lake.folder("processed").rglob("*.parquet"))) == 1


def test_only_files_with_a_repeated_key_are_written_again(batch: Batch, lake: Any) -> None:
    batch(("1", "1", "2024-01-01"), ("1", "2", "2024-01-02"), ("2", "1", "2024-01-03"))
    days = sorted(path.parent.name for path in lake.folder("processed").rglob("*.parquet"))
    # The first of January had the earlier row only.
    assert days == ["day=02", "day=03", f"day={REFUSED}"]


def test_a_refused_row_never_displaces_a_good_one(spark: SparkSession, storage: Storage, lake: Any) -> None:
    schema = "id string, changed string, _source_file string, _corrupt_record string"
    rows = [("1", "2024-01-01", FILE, None), ("1", "2024-01-09", FILE, "1,2024-01-09,?")]
    folder = f"s3://{lake.bucket('processed')}/orders/batch_id=b2/"
    write_batch(standardise(spark.createDataFrame(rows, schema), KEYED, AT), folder, "b2", AT)
    assert set_duplicates_apart(spark, storage, folder, KEYED) == 0
    assert [row["reason"] for row in refused_rows(spark, folder).collect()] == ["the row does not parse"]


def test_a_tie_goes_to_the_later_file(batch: Batch) -> None:
    later = FILE.replace("a.csv", "b.csv")
    rows = [("1", "1", None, None, FILE), ("1", "2", None, None, later)]
    for order in (rows, rows[::-1]):
        assert [row["quantity"] for row in batch(*order)[0]] == [2]


def test_a_tie_within_a_file_always_ends_the_same_way(batch: Batch) -> None:
    rows = [("1", str(number), None) for number in range(12)]
    orders = (rows, rows[::-1], rows[6:] + rows[:6])
    assert len({row["quantity"] for order in orders for row in batch(*order, tasks=3)[0]}) == 1


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            st.sampled_from(["1", "2", "x"]),
            st.sampled_from(["2024-01-01", "2024-01-02", None]),
        ),
        min_size=1,
    )
)
def test_every_row_is_accepted_or_refused_exactly_once(batch: Batch, rows: list[tuple[Any, ...]]) -> None:
    accepted, refused = batch(*rows)
    assert Counter(row["id"] for row in accepted) == Counter({row[0] for row in rows})
    ids = [json.loads(row["record"])["id"] for row in refused] + [row["id"] for row in accepted]
    assert Counter(ids) == Counter(row[0] for row in rows)
