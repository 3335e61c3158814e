"""The Python step: ``transform(df, context)`` of a dataset's own module in :mod:`etl.custom`, found by name."""

from __future__ import annotations

import importlib
import importlib.util
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pyspark.sql import DataFrame

from etl.contracts import Contract
from etl.errors import ExpressionError
from etl.transform.needed import Needed, restored

PACKAGE = "etl.custom"
FUNCTION = "transform"


@dataclass(frozen=True)
class Context:
    """What a Python step may know besides its rows.

    Attributes:
        dataset: its name.
        batch_id: of the batch that is processed.
        contract: the dataset's.
        tables: dataset -> curated table, of the contract's ``uses``.
    """

    dataset: str
    batch_id: str
    contract: Contract
    tables: Mapping[str, DataFrame]


Step = Callable[[DataFrame, Context], DataFrame]


def find_step(dataset: str) -> Step | None:
    """The function of a dataset's module; None where it has no module.

    Args:
        dataset: its name, which is the module's.

    Raises:
        ExpressionError: the module can't be imported, or has no function ``transform``.
    """
    name = f"{PACKAGE}.{dataset}"
    if importlib.util.find_spec(name) is None:
        return None
    try:
        module = importlib.import_module(name)
    except Exception as error:
        raise ExpressionError(f"{_file(dataset)} can't be imported: {_reason(error)}") from error
    step = getattr(module, FUNCTION, None)
    if not callable(step):
        found = "has none" if step is None else f"has {type(step).__name__} of that name"
        raise ExpressionError(f"{_file(dataset)} needs a function {FUNCTION}(df, context), and {found}")
    found_step: Step = step
    return found_step


def run_python_step(frame: DataFrame, context: Context, needed: Needed) -> DataFrame:
    """Give the rows to the dataset's Python step; they are returned as they are where it has none.

    Args:
        frame: the batch's rows.
        context: handed to the step.
        needed: the columns that rows must have.

    Raises:
        ExpressionError: naming the file, and what is wrong with it or with its result.
    """
    step = find_step(context.dataset)
    if step is None:
        return frame
    what = f"{context.dataset}: {_file(context.dataset)}"
    try:
        result = step(frame, _read_only(context))
    except Exception as error:
        raise ExpressionError(f"{what}: {FUNCTION} raised {_reason(error)}") from error
    if not isinstance(result, DataFrame):
        raise ExpressionError(f"{what}: {FUNCTION} returned {type(result).__name__}; it must return a DataFrame")
    return restored(frame, result, needed, what)


def _read_only(context: Context) -> Context:
    tables = MappingProxyType(dict(context.tables))
    return Context(context.dataset, context.batch_id, context.contract, tables)


def _file(dataset: str) -> str:
    return f"etl/custom/{dataset}.py"


def _reason(error: Exception) -> str:
    """The error in one line, with the line of the step that it came from."""
    text = next((line for line in str(error).splitlines() if line.strip()), "")
    places = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if PACKAGE.replace(".", "/") in
              frame.filename.replace("\\", "/")]  # fmt: skip
    where = f" (line {places[-1]})" if places else ""
    return f"{type(error).__name__}: {text}{where}"
