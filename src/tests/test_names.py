"""Names: one spelling for columns and datasets, whatever the source calls them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.names import dataset_from_file_name, standard_name, unique_names

STANDARD = re.compile(r"[a-z][a-z0-9_]*")


@pytest.mark.parametrize(
    ("source", "standard"),
    [
        ("order_id", "order_id"),
        ("orderId", "order_id"),
        ("OrderID", "order_id"),
        ("HTTPStatus", "http_status"),
        ("Order  Date", "order_date"),
        ("  amount (EUR) ", "amount_eur"),
        ("Código Postal", "codigo_postal"),
        ("Straße", "strae"),
        ("ﬁle", "file"),
        ("_source_file", "source_file"),
        ("2024 sales", "c_2024_sales"),
        ("line2Total", "line2_total"),
        ("a.b-c/d", "a_b_c_d"),
        ("日本", "column"),
        ("%", "column"),
        ("", "column"),
    ],
)
def test_a_source_name_becomes_snake_case_ascii(source: str, standard: str) -> None:
    assert standard_name(source) == standard


@given(st.text())
def test_every_standard_name_is_an_identifier_and_stays_as_it_is(text: str) -> None:
    name = standard_name(text)
    assert STANDARD.fullmatch(name)
    assert standard_name(name) == name


def test_names_that_come_again_are_numbered_without_touching_the_first() -> None:
    assert unique_names(["id", "ID", "Id ", "name"]) == ["id", "id_2", "id_3", "name"]


def test_a_numbered_name_does_not_meet_one_that_the_source_has_numbered_itself() -> None:
    assert unique_names(["a", "a_2", "a", "a_2"]) == ["a", "a_2", "a_3", "a_2_2"]


@given(st.lists(st.one_of(st.text(max_size=4), st.sampled_from(["a", "A", "a_2", "a_3", "", "column_2"]))))
def test_unique_names_are_unique_standard_and_one_per_source_name(sources: list[str]) -> None:
    names = unique_names(sources)
    assert len(names) == len(sources) == len(set(names))
    assert all(STANDARD.fullmatch(name) for name in names)


@pytest.mark.parametrize(
    ("file", "dataset"),
    [
        ("orders.csv", "orders"),
        ("orders-2024-01-15.csv", "orders"),
        ("orders_003.csv.gz", "orders"),
        ("orders.part-00001.json", "orders"),
        ("orders_20240115T093000.csv", "orders"),
        ("orders-2024-01-15T09-30-00Z.csv", "orders"),
        ("orders 2024 01.csv", "orders"),
        ("OrderLines12.csv", "order_lines"),
        ("plan9_report.csv", "plan9_report"),
        ("q4.csv", "q"),
        ("2024-01-15.csv", "c_2024_01_15"),
        (".hidden", "hidden"),
        ("", "column"),
    ],
)
def test_a_file_without_folder_and_contract_names_its_dataset(file: str, dataset: str) -> None:
    assert dataset_from_file_name(file) == dataset


@pytest.mark.timeout(5)
def test_a_long_row_of_digits_is_read_at_once() -> None:
    assert dataset_from_file_name("9" * 60 + "x.csv") == "c_" + "9" * 60 + "x"
    assert dataset_from_file_name("1-" * 500 + "x.csv").endswith("_1_x")


@given(st.text())
def test_every_file_name_gives_a_dataset(file: str) -> None:
    assert STANDARD.fullmatch(dataset_from_file_name(file))
