"""How a contract writes partitions and sort orders."""

from __future__ import annotations

import pytest

from etl.contracts.layout import LayoutTextError, PartitionField, SortField, parse_partition, parse_sort


@pytest.mark.parametrize(
    ("text", "field", "sql"),
    [
        ("event_date", PartitionField("event_date"), "event_date"),
        ("months(ordered_at)", PartitionField("ordered_at", "months"), "months(ordered_at)"),
        (" Days ( t ) ", PartitionField("t", "days"), "days(t)"),
        ("bucket(16,c)", PartitionField("c", "bucket", 16), "bucket(16, c)"),
        ("truncate(4, c)", PartitionField("c", "truncate", 4), "truncate(4, c)"),
    ],
)
def test_a_partition_is_a_column_or_a_transform_of_one(text: str, field: PartitionField, sql: str) -> None:
    assert parse_partition(text) == field
    assert parse_partition(text).sql == sql


@pytest.mark.parametrize(
    "text",
    ["", "Days", "day(t)", "days()", "days(a, b)", "bucket(c)", "bucket(0, c)", "truncate(c, 4)", "a b", "a; drop"],
)
def test_any_other_partition_is_told_with_what_would_be_right(text: str) -> None:
    with pytest.raises(LayoutTextError, match=r"is no partition; write a column, or years\(c\), months\(c\)"):
        parse_partition(text)


@pytest.mark.parametrize(
    ("text", "field"),
    [("a", SortField("a")), ("a asc", SortField("a")), ("a  DESC", SortField("a", descending=True))],
)
def test_a_sort_column_may_say_its_way(text: str, field: SortField) -> None:
    assert parse_sort(text) == field


@pytest.mark.parametrize("text", ["", "a up", "a desc nulls last", "days(a)", "A"])
def test_any_other_sort_column_is_told_with_what_would_be_right(text: str) -> None:
    with pytest.raises(LayoutTextError, match="is no sort column; write a column, 'c asc' or 'c desc'"):
        parse_sort(text)
