"""The Glue Data Catalog: committed batches become partitions of ``processed_<dataset>``, so Athena sees them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from etl.contracts import Column

PARTITION_KEYS = ("batch_id", "year", "month", "day")
_METADATA = (
    ("_rescued_data", "string"),
    ("_source_file", "string"),
    ("_batch_id", "string"),
    ("_ingested_at", "timestamp"),
)
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")
# What the catalog answers when another run was quicker, and how often we try again.
_MEANWHILE = ("AlreadyExistsException", "ConcurrentModificationException")
_ATTEMPTS = 6
# BatchCreatePartition and BatchDeletePartition take no more at once.
_BATCH_SIZE, _REMOVED_AT_ONCE = 100, 25
_PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}


def processed_table(dataset: str) -> str:
    """The catalog table of a dataset's processed layer (the curated one has the dataset's own name)."""
    return f"processed_{dataset}"


def partition_folders(uris: Iterable[str], batch_prefix: str) -> list[str]:
    """The partition folders that hold data files, relative to the batch's prefix.

    Args:
        uris: files below the prefix.
        batch_prefix: ``s3://…/<dataset>/batch_id=<id>/``.
    """
    folders = {uri.removeprefix(batch_prefix).rpartition("/")[0] for uri in uris if uri.endswith(".parquet")}
    return sorted(folder for folder in folders if folder)


class Catalog:
    """Tables and partitions of the processed layer.

    Args:
        glue: boto3 Glue client.
        database: the Glue database.
    """

    def __init__(self, glue: Any, database: str) -> None:
        self._glue = glue
        self._database = database

    def ensure_table(
        self, dataset: str, columns: Sequence[Column], location: str, extra: Sequence[str] = ()
    ) -> list[str]:
        """Create a dataset's processed table, or add the columns that it lacks at its end.

        Terraform makes the tables of contracts and leaves their columns to the jobs from then on, so columns that a
        contract got later come in here, too. A type that was widened in the contract (int to long, float to double,
        more digits before the point) is widened; any other change of a type leaves the table as it is.

        Args:
            dataset: its name.
            columns: its columns; the pipeline's metadata columns are added when the table is created.
            location: URI of the dataset's processed folder.
            extra: text columns beyond the contract's (``schema_mode: evolve``).

        Returns:
            The names of the columns that the table got or whose type changed; empty when it was as it should be.

        Raises:
            ClientError: the catalog refused the table, or others changed it all the time.
        """
        wanted = {column.name: column.spark_type for column in columns} | dict.fromkeys(extra, "string")
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._brought_up_to(wanted, dataset, location)
            except ClientError as error:
                if error.response["Error"]["Code"] not in _MEANWHILE or attempt == _ATTEMPTS:
                    raise
                # Another run made or changed the table since it was read: read it again.
                time.sleep(0.1 * attempt)
        raise AssertionError("the loop returns or raises")

    def _brought_up_to(self, wanted: Mapping[str, str], dataset: str, location: str) -> list[str]:
        name = processed_table(dataset)
        try:
            table = self._glue.get_table(DatabaseName=self._database, Name=name)["Table"]
        except self._glue.exceptions.EntityNotFoundException:
            self._glue.create_table(DatabaseName=self._database, TableInput=_new_table(name, wanted, location))
            return list(wanted)
        present = table["StorageDescriptor"]["Columns"]
        columns, changed = _with_wanted(present, {**wanted, **dict(_METADATA)})
        if changed:
            # UpdateTable replaces the whole definition; it takes fewer fields than GetTable gives, and no empty texts.
            known = self._glue.meta.service_model.shape_for("TableInput").members
            definition = {field: value for field, value in table.items() if field in known and value not in ("", None)}
            definition["StorageDescriptor"] = {**table["StorageDescriptor"], "Columns": columns}
            # A version that is no longer the newest is refused with ConcurrentModificationException.
            version = {"VersionId": table["VersionId"]} if "VersionId" in table else {}
            self._glue.update_table(DatabaseName=self._database, TableInput=definition, **version)
        return changed

    def add_partitions(self, dataset: str, batch_prefix: str, batch_id: str, folders: Sequence[str]) -> None:
        """Register a committed batch; partitions that are there already are left alone.

        Args:
            dataset: its name.
            batch_prefix: ``s3://…/<dataset>/batch_id=<id>/``.
            batch_id: the batch.
            folders: ``year=…/month=…/day=…`` below the prefix.

        Raises:
            ClientError: the catalog refused a partition for another reason than being there already.
        """
        table = processed_table(dataset)
        found = self._glue.get_table(DatabaseName=self._database, Name=table)
        descriptor = found["Table"]["StorageDescriptor"]
        inputs = [_partition(descriptor, batch_prefix, batch_id, folder) for folder in folders]
        for chunk in _chunks(inputs, _BATCH_SIZE):
            answer = self._glue.batch_create_partition(
                DatabaseName=self._database, TableName=table, PartitionInputList=chunk
            )
            _raise_refusals(answer, table, "BatchCreatePartition", but="AlreadyExistsException")

    def remove_partitions(self, dataset: str, batch_id: str) -> int:
        """Take a batch's partitions out of the catalog; its files are not touched.

        Args:
            dataset: its name.
            batch_id: the batch; a batch that has no partitions is left alone.

        Returns:
            How many partitions were removed.

        Raises:
            ClientError: the catalog refused to remove a partition for another reason than its being gone.
        """
        table = processed_table(dataset)
        pages = self._glue.get_paginator("get_partitions").paginate(
            DatabaseName=self._database, TableName=table, Expression=f"{PARTITION_KEYS[0]} = '{batch_id}'"
        )
        try:
            found = [partition["Values"] for page in pages for partition in page["Partitions"]]
        except self._glue.exceptions.EntityNotFoundException:
            return 0
        # A catalog that doesn't obey the expression gives the partitions of all batches.
        values = [{"Values": value} for value in found if value[0] == batch_id]
        for chunk in _chunks(values, _REMOVED_AT_ONCE):
            answer = self._glue.batch_delete_partition(
                DatabaseName=self._database, TableName=table, PartitionsToDelete=chunk
            )
            _raise_refusals(answer, table, "BatchDeletePartition", but="EntityNotFoundException")
        return len(values)


def _new_table(name: str, columns: Mapping[str, str], location: str) -> dict[str, Any]:
    described = [{"Name": column, "Type": kind} for column, kind in {**columns, **dict(_METADATA)}.items()]
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"},
        "PartitionKeys": [{"Name": key, "Type": "string"} for key in PARTITION_KEYS],
        "StorageDescriptor": {"Columns": described, "Location": location, **_PARQUET},
    }


def _with_wanted(
    present: Sequence[Mapping[str, Any]], wanted: Mapping[str, str]
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """The table's columns with the ones it lacks at the end, and the names of what is new or wider."""
    types = {column["Name"]: column.get("Type", "") for column in present}
    changed = [name for name, kind in wanted.items() if name not in types or _widens(types[name], kind)]
    kept = [{**c, "Type": wanted[c["Name"]]} if c["Name"] in changed else c for c in present]
    return [*kept, *({"Name": name, "Type": wanted[name]} for name in changed if name not in types)], changed


def _widens(before: str, after: str) -> bool:
    """Whether every value of one Hive type is one of the other, and Athena reads old files by it."""
    if (before, after) in (("int", "bigint"), ("float", "double")):
        return True
    old, new = _DECIMAL.fullmatch(before), _DECIMAL.fullmatch(after)
    return bool(old and new and old[2] == new[2] and int(old[1]) < int(new[1]))


def _partition(descriptor: dict[str, Any], prefix: str, batch_id: str, folder: str) -> dict[str, Any]:
    values = [batch_id, *(part.partition("=")[2] for part in folder.split("/"))]
    return {"Values": values, "StorageDescriptor": {**descriptor, "Location": f"{prefix}{folder}/"}}


def _raise_refusals(answer: Mapping[str, Any], table: str, operation: str, but: str) -> None:
    """The first refusal in an answer becomes an error; the one code that says that nothing was left to do does not."""
    refused = [error for error in answer.get("Errors", ()) if error["ErrorDetail"]["ErrorCode"] != but]
    if refused:
        detail = refused[0]["ErrorDetail"]
        message = f"{table}: partition {refused[0]['PartitionValues']}: {detail['ErrorMessage']}"
        raise ClientError({"Error": {"Code": detail["ErrorCode"], "Message": message}}, operation)


def _chunks(items: list[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
