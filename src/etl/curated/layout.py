"""How a curated table lies in storage: partition fields, sort order and size of its files, as the contract says.

A layout is written down in the table's property ``etl.layout`` once all of it is set, so that a table whose contract
says the same is not looked into. Files that were written under an earlier layout stay as they are: Iceberg reads each
by the layout of its time, and maintenance rewrites the small ones by the new one.

Rows are shuffled by partition and sorted inside each file (``distribution-mode`` hash with a local order). A table that
is ordered as a whole (``range``) would cost a second pass over every batch, for the sampling of its values;
maintenance sorts across the files of a partition instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from etl.contracts import TableLayout
from etl.contracts.layout import parse_partition, parse_sort

LAYOUT_PROPERTY = "etl.layout"
_MIB = 1024 * 1024
_ICEBERG_SIZED = re.compile(r"(bucket|truncate)\[(\d+)\]")
# Of every curated table.
TABLE_PROPERTIES = {
    "format-version": "2",
    "write.parquet.compression-codec": "snappy",
    # A commit leaves a metadata file behind, each naming all snapshots; the newest hundred are enough to go back.
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "100",
}


def partition_sql(field: str) -> str:
    """A partition field of a contract as Iceberg's SQL: ``days(at)`` -> ``days(`at`)``.

    Raises:
        LayoutTextError: it is neither a column nor one of Iceberg's transforms.
    """
    parsed = parse_partition(field)
    if not parsed.transform:
        return f"`{parsed.column}`"
    size = f"{parsed.size}, " if parsed.size else ""
    return f"{parsed.transform}({size}`{parsed.column}`)"


def sort_sql(order: str) -> str:
    """One column of a contract's sort order as SQL: ``at desc`` -> ``` `at` desc ```.

    Raises:
        LayoutTextError: it is not a column with or without ``asc`` or ``desc``.
    """
    parsed = parse_sort(order)
    return f"`{parsed.column}` {'desc' if parsed.descending else 'asc'}"


def layout_properties(layout: TableLayout) -> dict[str, str]:
    """The table properties that a layout sets."""
    return {
        "write.target-file-size-bytes": str(layout.target_file_size_mb * _MIB),
        # Iceberg takes it for none where the table has no partitions.
        "write.distribution-mode": "hash",
    }


def layout_text(layout: TableLayout) -> str:
    """A layout as the property :data:`LAYOUT_PROPERTY` has it."""
    parts = [partition_sql(field) for field in layout.partition_by]
    sort = [sort_sql(order) for order in layout.sort_by]
    return json.dumps({"partition_by": parts, "sort_by": sort, "target_file_size_mb": layout.target_file_size_mb})


def order_statement(table: str, layout: TableLayout) -> str:
    """SQL that gives a table its sort order, or takes it away."""
    columns = ", ".join(sort_sql(order) for order in layout.sort_by)
    order = f"locally ordered by {columns}" if columns else "unordered"
    return f"alter table {table} write distributed by partition {order}"


def evolve_statements(table: str, present: Sequence[str], layout: TableLayout) -> list[str]:
    """SQL that brings a table from its partition fields to a layout's.

    Args:
        table: full name.
        present: its partition fields, as :func:`present_fields` gives them.
        layout: what is wanted.
    """
    wanted = [partition_sql(field) for field in layout.partition_by]
    # Dropped first: Iceberg refuses to add days(at) beside years(at).
    dropped = [f"alter table {table} drop partition field {field}" for field in present if field not in wanted]
    added = [f"alter table {table} add partition field {field}" for field in wanted if field not in present]
    return [*dropped, *added, order_statement(table, layout)]


def present_fields(iceberg_table: Any) -> list[str]:
    """The partition fields of a table, spelled as :func:`partition_sql` spells them.

    Args:
        iceberg_table: ``org.apache.iceberg.Table`` of the JVM.
    """
    schema = iceberg_table.schema()
    fields = []
    for field in iceberg_table.spec().fields():
        transform, column = field.transform().toString(), schema.findColumnName(field.sourceId())
        sized = _ICEBERG_SIZED.fullmatch(transform)
        if sized:
            fields.append(f"{sized[1]}({sized[2]}, `{column}`)")
        elif transform == "identity":
            fields.append(f"`{column}`")
        elif transform != "void":
            fields.append(f"{transform}s(`{column}`)")
    return fields
