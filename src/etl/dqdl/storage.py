"""Whether single columns of a data frame can be read by themselves, cheaply."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame

# What only selects, renames or filters leaves the columns of what it reads as cheap as they are.
TRANSPARENT = ("Project", "Filter", "SubqueryAlias", "View")
COLUMNAR_FILES = ("ParquetFileFormat", "OrcFileFormat")
ROW_TABLES = ("CSVTable", "JsonTable", "TextTable", "AvroTable")


def stored_in_columns(data: DataFrame) -> bool:
    """Whether the data is read from Parquet, ORC, a table such as Iceberg's, or Spark's cache.

    Reading a few columns of such data again costs little. Of CSV, of a join or of rows from Python each reading
    costs all of it again.
    """
    # Spark's own plan: what a frame is read from is nowhere else to be seen.
    return _columnar(data._jdf.queryExecution().withCachedData())


def _columnar(plan: Any) -> bool:
    kind = plan.getClass().getSimpleName()
    if kind in TRANSPARENT:
        return _columnar(plan.children().head())
    if kind == "LogicalRelation":
        relation = plan.relation()
        files = relation.getClass().getSimpleName() == "HadoopFsRelation"
        return files and relation.fileFormat().getClass().getSimpleName() in COLUMNAR_FILES
    if kind == "DataSourceV2Relation":
        return plan.table().getClass().getSimpleName() not in ROW_TABLES
    return bool(kind == "InMemoryRelation")
