"""Spark SQL expressions of contracts: derived columns, and errors that say which expression is wrong and why."""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from etl.contracts import Derived
from etl.errors import ExpressionError
from etl.transform.repeatable import require_repeatable
from utils.spark_versions import COMPILE_ERRORS


def compiled(what: str, build: Callable[[], DataFrame], repeatable: bool = True) -> DataFrame:
    """Build a frame; Spark analyses it then, and its complaint becomes one that names dataset and expression.

    Args:
        what: dataset, what of its contract, and the expression's text; begins the message.
        build: makes the frame.
        repeatable: whether its rows must be the same each time they are computed.

    Raises:
        ExpressionError: the expression does not compile, or is random.
    """
    try:
        built = build()
    except COMPILE_ERRORS as error:
        reason = next(line for line in str(error).splitlines() if line.strip())
        raise ExpressionError(f"{what} does not compile: {reason}") from error
    if repeatable:
        require_repeatable(built, what)
    return built


def derive(frame: DataFrame, derived: Derived, dataset: str) -> DataFrame:
    """Add a computed column, or replace the one of the same name.

    Raises:
        ExpressionError: the expression does not compile.
    """
    what = f"{dataset}: derived column {derived.name!r}: {derived.expression!r}"
    return compiled(what, lambda: frame.withColumn(derived.name, F.expr(derived.expression)))
