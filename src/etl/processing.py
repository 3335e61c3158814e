"""Processing: INGESTED batches -> curated Iceberg tables and aggregates, datasets that others need first.

:mod:`etl.curating` says what happens to one batch; here are the stage, its datasets, and the commits in the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from graphlib import TopologicalSorter
from typing import Any

from pyspark.sql import DataFrame

from etl.aggregate_tables import aggregate_tables
from etl.analysis import analyse
from etl.attempt import inferred_columns
from etl.committing import register
from etl.contracts import Contract, inferred
from etl.curated.maintenance import maintain
from etl.curated.tables import columns_of, snapshot_id, table_exists
from etl.curating import STAGE as STAGE
from etl.curating import Curating, Outcome
from etl.errors import ExpressionError, LeaseLostError
from etl.folders import batch_folders
from etl.leases import Lease, lease
from etl.ledger import INGESTED, PROCESSED, Batch
from etl.lineage.openlineage import write_event
from etl.lineage.record import BatchRecord, Data
from etl.pipeline import Pipeline, each_dataset, reason_of
from etl.processed import read_batch
from etl.publication import prepare, record_table, rows_of
from etl.secrets import PiiKeys
from etl.transform.flow import BatchContext
from etl.transform.privacy import key_treatments, treatments
from etl.transform.reference_files import reference_uri
from etl.transform.references import References, opened_references
from etl.vacuum import vacuum


@dataclass(frozen=True)
class _Run:
    """What all datasets of a run share."""

    pipeline: Pipeline
    contracts: Mapping[str, Contract]
    keys: PiiKeys


def process(pipeline: Pipeline) -> dict[str, str]:
    """Process every batch that ingestion has committed; or, when the run is told to, maintain the tables instead.

    Args:
        pipeline: the run.

    Returns:
        dataset -> reason, for those that failed.
    """
    if pipeline.settings.maintain:
        return _maintained(pipeline)
    contracts = pipeline.contracts()
    run = _Run(pipeline, contracts, PiiKeys(pipeline.spark, pipeline.settings.pii_secret))

    def work(dataset: str) -> None:
        try:
            _process_dataset(run, contracts.get(dataset, inferred(dataset)))
        except ExpressionError as error:
            raise _with_all_faults(run, dataset, error) from error

    return each_dataset(pipeline, in_order_of_need(contracts, pipeline.ledger.datasets()), work)


def in_order_of_need(contracts: Mapping[str, Contract], datasets: Sequence[str]) -> list[str]:
    """The datasets such that each comes after those whose tables it reads (contracts have no cycles)."""
    needs = {name: contract.processing.needs() for name, contract in contracts.items()}
    order = TopologicalSorter(needs | {name: set() for name in datasets if name not in needs}).static_order()
    return [name for name in order if name in set(datasets)]


def _maintained(pipeline: Pipeline) -> dict[str, str]:
    """Maintain the tables and vacuum the batches; dataset -> reasons, for those that failed."""
    failures = maintain(pipeline)
    for dataset, reason in vacuum(pipeline).items():
        failures[dataset] = "; ".join(filter(None, (failures.get(dataset), reason)))
    return failures


def _with_all_faults(run: _Run, dataset: str, error: ExpressionError) -> ExpressionError:
    """What does not compile, with all else in the contract that does not: whoever mends it wants to know at once."""
    if dataset not in run.contracts:
        return error
    found = analyse(run.contracts, run.pipeline.spark, run.pipeline.settings.contracts_path, only=[dataset])
    others = [problem for problem in found if problem.startswith(f"{dataset}: ") and problem != str(error)]
    for problem in others:
        run.pipeline.log.error("%s", problem)
    more = f" (and {len(others)} other problem(s) of the contract, in the log)" if others else ""
    return ExpressionError(f"{error}{more}")


def _process_dataset(run: _Run, contract: Contract) -> None:
    pipeline, ledger = run.pipeline, run.pipeline.ledger
    if not ledger.batches(contract.name, INGESTED):
        return
    with (
        lease(ledger.state, contract.name, STAGE, ledger.owner, pipeline.settings.lease_seconds) as held,
        opened_references(pipeline.spark, pipeline.storage, pipeline.settings, contract, run.contracts) as references,
    ):
        prepare(pipeline, contract, held)
        for batch in ledger.batches(contract.name, INGESTED):
            taken = ledger.take_over(batch)
            if not taken.facts.get("cataloged"):
                taken = register(pipeline, taken, contract.columns or inferred_columns(pipeline, contract.name))
            _process_batch(run, contract, taken, held, references)


def _process_batch(run: _Run, contract: Contract, batch: Batch, held: Lease, references: References) -> None:
    pipeline = run.pipeline
    if not batch.facts["rows_written"]:
        pipeline.ledger.advance(batch, PROCESSED, rows_curated=0, rows_rejected=0)
        return
    record = pipeline.record.batch(batch.dataset, batch.id, batch.facts["planned_at"])
    try:
        rows = read_batch(pipeline.spark, batch_folders(pipeline.settings, batch).processed)
        curating = Curating(pipeline, contract, batch, held, references, record)
        outcome = curating.curate(rows, _context(run, contract, batch))
        _describe(pipeline, contract, record, batch, rows, references, outcome)
    except Exception as error:
        record.error = reason_of(error)
        _tell_failure(pipeline, contract, record, held)
        raise
    with held.step("write_event"):
        event = write_event(pipeline.storage, pipeline.settings, record, contract)
    pipeline.ledger.advance(curating.batch, PROCESSED, lineage=event, **_facts(outcome))
    pipeline.record.totals.update(rows_in=outcome.rows, rows_out=outcome.curated, rows_refused=outcome.rejected)
    for table in record.outputs:
        record_table(pipeline, table.table.rpartition(".")[2], contract.name)
    pipeline.log.info(
        "%s: batch %s: %d rows curated, %d rejected", batch.dataset, batch.id, outcome.curated, outcome.rejected
    )
    pipeline.emit(batch.dataset, RowsCurated=outcome.curated, RowsRejected=outcome.rejected)


def _tell_failure(pipeline: Pipeline, contract: Contract, record: BatchRecord, held: Lease) -> None:
    """Write the event of a batch that failed, unless it is another run's by now: then so is its event."""
    try:
        with held.step("write_event"):
            write_event(pipeline.storage, pipeline.settings, record, contract)
    except LeaseLostError as error:
        pipeline.log.warning(
            "%s: batch %s: its event is left to the other run: %s", record.dataset, record.batch_id, error
        )


def _describe(
    pipeline: Pipeline,
    contract: Contract,
    record: BatchRecord,
    batch: Batch,
    rows: DataFrame,
    references: References,
    outcome: Outcome,
) -> None:
    """Put into the record what was read, what was written, and what the rules found."""
    settings = pipeline.settings
    record.rows_read, record.rows_rejected, record.rows_curated = outcome.rows, outcome.rejected, outcome.curated
    record.rule_hits, record.unmatched = dict(outcome.hits), dict(outcome.unmatched)
    place = batch_folders(settings, batch).processed
    record.inputs.append(Data(place, rows=outcome.rows, columns=columns_of(rows)))
    for name, snapshot in references.snapshots.items():
        record.inputs.append(Data(settings.table_location(name), settings.table(name), snapshot))
    record.inputs += [Data(reference_uri(settings, each)) for each in contract.processing.enrich if each.file]
    # Aggregates of rows that wait are still as they were.
    for name in (contract.name, *(() if contract.quality.waits else aggregate_tables(contract))):
        table = settings.table(name)
        if table_exists(pipeline.spark, table):
            record.outputs.append(
                Data(
                    settings.table_location(name),
                    table,
                    snapshot_id(pipeline.spark, rows_of(settings, contract) if name == contract.name else table),
                    rows=outcome.curated if name == contract.name else None,
                    columns=columns_of(pipeline.spark.table(table)),
                )
            )


def _context(run: _Run, contract: Contract, batch: Batch) -> BatchContext:
    """What the steps must know of the batch; references hold treated values where their contracts say so."""
    of_references = key_treatments(contract, run.contracts)
    wanted = [*treatments(contract).values(), *(how for keys in of_references for how, _ in keys.values())]
    return BatchContext(
        batch_id=batch.id,
        ingested_at=datetime.fromisoformat(batch.facts["planned_at"]),
        key_treatments=of_references,
        pii_keys=run.keys.of(wanted, contract.name),
    )


def _facts(outcome: Outcome) -> dict[str, Any]:
    return {
        "rows_curated": outcome.curated,
        "rows_rejected": outcome.rejected,
        "reject_reasons": outcome.reasons,
        "rejected_to": outcome.rejected_to,
        "rule_hits": outcome.hits,
        "unmatched": outcome.unmatched,
    }
