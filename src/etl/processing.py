"""Processing: INGESTED batches -> curated Iceberg tables and daily aggregates.

Every step is safe to repeat: refused rows go to a folder of the batch's own, the MERGE lets the later row win,
the touched dates are noted in the ledger before the MERGE can hide them, and aggregates of these dates are
replaced in one commit. So a run that is killed anywhere is simply done again.
"""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import TopologicalSorter

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from etl.attempt import inferred_columns
from etl.contracts import Contract, inferred
from etl.curated.merge import merge_by_key
from etl.curated.replace import replace_batch, replace_dates
from etl.curated.tables import ensure_table, row_count, table_exists
from etl.errors import MissingTableError, RowBalanceError
from etl.folders import batch_folders
from etl.ingestion import register
from etl.leases import lease
from etl.ledger import INGESTED, PROCESSED, Batch
from etl.names import BATCH, EVENT_DATE, REASON, RECORD, SOURCE_FILE
from etl.pipeline import Pipeline, each_dataset
from etl.processed import read_batch
from etl.quarantine import keep_rows
from etl.transform.aggregates import aggregate
from etl.transform.flow import transform

STAGE = "processing"


def process(pipeline: Pipeline) -> dict[str, str]:
    """Process every batch that ingestion has committed, datasets that others need first.

    Args:
        pipeline: the run.

    Returns:
        dataset -> reason, for those that failed.
    """
    contracts = pipeline.contracts()

    def work(dataset: str) -> None:
        _process_dataset(pipeline, contracts.get(dataset, inferred(dataset)))

    return each_dataset(pipeline, in_order_of_need(contracts, pipeline.ledger.datasets()), work)


def in_order_of_need(contracts: dict[str, Contract], datasets: Sequence[str]) -> list[str]:
    """The datasets such that each comes after those it takes columns from (contracts have no cycles)."""
    needs = {
        name: {enrichment.dataset for enrichment in contract.processing.enrich} for name, contract in contracts.items()
    }
    order = TopologicalSorter(needs | {name: set() for name in datasets if name not in needs}).static_order()
    return [name for name in order if name in set(datasets)]


def _process_dataset(pipeline: Pipeline, contract: Contract) -> None:
    settings, ledger = pipeline.settings, pipeline.ledger
    if not ledger.batches(contract.name, INGESTED):
        return
    with lease(ledger.state, contract.name, STAGE, ledger.owner, settings.lease_seconds):
        for batch in ledger.batches(contract.name, INGESTED):
            taken = ledger.take_over(batch)
            if not taken.facts.get("cataloged"):
                taken = register(pipeline, taken, contract.columns or inferred_columns(pipeline, contract.name))
            _process_batch(pipeline, contract, taken)


def _process_batch(pipeline: Pipeline, contract: Contract, batch: Batch) -> None:
    if not batch.facts["rows_written"]:
        pipeline.ledger.advance(batch, PROCESSED, rows_curated=0, rows_rejected=0)
        return
    rows = read_batch(pipeline.spark, batch_folders(pipeline.settings, batch).processed)
    judged = transform(rows, contract, _enrichment_tables(pipeline, contract))
    accepted = judged.where(F.col(REASON).isNull()).drop(REASON, RECORD)
    table = pipeline.settings.table(contract.name)
    ensure_table(accepted, table, partition_by=EVENT_DATE)
    rejected, dates = _survey(pipeline, batch, contract, judged)
    batch = pipeline.ledger.note(batch, touched_dates=sorted({*batch.facts.get("touched_dates", ()), *dates}))
    reasons = _quarantine(pipeline, batch, judged, rejected)
    if contract.key:
        merge_by_key(accepted, table, contract.key, contract.order_by)
    else:
        replace_batch(accepted, table, batch.id)
    _aggregate(pipeline, contract, batch.facts["touched_dates"])
    curated = batch.facts["rows_written"] - rejected
    facts = {"rows_curated": curated, "rows_rejected": rejected, "reject_reasons": reasons}
    pipeline.ledger.advance(batch, PROCESSED, **facts)
    for name in (contract.name, *(definition.name for definition in contract.processing.aggregates)):
        _record_table(pipeline, name, contract.name)
    pipeline.log.info("%s: batch %s: %d rows curated, %d rejected", batch.dataset, batch.id, curated, rejected)
    pipeline.emit(batch.dataset, RowsCurated=curated, RowsRejected=rejected)


def _record_table(pipeline: Pipeline, name: str, dataset: str) -> None:
    """Write down what a curated table holds now, for summaries that have no Spark."""
    full_name = pipeline.settings.table(name)
    if table_exists(pipeline.spark, full_name):
        rows = row_count(pipeline.spark, full_name)
        location = f"{pipeline.settings.curated}{pipeline.settings.database}/{name}/"
        pipeline.ledger.put("table", name, dataset=dataset, rows=rows, location=location)


def _enrichment_tables(pipeline: Pipeline, contract: Contract) -> dict[str, DataFrame]:
    tables = {}
    for enrichment in contract.processing.enrich:
        name = pipeline.settings.table(enrichment.dataset)
        if not table_exists(pipeline.spark, name):
            raise MissingTableError(
                f"{contract.name} takes columns from {enrichment.dataset}, whose curated table is not there yet; bring "
                f"files of {enrichment.dataset} and start the workflow again. The batch waits."
            )
        tables[enrichment.dataset] = pipeline.spark.table(name)
    return tables


def _survey(pipeline: Pipeline, batch: Batch, contract: Contract, judged: DataFrame) -> tuple[int, set[str]]:
    """One look before anything is written: rejected rows, and the event dates that the batch touches.

    A row that moves to another date touches the date that it leaves, too.

    Raises:
        RowBalanceError: the transformation has lost or multiplied rows.
    """
    passed = F.when(F.col(REASON).isNull(), F.col(EVENT_DATE).cast("string"))
    found = judged.agg(
        F.count(F.lit(1)).alias("rows"),
        F.count(REASON).alias("rejected"),
        F.collect_set(passed).alias("dates"),
    ).first()
    if found is None or found["rows"] != batch.facts["rows_written"]:
        raise RowBalanceError(
            f"batch {batch.dataset}/{batch.id}: {batch.facts['rows_written']} rows in processed, "
            f"{found['rows'] if found else 0} after the transformation"
        )
    dates = set(found["dates"])
    if contract.key and contract.processing.aggregates:
        keys = judged.where(F.col(REASON).isNull()).select(*contract.key)
        present = pipeline.spark.table(pipeline.settings.table(contract.name))
        moved = present.join(keys, on=list(contract.key), how="left_semi").select(EVENT_DATE).distinct()
        dates |= {str(row[EVENT_DATE]) for row in moved.collect()}
    return int(found["rejected"]), dates


def _quarantine(pipeline: Pipeline, batch: Batch, judged: DataFrame, rejected: int) -> dict[str, int]:
    folder = batch_folders(pipeline.settings, batch).quarantine
    if not rejected:
        pipeline.storage.delete(f"{folder}rows/stage={STAGE}/")
        return {}
    rows = judged.where(F.col(REASON).isNotNull()).select(
        F.col(REASON).alias("reason"),
        F.col(SOURCE_FILE).alias("source_file"),
        F.col(RECORD).alias("record"),
        F.col(BATCH).alias("batch_id"),
    )
    return keep_rows(rows, folder, STAGE, rejected)


def _aggregate(pipeline: Pipeline, contract: Contract, dates: Sequence[str]) -> None:
    """Compute the daily aggregates of the touched dates again and put them in place of what was there."""
    if not dates:
        return
    curated = pipeline.spark.table(pipeline.settings.table(contract.name))
    touched = curated.where(F.col(EVENT_DATE).isin([F.to_date(F.lit(date)) for date in dates]))
    for definition in contract.processing.aggregates:
        table = pipeline.settings.table(definition.name)
        daily = aggregate(touched, definition, contract.name)
        ensure_table(daily, table, partition_by=EVENT_DATE)
        replace_dates(daily, table, dates)
