"""The Glue Catalog on moto: tables of datasets without a contract, and partitions of committed batches."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from etl.catalog import Catalog, partition_folders, processed_table
from etl.contracts import Column

LOCATION = "s3://processed/orders/"
PREFIX = f"{LOCATION}batch_id=b1/"


@pytest.fixture
def glue(aws: None) -> Any:
    return boto3.client("glue")


@pytest.fixture
def catalog(glue: Any) -> Catalog:
    catalog = Catalog(glue, "tests")
    catalog.ensure_table("orders", [Column("id"), Column("n", "long"), Column("amount", "decimal(12,2)")], LOCATION)
    return catalog


def table(glue: Any) -> dict[str, Any]:
    return glue.get_table(DatabaseName="tests", Name="processed_orders")["Table"]


def partitions(glue: Any) -> dict[tuple[str, ...], str]:
    """Values -> location of every partition."""
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName="tests", TableName="processed_orders")
    found = [partition for page in pages for partition in page["Partitions"]]
    return {tuple(partition["Values"]): partition["StorageDescriptor"]["Location"] for partition in found}


def test_partition_folders_are_those_with_data_each_once_in_order() -> None:
    uris = [
        f"{PREFIX}year=2024/month=02/day=01/part-1.snappy.parquet",
        f"{PREFIX}year=2024/month=01/day=15/part-0.snappy.parquet",
        f"{PREFIX}year=2024/month=01/day=15/part-1.snappy.parquet",
        f"{PREFIX}year=2023/month=01/day=15/.part-1.crc",
        f"{PREFIX}_SUCCESS",
        f"{PREFIX}stray.parquet",
    ]
    assert partition_folders(uris, PREFIX) == ["year=2024/month=01/day=15", "year=2024/month=02/day=01"]
    assert partition_folders([], PREFIX) == []


def test_a_table_has_the_columns_the_metadata_and_the_folder_columns(glue: Any, catalog: Catalog) -> None:
    assert processed_table("orders") == "processed_orders"
    found = table(glue)
    assert {column["Name"]: column["Type"] for column in found["StorageDescriptor"]["Columns"]} == {
        "id": "string",
        "n": "bigint",
        "amount": "decimal(12,2)",
        "_rescued_data": "string",
        "_source_file": "string",
        "_batch_id": "string",
        "_ingested_at": "timestamp",
    }
    assert [key["Name"] for key in found["PartitionKeys"]] == ["batch_id", "year", "month", "day"]
    assert found["StorageDescriptor"]["Location"] == LOCATION
    assert "parquet" in found["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"]


def test_a_table_that_is_there_is_left_as_it_is(glue: Any, catalog: Catalog) -> None:
    before = table(glue)
    catalog.ensure_table("orders", [Column("other")], "s3://elsewhere/")
    assert table(glue) == before


def test_a_database_that_is_not_there_is_an_error(glue: Any) -> None:
    with pytest.raises(ClientError, match="EntityNotFound"):
        Catalog(glue, "nowhere").ensure_table("orders", [], LOCATION)


def test_a_batch_s_folders_become_partitions_with_the_table_s_format(glue: Any, catalog: Catalog) -> None:
    catalog.add_partitions("orders", PREFIX, "b1", ["year=2024/month=01/day=15", "year=2024/month=02/day=01"])
    assert partitions(glue) == {
        ("b1", "2024", "01", "15"): f"{PREFIX}year=2024/month=01/day=15/",
        ("b1", "2024", "02", "01"): f"{PREFIX}year=2024/month=02/day=01/",
    }
    answer = glue.get_partition(
        DatabaseName="tests", TableName="processed_orders", PartitionValues=["b1", "2024", "01", "15"]
    )
    descriptor = answer["Partition"]["StorageDescriptor"]
    assert descriptor["SerdeInfo"] == table(glue)["StorageDescriptor"]["SerdeInfo"]
    assert descriptor["Columns"] == table(glue)["StorageDescriptor"]["Columns"]


def test_registering_a_batch_again_adds_only_what_is_missing(glue: Any, catalog: Catalog) -> None:
    catalog.add_partitions("orders", PREFIX, "b1", ["year=2024/month=01/day=15"])
    catalog.add_partitions("orders", PREFIX, "b1", ["year=2024/month=01/day=15", "year=2024/month=01/day=16"])
    assert sorted(partitions(glue)) == [("b1", "2024", "01", "15"), ("b1", "2024", "01", "16")]


class CountingGlue:
    """Glue that notes how many partitions each call brings: the real one takes 100, moto any number."""

    def __init__(self, glue: Any) -> None:
        self._glue = glue
        self.calls: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._glue, name)

    def batch_create_partition(self, **arguments: Any) -> Any:
        self.calls.append(len(arguments["PartitionInputList"]))
        return self._glue.batch_create_partition(**arguments)


def test_more_partitions_than_one_call_takes_are_registered_by_several(glue: Any, catalog: Catalog) -> None:
    folders = [f"year=2024/month={month:02}/day={day:02}" for month in range(1, 10) for day in range(1, 26)]
    counting = CountingGlue(glue)
    Catalog(counting, "tests").add_partitions("orders", PREFIX, "b1", folders)
    assert counting.calls == [100, 100, 25]
    assert len(partitions(glue)) == 225


def test_a_batch_without_data_registers_nothing(glue: Any, catalog: Catalog) -> None:
    catalog.add_partitions("orders", PREFIX, "b1", [])
    assert partitions(glue) == {}


def test_a_table_that_is_not_there_is_an_error(catalog: Catalog) -> None:
    with pytest.raises(ClientError, match="EntityNotFound"):
        catalog.add_partitions("customers", PREFIX, "b1", ["year=2024/month=01/day=15"])


class RefusingGlue:
    """Glue that refuses partitions inside a good answer, as BatchCreatePartition does."""

    def __init__(self, glue: Any, *codes: str) -> None:
        self._glue, self._codes = glue, codes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._glue, name)

    def batch_create_partition(self, **_: Any) -> dict[str, Any]:
        errors = [
            {"PartitionValues": ["b1", "2024", "01", "15"], "ErrorDetail": {"ErrorCode": code, "ErrorMessage": "why"}}
            for code in self._codes
        ]
        return {"Errors": errors}


def test_a_partition_refused_for_another_reason_is_an_error_that_names_it(glue: Any, catalog: Catalog) -> None:
    refusing = Catalog(RefusingGlue(glue, "AlreadyExistsException", "InternalServiceException"), "tests")
    with pytest.raises(ClientError, match=r"InternalServiceException.*processed_orders: partition .*'b1'.*why"):
        refusing.add_partitions("orders", PREFIX, "b1", ["year=2024/month=01/day=15"])
