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


def test_a_table_that_has_every_column_is_left_as_it_is(glue: Any, catalog: Catalog) -> None:
    before = table(glue)
    assert catalog.ensure_table("orders", [Column("n", "long")], "s3://elsewhere/", extra=["id"]) == []
    assert table(glue) == before


def columns(glue: Any) -> list[str]:
    return [f"{column['Name']} {column['Type']}" for column in table(glue)["StorageDescriptor"]["Columns"]]


def test_columns_that_a_table_lacks_come_at_its_end_and_all_else_stays(glue: Any, catalog: Catalog) -> None:
    given = {**table(glue)["StorageDescriptor"], "Compressed": True}
    definition = {"Name": "processed_orders", "Description": "by hand", "Owner": "us", "StorageDescriptor": given}
    definition |= {"Parameters": {"a": "b"}, "PartitionKeys": table(glue)["PartitionKeys"], "Retention": 3}
    glue.update_table(DatabaseName="tests", TableInput=definition)
    before, had = table(glue), columns(glue)

    added = catalog.ensure_table("orders", [Column("id"), Column("late", "array<long>")], LOCATION, ["note", "colour"])

    assert added == ["late", "note", "colour"]
    assert columns(glue) == [*had, "late array<bigint>", "note string", "colour string"]
    unchanged = {"StorageDescriptor", "UpdateTime", "VersionId"}
    after = table(glue)
    assert {k: v for k, v in after.items() if k not in unchanged} == {
        k: v for k, v in before.items() if k not in unchanged
    }
    assert {**after["StorageDescriptor"], "Columns": 0} == {**before["StorageDescriptor"], "Columns": 0}
    assert catalog.ensure_table("orders", [Column("late", "array<long>")], LOCATION, ["note", "colour"]) == []


def test_partitions_made_after_a_new_column_have_it(glue: Any, catalog: Catalog) -> None:
    catalog.ensure_table("orders", [], LOCATION, ["note"])
    catalog.add_partitions("orders", PREFIX, "b1", ["year=2024/month=01/day=15"])
    [partition] = glue.get_partitions(DatabaseName="tests", TableName="processed_orders")["Partitions"]
    assert "note" in [column["Name"] for column in partition["StorageDescriptor"]["Columns"]]


def test_a_type_is_widened_and_never_changed_otherwise(glue: Any, catalog: Catalog) -> None:
    first = [Column("whole", "int"), Column("share", "float"), Column("price", "decimal(9,2)"), Column("code")]
    catalog.ensure_table("orders", first, LOCATION)
    later = [
        Column("whole", "long"),
        Column("share", "double"),
        Column("price", "decimal(12,2)"),
        Column("code", "int"),
    ]
    assert catalog.ensure_table("orders", later, LOCATION) == ["whole", "share", "price"]
    assert columns(glue)[-4:] == ["whole bigint", "share double", "price decimal(12,2)", "code string"]
    assert catalog.ensure_table("orders", first, LOCATION) == []


class BusyGlue:
    """Glue whose table another run changes between our reading and writing it, some times.

    AWS refuses the version that was read; moto takes any.
    """

    def __init__(self, glue: Any, times: int) -> None:
        self._glue, self._times, self._seen = glue, times, ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._glue, name)

    def update_table(self, **arguments: Any) -> None:
        now = str(self._glue.get_table(DatabaseName="tests", Name="processed_orders")["Table"]["VersionId"])
        assert arguments.pop("VersionId") == now
        if self._times:
            self._times -= 1
            Catalog(self._glue, "tests").ensure_table("orders", [], LOCATION, [f"theirs_{self._times}"])
            error = {
                "Code": "ConcurrentModificationException",
                "Message": "Update table failed due to concurrent modifications.",
            }
            raise ClientError({"Error": error}, "UpdateTable")
        self._glue.update_table(**arguments)


class TalkativeGlue:
    """Glue that gives an empty text for what was never set, as some emulators do; UpdateTable takes none."""

    def __init__(self, glue: Any) -> None:
        self._glue = glue

    def __getattr__(self, name: str) -> Any:
        return getattr(self._glue, name)

    def get_table(self, **arguments: Any) -> dict[str, Any]:
        found = self._glue.get_table(**arguments)["Table"]
        return {"Table": {**found, "Owner": "", "ViewOriginalText": "", "IsMultiDialectView": False}}


def test_what_update_table_does_not_take_is_left_out(glue: Any, catalog: Catalog) -> None:
    assert Catalog(TalkativeGlue(glue), "tests").ensure_table("orders", [], LOCATION, ["note"]) == ["note"]


def test_two_runs_that_add_columns_at_once_keep_both_s(glue: Any, catalog: Catalog) -> None:
    assert Catalog(BusyGlue(glue, times=2), "tests").ensure_table("orders", [], LOCATION, ["ours"]) == ["ours"]
    assert columns(glue)[-3:] == ["theirs_1 string", "theirs_0 string", "ours string"]


def test_a_table_that_others_change_all_the_time_is_an_error(glue: Any, catalog: Catalog) -> None:
    with pytest.raises(ClientError, match="ConcurrentModification"):
        Catalog(BusyGlue(glue, times=99), "tests").ensure_table("orders", [], LOCATION, ["ours"])


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


def test_the_partitions_of_a_batch_are_removed_and_those_of_others_stay(glue: Any, catalog: Catalog) -> None:
    days = [f"year=2024/month={month:02}/day={day:02}" for month in (1, 2) for day in range(1, 21)]
    for batch in ("b1", "b10"):
        catalog.add_partitions("orders", f"{LOCATION}batch_id={batch}/", batch, days)
    assert catalog.remove_partitions("orders", "b1") == len(days)
    assert {values[0] for values in partitions(glue)} == {"b10"}
    assert catalog.remove_partitions("orders", "b1") == 0


def test_a_table_that_is_not_there_has_no_partitions_to_remove(catalog: Catalog) -> None:
    assert catalog.remove_partitions("strangers", "b1") == 0
