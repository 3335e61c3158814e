"""Discovery: which dataset a file belongs to, and which files are new work."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.contracts import Contract, Source
from etl.discovery import SourceFile, dataset_of, is_marker, new_work, source_file
from utils.glue_utils import StoredFile

FOLDER = "s3://raw/data/incoming/2024/01/15/"
CONTRACTS = {
    "orders": Contract("orders", source=Source(patterns=("ord_*", "sales-??.csv"))),
    "customers": Contract("customers"),
}


def a_file(name: str = "a.csv", size: int = 10, modified_ms: int = 1, content_hash: str = "") -> SourceFile:
    key = f"data/incoming/2024/01/15/{name}"
    return SourceFile(f"s3://raw/{key}", FOLDER, key, "a", size, modified_ms, content_hash)


class KnownClaims:
    """Claims of one folder; remembers what it was asked and told."""

    def __init__(self, *claimed: SourceFile) -> None:
        self.claimed = {file.key: file for file in claimed}
        self.asked: list[str] = []
        self.refreshed: list[SourceFile] = []

    def claims_of(self, folder: str) -> Mapping[str, SourceFile]:
        self.asked.append(folder)
        return self.claimed

    def refresh_claim(self, file: SourceFile) -> None:
        self.refreshed.append(file)


class Contents:
    """Content hashes by URI; a URI that is hashed without need is an error."""

    def __init__(self, **by_name: str) -> None:
        self.by_name = by_name

    def content_hashes(self, uris: list[str]) -> dict[str, str]:
        return {uri: self.by_name[uri.rpartition("/")[2].partition(".")[0]] for uri in uris}


@pytest.mark.parametrize(
    ("key", "dataset"),
    [
        ("data/incoming/orders/2024/01/15/x.csv", "orders"),
        ("data/incoming/Order Lines/2024/01/15/x.csv", "order_lines"),
        ("data/incoming/orders/x.csv", "orders"),
        ("data/incoming/customers/2024/01/15/ord_1.csv", "customers"),
        ("data/incoming/2024/01/15/ord_1.csv", "orders"),
        ("data/incoming/2024/01/15/sales-09.csv", "orders"),
        ("data/incoming/2024/01/15/sales-009.csv", "sales"),
        ("data/incoming/2024/01/15/Refunds-2024-01-15.csv", "refunds"),
        ("data/incoming/ord_1.csv", "orders"),
        ("data/incoming/20240115/x.csv", "c_20240115"),
        ("data/incoming//x.csv", "x"),
    ],
)
def test_folder_then_pattern_then_file_name_tell_the_dataset(key: str, dataset: str) -> None:
    assert dataset_of(key, CONTRACTS) == dataset


OVERLAPPING = {
    "all": Contract("all", source=Source(patterns=("*",))),
    "order_lines": Contract("order_lines", source=Source(patterns=("o*", "order_lines*"))),
    "orders": Contract("orders", source=Source(patterns=("order*",))),
}


@pytest.mark.parametrize(
    ("name", "dataset"),
    [("order_lines_1.csv", "order_lines"), ("orders_1.csv", "orders"), ("other.csv", "order_lines"), ("x.csv", "all")],
)
def test_of_several_patterns_that_fit_the_longest_wins_whatever_the_order(name: str, dataset: str) -> None:
    assert dataset_of(f"data/incoming/2024/01/15/{name}", OVERLAPPING) == dataset
    assert dataset_of(f"data/incoming/2024/01/15/{name}", dict(reversed(OVERLAPPING.items()))) == dataset


@pytest.mark.parametrize(
    ("key", "dataset"),
    [
        ("2024/01/15/refunds.parquet/part-00000-3f1c2a9b-c000.snappy.parquet", "refunds"),
        ("2024/01/15/Refunds 2024-01-15/country=DE/part-00007-3f1c2a9b.c000.csv", "refunds"),
        ("2024/01/15/ord_export/part-r-00000", "orders"),
        ("2024/01/15/part-00000-3f1c2a9b.parquet", "part"),
        ("2024/01/15/part-00001-77aa.parquet", "part"),
        ("orders/2024/01/15/x/part-00001-77aa.parquet", "orders"),
        ("2024/01/15/refunds/part-numbers.csv", "part_numbers"),
        ("2024/01/15/refunds/part-2024.csv", "part"),
    ],
)
def test_the_parts_that_spark_wrote_go_by_the_folder_that_it_wrote(key: str, dataset: str) -> None:
    assert dataset_of(f"data/incoming/{key}", CONTRACTS) == dataset


def test_a_pattern_may_name_parts_themselves() -> None:
    contracts = {"visits": Contract("visits", source=Source(patterns=("part-*",)))}
    assert dataset_of("data/incoming/2024/01/15/refunds/part-00000-77aa.parquet", contracts) == "visits"


@given(st.text())
def test_every_key_has_a_dataset_with_a_standard_name(rest: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", dataset_of(f"data/incoming/{rest}", CONTRACTS))


def test_a_listed_file_is_split_into_folder_key_and_name() -> None:
    stored = StoredFile("s3://raw/data/incoming/2024/01/15/ord 100%+ü.csv", size=7, modified_ms=99)
    file = source_file(stored, "s3://raw/", CONTRACTS)
    assert file == SourceFile(
        uri=stored.uri,
        folder="s3://raw/data/incoming/2024/01/15/",
        key="data/incoming/2024/01/15/ord 100%+ü.csv",
        dataset="ord_100_u",
        size=7,
        modified_ms=99,
    )
    assert file.name == "ord 100%+ü.csv"


@pytest.mark.parametrize(
    ("name", "size", "marker"),
    [
        ("_SUCCESS", 0, True),
        ("_SUCCESS", 1, False),
        ("_started_123", 0, True),
        ("_committed_123", 0, True),
        ("data_$folder$", 5, True),
        ("orders/_temporary/0/task_1/part-00000.parquet", 9, True),
        ("orders/.spark-staging-1/part-00000.parquet", 9, True),
        ("empty.csv", 0, False),
        ("a.csv", 10, False),
    ],
)
def test_markers_of_tools_are_no_data(name: str, size: int, marker: bool) -> None:
    assert is_marker(a_file(name, size)) is marker


def test_an_unclaimed_file_is_new_work_with_its_hash() -> None:
    assert new_work([a_file()], KnownClaims(), Contents(a="h1")) == [a_file(content_hash="h1")]


def test_a_file_of_the_claimed_size_and_time_is_neither_hashed_nor_work() -> None:
    assert new_work([a_file()], KnownClaims(a_file(content_hash="h1")), Contents()) == []


@pytest.mark.parametrize("change", [{"modified_ms": 2}, {"size": 11}])
def test_a_file_written_again_with_other_content_is_new_work(change: dict[str, int]) -> None:
    claims = KnownClaims(a_file(content_hash="h1"))
    assert new_work([a_file(**change)], claims, Contents(a="h2")) == [a_file(**change, content_hash="h2")]
    assert claims.refreshed == []


def test_a_file_written_again_with_the_same_content_only_refreshes_its_claim() -> None:
    claims = KnownClaims(a_file(content_hash="h1"))
    assert new_work([a_file(modified_ms=2)], claims, Contents(a="h1")) == []
    assert claims.refreshed == [a_file(modified_ms=2, content_hash="h1")]


def test_the_same_content_under_another_key_is_new_work() -> None:
    claims = KnownClaims(a_file("a.csv", content_hash="h1"))
    assert [file.name for file in new_work([a_file("b.csv")], claims, Contents(b="h1"))] == ["b.csv"]


def test_a_folder_is_asked_for_once_markers_never_and_work_is_in_order_of_keys() -> None:
    claims = KnownClaims()
    files = [a_file("c.csv"), a_file("_SUCCESS", size=0), a_file("b.csv")]
    work = new_work(files, claims, Contents(b="1", c="2"))
    assert [file.name for file in work] == ["b.csv", "c.csv"]
    assert claims.asked == [FOLDER]
