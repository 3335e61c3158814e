"""The Python step: found by the dataset's name, given rows and context, and held to what the pipeline needs."""

from __future__ import annotations

import importlib
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame

import etl.custom
from etl.contracts import Contract
from etl.errors import ExpressionError
from etl.transform.needed import Needed
from etl.transform.python_step import Context, find_step, run_python_step

Frame = Callable[..., DataFrame]
ORDERS = Contract("orders", key=("id",))
NEEDED = Needed.of(ORDERS, {"_batch_id": "b1"})


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Writes etl/custom/orders.py, for this test only."""
    monkeypatch.setattr(etl.custom, "__path__", [*etl.custom.__path__, str(tmp_path / "etl" / "custom")])

    def write(text: str) -> None:
        file = tmp_path / "etl" / "custom" / "orders.py"
        file.parent.mkdir(parents=True)
        file.write_text(text)
        importlib.invalidate_caches()

    yield write
    sys.modules.pop("etl.custom.orders", None)


@pytest.fixture
def run(frame: Frame) -> Callable[[], DataFrame]:
    """Gives three rows to the step of orders."""

    def run(**tables: DataFrame) -> DataFrame:
        rows = [(name, amount, date(2024, 1, 5), "b1") for name, amount in (("a", 1), ("b", 2), ("x", 4))]
        batch = frame("id string, amount int, event_date date, _batch_id string", *rows)
        return run_python_step(batch, Context("orders", "b1", ORDERS, tables), NEEDED)

    return run


def test_a_dataset_without_module_has_no_step_and_its_rows_stay(run: Any) -> None:
    assert find_step("orders") is None
    assert run().count() == 3


def test_the_function_is_given_the_rows_and_makes_others(module: Any, run: Any) -> None:
    module("def transform(df, context):\n    return df.where('amount > 1').withColumn('twice', df.amount * 2)\n")
    assert sorted((row["id"], row["twice"]) for row in run().collect()) == [("b", 4), ("x", 8)]


def test_the_context_tells_dataset_batch_contract_and_tables(module: Any, run: Any, frame: Frame) -> None:
    module(
        "from pyspark.sql import functions as F\n"
        "def transform(df, context):\n"
        "    told = f'{context.dataset} {context.batch_id} {context.contract.key}'\n"
        "    return df.join(context.tables['names'], on='id').withColumn('told', F.lit(told))\n"
    )
    found = run(names=frame("id string, name string", ("a", "Ann"))).collect()
    assert [(row["name"], row["told"]) for row in found] == [("Ann", "orders b1 ('id',)")]


def test_the_context_can_not_be_changed(run: Any) -> None:
    context = Context("orders", "b1", ORDERS, {})
    with pytest.raises(FrozenInstanceError):
        context.batch_id = "other"  # type: ignore[misc]


def test_a_step_can_not_change_the_tables_of_others(module: Any, run: Any) -> None:
    module("def transform(df, context):\n    context.tables['more'] = df\n    return df\n")
    with pytest.raises(ExpressionError, match="mappingproxy"):
        run()


def test_a_step_is_found_in_a_zip_as_glue_imports_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Any
) -> None:
    archive = tmp_path / "library.zip"
    with zipfile.ZipFile(archive, "w") as library:
        library.writestr("etl/custom/orders.py", "def transform(df, context):\n    return df.limit(1)\n")
    monkeypatch.setattr(etl.custom, "__path__", [str(archive / "etl" / "custom")])
    try:
        assert run().count() == 1
    finally:
        sys.modules.pop("etl.custom.orders", None)


def test_own_columns_that_the_step_leaves_out_come_back(module: Any, run: Any) -> None:
    module("def transform(df, context):\n    return df.select('id', 'event_date')\n")
    assert run().columns == ["id", "event_date", "_batch_id"]
    assert {row["_batch_id"] for row in run().collect()} == {"b1"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [("import nosuch\n", r"etl/custom/orders.py can't be imported: ModuleNotFoundError: .*nosuch.* \(line 1\)"),
     ("def transform(:\n", r"etl/custom/orders.py can't be imported: SyntaxError"),
     ("x = 1\n1 / 0\n", r"can't be imported: ZeroDivisionError: division by zero \(line 2\)"),
     ("", r"needs a function transform\(df, context\), and has none"),
     ("transform = 7", r"needs a function transform\(df, context\), and has int of that name"),
     ("def transform(df): return df", r"transform raised TypeError: .*positional"),
     ("def transform(df, context):\n    return df.select('nope')", r"raised AnalysisException: .*nope.*\(line 2\)"),
     ("def transform(df, context):\n    return None", r"transform returned NoneType; it must return a DataFrame"),
     ("def transform(df, context):\n    return df.drop('id')", r"orders.py drops id; the curated table is written by"),
     ("def transform(df, context):\n    return df.toDF('id', 'Amount', 'event_date', '_batch_id')", r"'Amount' is no")],
)  # fmt: skip
def test_what_is_wrong_with_a_step_is_told_with_its_file(module: Any, run: Any, text: str, reason: str) -> None:
    module(text)
    with pytest.raises(ExpressionError, match=reason) as caught:
        run()
    assert "etl/custom/orders.py" in str(caught.value)
    assert "\n" not in str(caught.value)
