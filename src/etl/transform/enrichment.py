"""Enrichment: columns of other datasets' curated tables join a batch's rows."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from etl.contracts import Enrichment
from etl.errors import ExpressionError

# Why a row has no partner in an inner enrichment; such rows are refused, not dropped.
UNMATCHED = "_unmatched"


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
