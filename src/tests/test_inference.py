"""Inference: the columns of a dataset without a contract get types that change no value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pyspark.sql import DataFrame

from etl.contracts import Column, parse_contracts
from etl.inference import infer_columns, suggested_contract

Texts = Callable[..., DataFrame]
VALUES: dict[str, tuple[str, list[str | None]]] = {
    "whole": ("long", ["0", "-5", "123456789012345678", None, " 7 "]),
    "too_long": ("string", ["1", "12345678901234567890"]),
    "leading_zero": ("string", ["007", "1"]),
    "amount": ("double", ["1", "-0.5", "10.25"]),
    "exact": ("string", ["0.1234567890123456789"]),
    "exponent": ("string", ["1e3"]),
    "flag": ("boolean", ["true", "FALSE", ""]),
    "bit": ("long", ["0", "1"]),
    "word": ("string", ["yes", "no"]),
    "on_day": ("date", ["2024-01-15", None]),
    "moment": ("timestamp", ["2024-01-15T10:00:00Z", "2024-01-15 10:00:00.5", "2024-01-15T10:00:00+0200"]),
    "day_or_moment": ("string", ["2024-01-15", "2024-01-15T10:00:00Z"]),
    "mixed": ("string", ["1", "one"]),
    "nothing": ("string", [None, "", "  "]),
}


@pytest.fixture
def texts(frame: Callable[..., DataFrame]) -> Texts:
    """A factory of readers' frames: ``texts(id=["1", None], corrupt=[None, "line"])``."""

    def make(corrupt: list[str | None] | None = None, **columns: list[str | None]) -> DataFrame:
        length = max((len(values) for values in columns.values()), default=0)
        padded = [values + [None] * (length - len(values)) for values in columns.values()]
        rows = zip(*padded, corrupt or [None] * length, [f"s3://raw/{n}" for n in range(length)], strict=True)
        schema = ", ".join(f"`{name}` string" for name in [*columns, "_corrupt_record", "_source_file"])
        return frame(schema, *rows)

    return make


def test_the_narrowest_type_that_changes_no_value_is_taken(texts: Texts) -> None:
    found = infer_columns(texts(**{name: values for name, (_, values) in VALUES.items()}))
    assert {column.name: column.type for column in found} == {name: kind for name, (kind, _) in VALUES.items()}
    assert [column.name for column in found] == list(VALUES)


def test_rows_that_do_not_parse_have_no_say(texts: Texts) -> None:
    [column] = infer_columns(texts(n=["1", "Ann"], corrupt=[None, "Ann,1,x"]))
    assert column.type == "long"


def test_a_frame_without_columns_or_rows_gives_none_or_text(texts: Texts) -> None:
    assert infer_columns(texts()) == ()
    assert infer_columns(texts(a=[])) == (Column("a", "string"),)


def test_a_column_named_like_one_of_the_pipelines_gets_another_name_and_keeps_its_own_as_alias(texts: Texts) -> None:
    found = infer_columns(texts(year=["1999"], source_year=["x"]))
    assert found == (Column("source_source_year", "long", aliases=("year",)), Column("source_year", "string"))


def test_the_suggested_contract_is_a_valid_one_with_the_same_columns(texts: Texts) -> None:
    columns = infer_columns(texts(year=["1999"], **{name: values for name, (_, values) in VALUES.items()}))
    contracts: dict[str, Any] = parse_contracts({"orders.yml": suggested_contract("orders", columns)})
    assert contracts["orders"].columns == columns
    assert contracts["orders"].matches("orders-2024.csv")
