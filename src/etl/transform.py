"""Transform: a contract's business rules, derived columns, enrichment and aggregates, ``DataFrame -> DataFrame``.

Each function can be used in ``DataFrame.transform``. Expressions are Spark SQL and see the columns that the
steps before them made: enrichment first, then derived columns in their order, then rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from etl.contracts import Aggregate, Contract, Derived, Enrichment, Rule
from etl.errors import ExpressionError
from etl.names import EVENT_DATE, FLAGS, METADATA, PARTITIONS, REASON, RECORD
from utils.spark_versions import COMPILE_ERRORS

# Why a row has no partner in an inner enrichment; such rows are refused, not dropped.
UNMATCHED = "_unmatched"


def transform(batch: DataFrame, contract: Contract, tables: Mapping[str, DataFrame]) -> DataFrame:
    """Everything that happens to a row between processed and curated.

    Args:
        batch: a batch of the processed layer.
        contract: the dataset's contract.
        tables: curated tables of the datasets that enrichment takes columns from.

    Returns:
        The curated columns, and ``_reject_reason`` (null for rows that pass) and ``_record`` (JSON of the row).

    Raises:
        ExpressionError: a rule or expression does not compile; says which and why.
    """
    steps = contract.processing
    frame = with_event_date(batch)
    for enrichment in steps.enrich:
        frame = enrich(frame, enrichment, tables[enrichment.dataset], contract.name)
    for derived in steps.derive:
        frame = derive(frame, derived, contract.name)
    return apply_rules(frame, steps.rules, contract.name)


def with_event_date(batch: DataFrame) -> DataFrame:
    """``event_date date`` instead of the folder columns year, month, day and batch_id."""
    date = F.to_date(F.concat_ws("-", *PARTITIONS))
    columns = [name for name in batch.columns if name not in (*PARTITIONS, "batch_id", *METADATA)]
    return batch.select(*columns, date.alias(EVENT_DATE), *(m for m in METADATA if m in batch.columns))


def enrich(frame: DataFrame, enrichment: Enrichment, table: DataFrame, dataset: str) -> DataFrame:
    """Join columns of another dataset's curated table, which has one row per key.

    Args:
        frame: the rows.
        enrichment: keys, columns and how.
        table: the other dataset's curated table.
        dataset: named in errors.

    Raises:
        ExpressionError: the table lacks one of the columns.
    """
    wanted = [*enrichment.keys.values(), *enrichment.columns]
    missing = [name for name in wanted if name not in table.columns]
    if missing:
        raise ExpressionError(
            f"{dataset}: enrichment from {enrichment.dataset} needs column(s) {', '.join(missing)}; its curated table "
            f"has {', '.join(table.columns)}"
        )
    right_keys = {right: f"_key_{position}" for position, right in enumerate(enrichment.keys.values())}
    right = table.select(
        F.lit(True).alias("_found"),
        *(F.col(name).alias(alias) for name, alias in right_keys.items()),
        *(F.col(n).alias(o) for n, o in zip(enrichment.columns, enrichment.output_columns(), strict=True)),
    )
    conditions = [F.col(left) == F.col(right_keys[name]) for left, name in enrichment.keys.items()]
    # A column of the source that the contract doesn't know may have the same name; the contract's stays.
    replaced = [name for name in enrichment.output_columns() if name not in enrichment.keys]
    joined = frame.drop(*replaced).join(right, on=conditions, how="left")
    if enrichment.how == "inner":
        keys = ", ".join(enrichment.keys)
        reason = F.when(F.col("_found").isNull(), f"{keys}: no match in {enrichment.dataset}")
        earlier = [F.col(UNMATCHED)] if UNMATCHED in frame.columns else []
        joined = joined.withColumn(UNMATCHED, F.coalesce(*earlier, reason))
    return joined.drop("_found", *right_keys.values())


def derive(frame: DataFrame, derived: Derived, dataset: str) -> DataFrame:
    """Add a computed column, or replace the one of the same name.

    Raises:
        ExpressionError: the expression does not compile.
    """
    what = f"{dataset}: derived column {derived.name!r}: {derived.expression!r}"
    return _compiled(what, lambda: frame.withColumn(derived.name, F.expr(derived.expression)))


def apply_rules(frame: DataFrame, rules: Sequence[Rule], dataset: str) -> DataFrame:
    """Judge every row by every rule: a row breaks a rule when its condition is not true (null counts as broken).

    Returns:
        The frame with ``_flags array<string>`` (names of broken flag rules), ``_reject_reason`` (the first broken
        reject rule, or null) and ``_record``.

    Raises:
        ExpressionError: a condition does not compile.
    """
    broken: dict[str, SparkColumn] = {}
    for rule in rules:
        _compiled(f"{dataset}: rule {rule.name!r}: {rule.condition!r}", _filter(frame, rule.condition))
        broken[rule.name] = ~F.coalesce(F.expr(rule.condition), F.lit(False))
    rejects = [F.when(broken[r.name], f"rule {r.name}: {r.condition}") for r in rules if r.on_failure == "reject"]
    flags = [F.when(broken[r.name], r.name) for r in rules if r.on_failure == "flag"]
    no_text = F.lit(None).cast("string")
    unmatched = [F.col(UNMATCHED)] if UNMATCHED in frame.columns else []
    values = [name for name in frame.columns if name not in (*METADATA, UNMATCHED)]
    return frame.select(
        *values,
        F.filter(F.array(*flags, no_text), lambda name: name.isNotNull()).alias(FLAGS),
        *(name for name in METADATA if name in frame.columns),
        F.coalesce(*unmatched, *rejects, no_text).alias(REASON),
        F.to_json(F.struct(*values)).alias(RECORD),
    )


def _filter(frame: DataFrame, condition: str) -> Callable[[], DataFrame]:
    return lambda: frame.where(condition)


def _compiled(what: str, build: Callable[[], DataFrame]) -> DataFrame:
    """Spark analyses a frame when it is made: its complaint becomes one that names dataset and expression."""
    try:
        return build()
    except COMPILE_ERRORS as error:
        reason = next(line for line in str(error).splitlines() if line.strip())
        raise ExpressionError(f"{what} does not compile: {reason}") from error


def aggregate(curated: DataFrame, definition: Aggregate, dataset: str) -> DataFrame:
    """A daily aggregate: one row per ``event_date`` and group.

    Args:
        curated: the rows of the dates in question.
        definition: group and measures.
        dataset: named in errors.

    Returns:
        ``event_date``, the group's columns, and the measures.

    Raises:
        ExpressionError: a measure does not compile.
    """
    measures = [F.expr(expression).alias(name) for name, expression in definition.measures.items()]
    what = f"{dataset}: aggregate {definition.name!r}: {', '.join(definition.measures.values())}"
    return _compiled(what, lambda: curated.groupBy(EVENT_DATE, *definition.group_by).agg(*measures))
