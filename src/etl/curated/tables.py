"""Curated tables: made when they are first needed, and brought up to what a batch and its contract have.

What would be done to a table is found out, and refused where it would lose something, by :func:`check_table`, before
anything is written; :meth:`TableChanges.apply` then does it. Every statement can be repeated: what a killed run left
half done is found and finished.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from etl.contracts import TableLayout
from etl.curated.layout import (
    LAYOUT_PROPERTY,
    TABLE_PROPERTIES,
    evolve_statements,
    layout_properties,
    layout_text,
    order_statement,
    partition_sql,
    present_fields,
)
from etl.curated.schema import GONE, NARROWER, NEW, OTHER, WIDER, Difference, differences, sql_type
from etl.errors import TableSchemaError
from etl.names import AUDIT_BRANCH, BATCH

COLUMNS_PROPERTY = "etl.columns"
_OF_BRANCH = f".branch_{AUDIT_BRANCH}"
# Types of Spark that no column of an Iceberg table has, and the names of fields, which may be called so.
_UNSTORABLE, _QUOTED = re.compile(r"\b(void|interval)\b"), re.compile(r"`[^`]*`")


@dataclass(frozen=True)
class MadeColumns:
    """The columns that a contract makes, whatever a batch brings.

    Attributes:
        names: contract columns, derived and enriched ones, those of SQL and Python steps.
        typed: those of them whose type stands in the contract; it must not become narrower.
    """

    names: frozenset[str] = frozenset()
    typed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TableChanges:
    """What brings a curated table up to a frame; nothing of it is done yet.

    Attributes:
        table: full name.
        statements: SQL, in order; empty when the table is as it should be.
    """

    spark: SparkSession = field(repr=False)
    table: str
    statements: tuple[str, ...] = ()

    def apply(self) -> None:
        """Make the table or alter it."""
        for statement in self.statements:
            self.spark.sql(statement)


def audit_of(table: str) -> str:
    """The name by which the rows of a table's audit branch are read and written.

    Args:
        table: full name of the table.
    """
    return f"{table}{_OF_BRANCH}"


def table_of(name: str) -> str:
    """The table that a name belongs to: the name itself, or without the branch.

    Args:
        name: full name of a table, or of its audit branch.
    """
    return name.removesuffix(_OF_BRANCH)


def table_exists(spark: SparkSession, table: str) -> bool:
    """Whether a curated table is there."""
    return bool(spark.catalog.tableExists(table))


def empty_frame(spark: SparkSession, columns: Mapping[str, str]) -> DataFrame:
    """A frame without rows.

    Args:
        spark: the session.
        columns: name -> Spark SQL type.
    """
    return spark.createDataFrame([], ", ".join(f"`{name}` {kind}" for name, kind in columns.items()))


def row_count(spark: SparkSession, table: str) -> int:
    """Rows of a curated table, from its current snapshot's own summary: nothing is read."""
    newest = iceberg_table(spark, table).currentSnapshot()
    return int(newest.summary().get("total-records")) if newest else 0


def snapshot_id(spark: SparkSession, name: str) -> int | None:
    """The id of the newest snapshot of a curated table or of its audit branch; None where nothing was ever put in."""
    newest = _newest_snapshot(spark, name)
    return int(newest.snapshotId()) if newest else None


def is_untouched(spark: SparkSession, name: str) -> bool:
    """Whether nothing was ever put into a curated table, or into a branch that began when it was so."""
    newest = _newest_snapshot(spark, name)
    # A branch of a table without any snapshot begins with an empty one.
    return newest is None or (newest.parentId() is None and int(newest.summary().get("total-data-files")) == 0)


def _newest_snapshot(spark: SparkSession, name: str) -> Any:
    there = iceberg_table(spark, table_of(name))
    return there.currentSnapshot() if name == table_of(name) else there.snapshot(AUDIT_BRANCH)


def refresh(spark: SparkSession, table: str) -> None:
    """Let the session forget what it knows of a table; by SQL, since only that reaches the catalog of Iceberg."""
    spark.sql(f"refresh table {table}")


def columns_of(frame: DataFrame) -> dict[str, str]:
    """Name -> Spark SQL type of a frame's columns."""
    return {column.name: column.dataType.simpleString() for column in frame.schema.fields}


def iceberg_table(spark: SparkSession, table: str) -> Any:
    """The JVM's ``org.apache.iceberg.Table`` of a curated table."""
    jvm: Any = spark._jvm
    return jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(spark._jsparkSession, table)


def check_table(frame: DataFrame, table: str, layout: TableLayout, made: MadeColumns) -> TableChanges:
    """Find out what lets a curated table take a frame; nothing is written.

    Columns are added, also inside structs, arrays and maps, and types are widened. A frame may have fewer columns or
    narrower types than the table, since an older contract may have made it. What a contract makes may not: a type in
    the contract that is narrower than the table's, and a column that an earlier contract made and the present one
    doesn't, are refused for as long as the table has them.

    Args:
        frame: what will be put in.
        table: full name; columns and layout are the table's, also where the rows go to its audit branch.
        layout: how the table should lie in storage.
        made: what the contract makes; empty for tables that no contract describes.

    Raises:
        TableSchemaError: naming every column that is refused, both types, and the ways out.
    """
    spark, table = frame.sparkSession, table_of(table)
    _refuse_unstorable(frame.schema, table)
    columns = {COLUMNS_PROPERTY: json.dumps(sorted(made.names))} if made.names else {}
    if not table_exists(spark, table):
        return TableChanges(spark, table, tuple(_creation(frame.schema, table, layout, columns)))
    # The session may remember the table as it was before another run changed it.
    refresh(spark, table)
    there = iceberg_table(spark, table)
    properties = dict(there.properties())
    schema = spark.table(table).schema
    found = list(differences(schema, frame.schema))
    _refuse(found, schema, table, made, json.loads(properties.get(COLUMNS_PROPERTY, "[]")))
    statements = [statement for difference in found for statement in _alteration(difference, table)]
    wanted = columns
    if properties.get(LAYOUT_PROPERTY) != layout_text(layout):
        statements += evolve_statements(table, present_fields(there), layout)
        wanted = {**columns, **layout_properties(layout), LAYOUT_PROPERTY: layout_text(layout)}
    if changed := {name: value for name, value in wanted.items() if properties.get(name) != value}:
        statements.append(f"alter table {table} set tblproperties ({_properties_sql(changed)})")
    return TableChanges(spark, table, tuple(statements))


def _creation(schema: StructType, table: str, layout: TableLayout, extra: Mapping[str, str]) -> list[str]:
    columns = ", ".join(f"`{column.name}` {sql_type(column.dataType)}" for column in schema.fields)
    parts = ", ".join(partition_sql(part) for part in layout.partition_by)
    properties = {**TABLE_PROPERTIES, **layout_properties(layout)}
    if BATCH in schema.fieldNames():
        # Iceberg cuts texts in its file statistics to 16 characters; replace_batch needs whole batch ids there to
        # see that a file holds rows of one batch only.
        properties[f"write.metadata.metrics.column.{BATCH}"] = "full"
    return [
        f"create namespace if not exists {table.rpartition('.')[0]}",
        f"create table if not exists {table} ({columns}) using iceberg {f'partitioned by ({parts})' if parts else ''} "
        f"tblproperties ({_properties_sql(properties)})",
        *([order_statement(table, layout)] if layout.sort_by else []),
        # Last: it says that all of the layout is set.
        f"alter table {table} set tblproperties ({_properties_sql({**extra, LAYOUT_PROPERTY: layout_text(layout)})})",
    ]


def _alteration(difference: Difference, table: str) -> list[str]:
    place = ".".join(f"`{name}`" for name in difference.path)
    if difference.kind == NEW:
        return [f"alter table {table} add column {place} {difference.wanted}"]
    if difference.kind == WIDER:
        return [f"alter table {table} alter column {place} type {difference.wanted}"]
    return []


def _refuse(
    found: Iterable[Difference], schema: StructType, table: str, made: MadeColumns, made_before: Iterable[str]
) -> None:
    refused = []
    for one in found:
        if one.kind == OTHER:
            refused.append(
                f"{one.place} is {one.present} and would become {one.wanted}; only int to long, float to double and a "
                "larger decimal precision keep what is there: give the changed column a new name"
            )
        elif one.path[0] in made.typed and one.kind == NARROWER:
            refused.append(
                f"{one.place} is {one.present} and would become the narrower {one.wanted}; put {one.present} back into "
                f"the contract, or {_way_out(one.path[0], table)}"
            )
        elif one.path[0] in made.typed and one.kind == GONE and len(one.path) > 1:
            refused.append(
                f"{one.place}, {one.present}, is missing in the contract's type of {one.path[0]}; put it back, or "
                f"drop it from the table on purpose: ALTER TABLE {table} DROP COLUMN {one.place}"
            )
    for name in made_before if made.names else ():
        if name in schema.fieldNames() and name not in made.names:
            refused.append(
                f"{name}, {sql_type(schema[name].dataType)}, was made by an earlier contract, and the present one does "
                f"not make it; put it back, or {_way_out(name, table)}"
            )
    if refused:
        raise TableSchemaError(f"{table} can't take the batch: {'; '.join(sorted(refused))}. Nothing was written.")


def _way_out(column: str, table: str) -> str:
    return f"drop the column with its values from the table on purpose: ALTER TABLE {table} DROP COLUMN {column}"


def _refuse_unstorable(schema: StructType, table: str) -> None:
    for column in schema.fields:
        kind = sql_type(column.dataType)
        if _UNSTORABLE.search(_QUOTED.sub("", kind)):
            raise TableSchemaError(
                f"{table} can't take the batch: {column.name} is {kind}, which no table can store; cast it to a type "
                "such as string or long where it is made. Nothing was written."
            )


def _properties_sql(properties: Mapping[str, str]) -> str:
    def quoted(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    return ", ".join(f"{quoted(name)} = {quoted(value)}" for name, value in properties.items())
