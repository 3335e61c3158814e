"""The texts of a contract that say how a table is partitioned and sorted: ``days(ordered_at)``, ``amount desc``."""

from __future__ import annotations

import re
from dataclasses import dataclass

# The transforms of time; Iceberg takes one of them per column.
TIMES = ("years", "months", "days", "hours")
SIZED = ("bucket", "truncate")
PARTITIONS = "a column, or years(c), months(c), days(c), hours(c), bucket(16, c), truncate(4, c)"
_NAME = r"(?P<column>[a-z_][a-z0-9_]*)"
_PARTITIONS = (
    re.compile(_NAME),
    re.compile(rf"(?P<transform>(?i:{'|'.join(TIMES)}))\s*\(\s*{_NAME}\s*\)"),
    re.compile(rf"(?P<transform>(?i:{'|'.join(SIZED)}))\s*\(\s*(?P<size>[1-9][0-9]{{0,8}})\s*,\s*{_NAME}\s*\)"),
)
_SORT = re.compile(rf"{_NAME}(?:\s+(?P<way>(?i:asc|desc)))?")


class LayoutTextError(ValueError):
    """A text that is no partition or no sort column; the message says what would be right."""


@dataclass(frozen=True)
class PartitionField:
    """One level of partitioning.

    Attributes:
        column: the column's name.
        transform: years, months, days, hours, bucket, truncate, or "" for the value itself.
        size: the number of buckets, or the width of truncation; 0 for the others.
    """

    column: str
    transform: str = ""
    size: int = 0

    @property
    def sql(self) -> str:
        """As Iceberg's SQL writes it, for ``PARTITIONED BY``."""
        if not self.transform:
            return self.column
        size = f"{self.size}, " if self.size else ""
        return f"{self.transform}({size}{self.column})"


@dataclass(frozen=True)
class SortField:
    """A column by which rows are sorted."""

    column: str
    descending: bool = False


def parse_partition(text: str) -> PartitionField:
    """Read one entry of ``partition_by``.

    Raises:
        LayoutTextError: it is none.
    """
    for pattern in _PARTITIONS:
        if match := pattern.fullmatch(text.strip()):
            found = match.groupdict()
            return PartitionField(found["column"], found.get("transform", "").lower(), int(found.get("size", 0)))
    raise LayoutTextError(f"{text!r} is no partition; write {PARTITIONS}")


def parse_sort(text: str) -> SortField:
    """Read one entry of ``sort_by``.

    Raises:
        LayoutTextError: it is none.
    """
    match = _SORT.fullmatch(text.strip())
    if match is None:
        raise LayoutTextError(f"{text!r} is no sort column; write a column, 'c asc' or 'c desc'")
    return SortField(match["column"], (match["way"] or "").lower() == "desc")
