"""The Glue Data Catalog: committed batches become partitions of ``processed_<dataset>``, so Athena sees them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from botocore.exceptions import ClientError

from etl.contracts import Column

PARTITION_KEYS = ("batch_id", "year", "month", "day")
# BatchCreatePartition takes no more at once.
_BATCH_SIZE = 100
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

    def ensure_table(self, dataset: str, columns: Sequence[Column], location: str) -> None:
        """Create the processed table of a dataset that Terraform doesn't know (it has no contract).

        Args:
            dataset: its name.
            columns: its columns; the pipeline's metadata columns are added.
            location: URI of the dataset's processed folder.
        """
        described = [{"Name": column.name, "Type": column.spark_type} for column in columns]
        described += [
            {"Name": name, "Type": "timestamp" if name == "_ingested_at" else "string"}
            for name in ("_rescued_data", "_source_file", "_batch_id", "_ingested_at")
        ]
        table = {
            "Name": processed_table(dataset),
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"},
            "PartitionKeys": [{"Name": name, "Type": "string"} for name in PARTITION_KEYS],
            "StorageDescriptor": {"Columns": described, "Location": location, **_PARQUET},
        }
        try:
            self._glue.create_table(DatabaseName=self._database, TableInput=table)
        except self._glue.exceptions.AlreadyExistsException:
            return

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
        for chunk in _chunks(inputs):
            answer = self._glue.batch_create_partition(
                DatabaseName=self._database, TableName=table, PartitionInputList=chunk
            )
            refused = [
                error
                for error in answer.get("Errors", ())
                if error["ErrorDetail"]["ErrorCode"] != "AlreadyExistsException"
            ]
            if refused:
                detail = refused[0]["ErrorDetail"]
                message = f"{table}: partition {refused[0]['PartitionValues']}: {detail['ErrorMessage']}"
                raise ClientError({"Error": {"Code": detail["ErrorCode"], "Message": message}}, "BatchCreatePartition")


def _partition(descriptor: dict[str, Any], prefix: str, batch_id: str, folder: str) -> dict[str, Any]:
    values = [batch_id, *(part.partition("=")[2] for part in folder.split("/"))]
    return {"Values": values, "StorageDescriptor": {**descriptor, "Location": f"{prefix}{folder}/"}}


def _chunks(items: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(items), _BATCH_SIZE):
        yield items[start : start + _BATCH_SIZE]
