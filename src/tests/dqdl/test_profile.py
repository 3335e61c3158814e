"""The profile of columns."""

from __future__ import annotations

import json
from collections.abc import Callable

from pyspark.sql import DataFrame, SparkSession

from etl.dqdl import profile_columns


def test_each_column_has_nulls_distinct_extremes_and_mean(orders: DataFrame) -> None:
    profile = {entry["column"]: entry for entry in profile_columns(orders)}
    assert list(profile) == orders.columns
    identity = {"column": "id", "type": "bigint", "rows": 5, "nulls": 0}
    told = {key: profile["id"][key] for key in (*identity, "distinct", "min", "max", "mean")}
    assert told == {**identity, "distinct": 4, "min": "1", "max": "5", "mean": 2.8}
    assert (profile["name"]["nulls"], profile["name"]["min"], profile["name"]["max"]) == (1, "", "bob")
    assert (profile["price"]["min"], profile["price"]["max"], profile["price"]["mean"]) == ("10.0", "50.0", 30.0)
    assert (profile["amount"]["min"], profile["amount"]["max"]) == ("1.10", "5.50")
    assert profile["made"]["max"] == "2024-01-10 10:00:00"
    assert profile["paid"]["min"] == "false"
    json.dumps(list(profile.values()))


def test_frames_without_rows_or_columns_have_a_profile(spark: SparkSession, frame: Callable[..., DataFrame]) -> None:
    (entry,) = profile_columns(frame("n int"))
    assert (entry["rows"], entry["nulls"], entry["distinct"], entry["min"]) == (0, 0, 0, None)
    assert profile_columns(spark.range(1).select()) == []


def test_nested_columns_have_nulls_only(spark: SparkSession) -> None:
    (entry,) = profile_columns(spark.sql("select map('a', 1) as pairs"))
    assert (entry["nulls"], entry["distinct"], entry["min"], entry["mean"]) == (0, None, None, None)


def test_long_texts_are_cut(frame: Callable[..., DataFrame]) -> None:
    (entry,) = profile_columns(frame("t string", ("x" * 500,)))
    assert len(entry["max"]) == 60
