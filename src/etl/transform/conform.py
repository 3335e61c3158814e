"""Batches of any age in the shape that the present contract expects."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from etl.contracts import Contract
from etl.names import EVENT_DATE, METADATA, PARTITIONS
from etl.widening import widens


def conform(batch: DataFrame, contract: Contract) -> DataFrame:
    """A processed batch as the steps of processing take it.

    A batch that was ingested before the contract had a column gets it as null; a type that the contract has widened
    since is widened. A type that has changed in any other way stays: the curated table refuses it by name.

    Args:
        batch: columns of the processed layer, ``year``, ``month``, ``day`` and ``batch_id`` among them.
        contract: the dataset's.

    Returns:
        The contract's columns, other columns of the batch, ``event_date date`` instead of the folder columns, and the
        metadata columns.
    """
    present = {field.name: field for field in batch.schema.fields}
    # Spark itself reads the types' texts.
    typed = batch.select(*(F.lit(None).cast(column.spark_type).alias(column.name) for column in contract.columns))
    columns = []
    for column in contract.columns:
        wanted, found = typed.schema[column.name].dataType, present.get(column.name)
        if found is None:
            columns.append(F.lit(None).cast(wanted).alias(column.name))
        else:
            columns.append(F.col(column.name).cast(wanted) if widens(found.dataType, wanted) else F.col(column.name))
    own = {column.name for column in contract.columns}
    others = [name for name in present if name not in {*own, *PARTITIONS, "batch_id", *METADATA}]
    date = F.to_date(F.concat_ws("-", *PARTITIONS)).alias(EVENT_DATE)
    return batch.select(*columns, *(F.col(f"`{n}`") for n in others), date, *(m for m in METADATA if m in present))
