"""What the tests of the quality rules share."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest
from pyspark.sql import DataFrame, SparkSession


@pytest.fixture(scope="session")
def orders(spark: SparkSession) -> DataFrame:
    """Five orders: a repeated number, a null name, a NaN, an empty and a blank text, wrong numbers and dates."""
    rows = [
        (1, "ann", 10.0, Decimal("1.10"), "5", datetime(2024, 1, 10, 10), "2024-01-10", "DE", True),
        (2, "bob", float("nan"), Decimal("2.20"), "6", datetime(2024, 1, 9, 12), "2024-01-09", "FR", False),
        (2, None, 30.0, Decimal("3.30"), "x", datetime(2024, 1, 1), "yesterday", "DE", None),
        (4, "", None, None, "7.5", None, None, None, True),
        (5, "  ", 50.0, Decimal("5.50"), None, datetime(2024, 1, 8), "2024-01-08", "IT", True),
    ]
    schema = (
        "id bigint, name string, price double, amount decimal(10,2), code string, "
        "made timestamp, day string, country string, paid boolean"
    )
    return spark.createDataFrame(rows, schema).repartition(2)


@pytest.fixture(scope="session")
def references(spark: SparkSession) -> dict[str, DataFrame]:
    """Data frames by the names under which rules speak of them."""
    return {
        "countries": spark.createDataFrame([("DE", 1), ("FR", 2), ("DE", 3), (None, 4)], "code string, rank int"),
        "db.orders": spark.createDataFrame([(1, "ann"), (2, "bob")], "id bigint, name string"),
        "nothing": spark.createDataFrame([], "id bigint, total double"),
    }
