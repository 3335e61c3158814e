"""Transform: a contract's enrichment, derived columns and rules, in their order.

Each step can be used in ``DataFrame.transform``. Expressions are Spark SQL and see the columns that the
steps before them made: enrichment first, then derived columns in their order, then rules.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from etl.contracts import Contract
from etl.names import EVENT_DATE, METADATA, PARTITIONS
from etl.transform.enrichment import enrich
from etl.transform.expressions import derive
from etl.transform.rules import apply_rules


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
