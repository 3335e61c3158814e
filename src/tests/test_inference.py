"""Inference: the columns of a dataset without a contract get types that change no value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from etl.contracts import Column, Contract, parse_contracts
from etl.contracts.checks import RESERVED
from etl.inference import UNIQUE, InferredColumn, infer_columns, suggested_contract
from etl.names import standard_name, unique_names
from etl.standardise import standardise

Texts = Callable[..., DataFrame]
VALUES: dict[str, tuple[str, list[str | None]]] = {
    "whole": ("long", ["0", "-5", "123456789012345678", None, " 7 "]),
    "too_long": ("string", ["1", "12345678901234567890"]),
    "leading_zero": ("string", ["007", "1"]),
    "negative_zero": ("string", ["-0", "1"]),
    "plus": ("string", ["+5", "5"]),
    "hexadecimal": ("string", ["0x1F", "12"]),
    "thousands": ("string", ["1,000", "12"]),
    "line_break": ("string", ["1\n", "2"]),
    "other_digits": ("string", ["\u0661", "\u0662"]),
    "price": ("decimal(18,4)", ["1.00", "-0.50", "10.25", None]),
    "zero_padded_price": ("string", ["01.00", "2.00"]),
    "mixed_scales": ("decimal(18,4)", ["1", "-0.5", "10.25"]),
    "place": ("decimal(18,9)", ["52.520008", "13.4049540"]),
    "large": ("decimal(38,4)", ["12345678901234567890.12"]),
    "exact": ("decimal(38,19)", ["0.1234567890123456789"]),
    "longest": ("decimal(38,37)", ["0.1234567890123456789012345678901234567"]),
    "too_exact": ("string", ["0.12345678901234567890123456789012345678"]),
    "too_exact_together": ("string", ["12345678901234567890", "0.1234567890123456789"]),
    "bare_point": ("string", ["1.", ".5"]),
    "exponent": ("string", ["1e3"]),
    "product_code": ("string", ["1E5", "2E7"]),
    "measured": ("double", ["1.5E-7", "-2.0", "3", "NaN"]),
    "too_long_for_a_double": ("string", ["1.5E-7", "0.1234567890123456789"]),
    "flag": ("boolean", ["true", "FALSE", ""]),
    "bit": ("long", ["0", "1"]),
    "word": ("string", ["yes", "no"]),
    "on_day": ("date", ["2024-01-15", None]),
    "no_day": ("string", ["2024-01-15", "2024-02-31"]),
    "moment": ("timestamp", ["2024-01-15T10:00:00Z", "2024-01-15 10:00:00.5", "2024-01-15T10:00:00+0200"]),
    "no_moment": ("string", ["2024-01-15 25:00:00"]),
    "day_or_moment": ("string", ["2024-01-15", "2024-01-15T10:00:00Z"]),
    "american_or_not": ("string", ["13/01/2024", "01/02/2024"]),
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


def plain(columns: tuple[Column, ...]) -> list[Column]:
    """The columns without what was remarked of them."""
    return [Column(column.name, column.type, aliases=column.aliases) for column in columns]


def hints(columns: tuple[Column, ...]) -> dict[str, tuple[str, ...]]:
    return {column.name: column.hints for column in columns if isinstance(column, InferredColumn)}


def test_the_narrowest_type_that_changes_no_value_is_taken(texts: Texts) -> None:
    found = infer_columns(texts(**{name: values for name, (_, values) in VALUES.items()}))
    assert {column.name: column.type for column in found} == {name: kind for name, (kind, _) in VALUES.items()}
    assert [column.name for column in found] == list(VALUES)


def test_every_value_of_the_first_batch_has_its_column_s_type(texts: Texts) -> None:
    raw = texts(**{name: values for name, (_, values) in VALUES.items()})
    contract = Contract("things", columns=infer_columns(raw))
    rows = standardise(raw, contract, datetime(2024, 1, 1)).collect()
    assert [row["_rescued_data"] for row in rows] == [None] * len(rows)
    assert [row["_refusal"] for row in rows] == [None] * len(rows)


def test_rows_that_do_not_parse_have_no_say(texts: Texts) -> None:
    [column] = infer_columns(texts(n=["1", "Ann"], corrupt=[None, "Ann,1,x"]))
    assert column.type == "long"


def test_the_reader_s_own_columns_are_none_of_the_dataset(texts: Texts) -> None:
    raw = texts(n=["1"]).withColumn("_position", F.lit("line 2"))
    assert [column.name for column in infer_columns(raw)] == ["n"]


def test_a_frame_without_columns_or_rows_gives_none_or_text(texts: Texts) -> None:
    assert infer_columns(texts()) == ()
    assert plain(infer_columns(texts(a=[]))) == [Column("a", "string")]


def test_a_column_named_like_one_of_the_pipelines_gets_another_name_and_keeps_its_own_as_alias(texts: Texts) -> None:
    found = infer_columns(texts(year=["1999"], source_year=["x"]))
    assert plain(found) == [Column("source_source_year", "long", aliases=("year",)), Column("source_year", "string")]


def test_what_a_person_may_decide_otherwise_is_remarked(texts: Texts) -> None:
    raw = texts(
        code=["007", "008"],
        empty=["", None],
        born=["1.2.2024", "13/01/2024"],
        due=["2024/01/15", "2024.2.3"],
        on=["yes", "N"],
        number=["5", "6"],
        same=["x", "x"],
        partly=["z", None],
        amount=["1.50", "2.50"],
    )
    found = hints(infer_columns(raw))
    assert found["code"] == (UNIQUE, "digits only; text, since zeros at the front or all of many digits count")
    assert found["empty"] == ("no values in the first files",)
    assert "dd/MM/yyyy" in found["born"][1] and "yyyy/MM/dd" in found["due"][1]
    assert found["on"][1] == "type boolean takes these words"
    assert found["number"] == (UNIQUE,)
    assert found["amount"] == ("at most 2 digits behind the point so far",)
    assert found["same"] == found["partly"] == ()


def test_the_suggested_contract_is_a_valid_one_with_the_same_columns(texts: Texts) -> None:
    columns = infer_columns(texts(year=["1999"], **{name: values for name, (_, values) in VALUES.items()}))
    contracts: dict[str, Any] = parse_contracts({"orders.yml": suggested_contract("orders", columns)})
    assert list(contracts["orders"].columns) == plain(columns)
    assert contracts["orders"].matches("orders-2024.csv")


def test_the_suggestion_names_what_could_be_key_and_event_time_as_comments(texts: Texts) -> None:
    raw = texts(
        sold_on=["2024-01-15", "2024-01-16"],
        order_id=["A1", "A2"],
        line=["1", "2"],
        at=["2024-01-15 10:00:00", "2024-01-16 11:00:00"],
        paid_at=["2024-01-15 10:00:00", None],
    )
    text = suggested_contract("orders", infer_columns(raw))
    assert "# order_id looks unique in the first files; so do line. A column of the key must be required: true." in text
    assert "# key: [order_id]\n# event_time: at\n# order_by: [at]\n" in text
    completed = text.replace("# key", "key").replace("# event_time", "event_time").replace("# order_by", "order_by")
    completed = completed.replace("order_id, type: string", "order_id, type: string, required: true")
    contract = parse_contracts({"orders.yml": completed})["orders"]
    assert (contract.key, contract.event_time, contract.order_by) == (("order_id",), "at", ("at",))


def test_a_column_of_many_values_looks_unique_although_they_are_only_estimated(spark: SparkSession) -> None:
    numbers = spark.range(50_000).selectExpr(
        "cast(id as string) as id", "cast(id % 30000 as string) as group", "string(null) as _corrupt_record"
    )
    assert hints(infer_columns(numbers)) == {"id": (UNIQUE,), "group": ()}


def test_a_dataset_without_columns_has_nothing_to_suggest() -> None:
    assert suggested_contract("orders", ()).startswith("# The first files of orders had no columns")


TYPES = st.sampled_from(["string", "long", "decimal(18,2)", "double", "date", "timestamp", "boolean"])
NAMES = st.text(max_size=12) | st.sampled_from(["no", "on", "y", "null", "~", "1", "2024-01-15", "<<", "true", "key"])


@given(
    dataset=NAMES,
    names=st.lists(NAMES, min_size=1, max_size=6),
    kinds=st.lists(TYPES, min_size=6, max_size=6),
    unique=st.booleans(),
)
def test_whatever_the_names_the_suggestion_is_a_contract(
    dataset: str, names: list[str], kinds: list[str], unique: bool
) -> None:
    wild = unique_names([name for name in names if standard_name(name) not in RESERVED] or ["x"])
    remarks = (UNIQUE,) if unique else ("no values in the first files",)
    columns = tuple(
        InferredColumn(name, kind, hints=remarks, complete=True) for name, kind in zip(wild, kinds, strict=False)
    )
    name = standard_name(dataset)
    contract = parse_contracts({f"{name}.yml": suggested_contract(name, columns)})[name]
    assert list(contract.columns) == plain(columns)
