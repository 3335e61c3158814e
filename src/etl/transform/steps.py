"""SQL steps: named Spark SQL statements over a batch's rows, earlier steps and other datasets' curated tables.

``batch`` is the rows so far. A step whose result has the columns that the curated table is written by makes the rows;
one without them (totals per customer, say) is a table that later steps see by its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from etl.contracts import SqlStep
from etl.errors import ExpressionError
from etl.transform.expressions import compiled
from etl.transform.needed import Needed, check_names, restored
from utils.spark_versions import SPARK_VERSION

BATCH_VIEW = "batch"
_COUNT = "rows of step "
Watch = Callable[[str, DataFrame], DataFrame]


def unwatched(_: str, rows: DataFrame) -> DataFrame:
    """A step's rows as they are."""
    return rows


def run_steps(
    frame: DataFrame,
    steps: Sequence[SqlStep],
    tables: Mapping[str, DataFrame],
    dataset: str,
    needed: Needed,
    watch: Watch = unwatched,
) -> DataFrame:
    """Run a dataset's SQL steps in their order. Nothing is computed yet.

    Args:
        frame: the batch's rows.
        steps: of the contract.
        tables: dataset -> curated table, of the contract's ``uses``.
        dataset: named in errors.
        needed: the columns that rows must have.
        watch: is given each step's name and rows and returns the rows, observed (``DataFrame.observe``) or as they are.

    Returns:
        The rows of the last step, with the pipeline's own columns (see :func:`etl.transform.needed.restored`).

    Raises:
        ExpressionError: a step does not compile, is no SELECT, or drops columns that are needed.
    """
    rows, seen = frame, dict(tables)
    for position, step in enumerate(steps):
        what = f"{dataset}: step {step.name!r}"
        found = _query(frame.sparkSession, step, {**seen, BATCH_VIEW: rows}, what)
        if needed.missing(found) and _is_used(step.name, steps[position + 1 :]):
            check_names(found, what)
            found = watch(step.name, found)
        else:
            rows = found = watch(step.name, restored(rows, found, needed, what))
        seen[step.name] = found
    return rows


def _is_used(name: str, later: Sequence[SqlStep]) -> bool:
    """Whether a later step reads it by name; a step without the needed columns that none reads dropped them."""
    return any(re.search(rf"\b{name}\b", step.sql, re.IGNORECASE) for step in later)


def _query(spark: SparkSession, step: SqlStep, tables: Mapping[str, DataFrame], what: str) -> DataFrame:
    # In brackets only a query is grammar: an INSERT or DROP would run as soon as it is given to Spark.
    statement = f"select * from (\n{step.sql.strip().rstrip(';')}\n)"  # noqa: S608 - the contract's SQL, as a query # nosec B608
    with _views(spark, tables):
        try:
            return compiled(what, lambda: spark.sql(statement))
        except ExpressionError as error:
            raise ExpressionError(
                f"{error} (a step is one SELECT or WITH statement; it sees {', '.join(sorted(tables))})"
            ) from error.__cause__


def counted(name: str, rows: DataFrame) -> DataFrame:
    """A :data:`Watch` that counts a step's rows in whatever pass uses them; :func:`rows_counted` tells them."""
    # Before Spark 3.4 only an Observation names what is observed.
    observed: Any = f"{_COUNT}{name}" if SPARK_VERSION >= (3, 4) else Observation(f"{_COUNT}{name}")
    return rows.observe(observed, F.count(F.lit(1)).alias("rows"))


def rows_counted(done: DataFrame) -> dict[str, int]:
    """Step -> rows, of the steps that were counted on the way to a frame.

    Not by ``Observation.get``, which waits for ever for a step that Spark has found out not to need: its rows are
    joined with nothing, and the count is missing here.

    Args:
        done: a frame on which an action (``collect``) has been called; its own run is looked at.
    """
    found = done._jdf.queryExecution().observedMetrics()
    names = found.keysIterator()
    counts = {}
    while names.hasNext():
        name = str(names.next())
        if name.startswith(_COUNT):
            counts[name.removeprefix(_COUNT)] = int(found.apply(name).getLong(0))
    return counts


@contextmanager
def _views(spark: SparkSession, tables: Mapping[str, DataFrame]) -> Iterator[None]:
    """Frames under names that SQL sees, for as long as a statement is analysed."""
    try:
        for name, table in tables.items():
            table.createOrReplaceTempView(name)
        yield
    finally:
        for name in tables:
            spark.catalog.dropTempView(name)
