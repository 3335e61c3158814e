"""Ingestion: new files of raw -> standardised batches in processed, by the protocol of :mod:`etl.ledger`.

1. Recover: a batch that is still PLANNED belongs to a run that died; it is done again with exactly its files.
2. Discover new files, 3. plan (manifest, item, claims), 4. read, standardise and write the batch's own prefix,
5. commit PLANNED -> INGESTED; only then do readers and the catalog know the batch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from etl.batch_files import BatchFiles, find_unreadable, open_files, sort_by_format
from etl.catalog import partition_folders
from etl.contracts import Column, Contract, inferred
from etl.discovery import INCOMING, SourceFile, new_work, source_file
from etl.errors import PipelineError, RowBalanceError
from etl.inference import described, infer_columns, suggested_contract
from etl.leases import lease
from etl.ledger import INGESTED, PLANNED, Batch, new_batch_id, utc_now
from etl.names import REASON
from etl.pipeline import Pipeline, each_dataset
from etl.quarantine import keep_files, quarantine_folder
from etl.standardise import standardise, unknown_columns
from etl.tables import RowCounts, batch_prefix, write_batch, write_quarantine
from utils.spark_versions import RUN_ERRORS

STAGE = "ingestion"
# How often a batch is read again because its files changed while they were read.
READ_ATTEMPTS = 3


@dataclass(frozen=True)
class Written:
    """What reading and writing a batch found out."""

    counts: RowCounts
    reasons: dict[str, int]
    files: BatchFiles
    new_columns: list[str]
    columns: tuple[Column, ...]


def ingest(pipeline: Pipeline) -> dict[str, str]:
    """Ingest everything new of every dataset.

    Args:
        pipeline: the run.

    Returns:
        dataset -> reason, for those that failed.
    """
    contracts = pipeline.contracts()
    listed: dict[str, list[SourceFile]] = {}
    for file in _listing(pipeline, contracts):
        listed.setdefault(file.dataset, []).append(file)
    datasets = sorted({*listed, *contracts, *pipeline.ledger.datasets()})

    def work(dataset: str) -> None:
        _ingest_dataset(pipeline, contracts.get(dataset, inferred(dataset)), listed.get(dataset, []))

    return each_dataset(pipeline, datasets, work)


def _listing(pipeline: Pipeline, contracts: dict[str, Contract]) -> Iterator[SourceFile]:
    raw = pipeline.settings.raw
    for stored in pipeline.storage.list_files(f"{raw}{INCOMING}"):
        yield source_file(stored, raw, contracts)


def _ingest_dataset(pipeline: Pipeline, contract: Contract, listed: Sequence[SourceFile]) -> None:
    settings, ledger = pipeline.settings, pipeline.ledger
    with lease(ledger.state, contract.name, STAGE, ledger.owner, settings.lease_seconds):
        for batch in ledger.batches(contract.name, PLANNED):
            pipeline.log.info("%s: batch %s was left unfinished and is done again", contract.name, batch.id)
            taken = ledger.take_over(batch)
            _ingest_batch(pipeline, contract, taken, _read_manifest(pipeline, taken))
        # Claims are read inside the lease, so what another run claimed since the listing is seen.
        files = new_work(listed, ledger, pipeline.storage)
        pipeline.log.info("%s: %d file(s), %d new", contract.name, len(listed), len(files))
        for start in range(0, len(files), settings.max_files_per_batch):
            chunk = files[start : start + settings.max_files_per_batch]
            _ingest_batch(pipeline, contract, _plan(pipeline, contract, chunk), chunk)


def _plan(pipeline: Pipeline, contract: Contract, files: list[SourceFile]) -> Batch:
    """Manifest first, then the item: an item PLANNED always has its manifest."""
    now = utc_now()
    batch_id = new_batch_id(now)
    manifest = f"{pipeline.settings.processed}_manifests/{contract.name}/{batch_id}.json"
    _write_manifest(pipeline, manifest, files)
    pipeline.ledger.put_once("dataset", contract.name)
    facts = {"manifest": manifest, "files": len(files), "planned_at": now.isoformat()}
    return pipeline.ledger.plan(contract.name, batch_id, **facts)


def _write_manifest(pipeline: Pipeline, uri: str, files: Sequence[SourceFile]) -> None:
    pipeline.storage.write_text(uri, json.dumps([asdict(file) for file in files], ensure_ascii=False))


def _read_manifest(pipeline: Pipeline, batch: Batch) -> list[SourceFile]:
    return [SourceFile(**entry) for entry in json.loads(pipeline.storage.read_text(batch.facts["manifest"]))]


def _ingest_batch(pipeline: Pipeline, contract: Contract, batch: Batch, files: list[SourceFile]) -> None:
    for _ in range(READ_ATTEMPTS):
        pipeline.ledger.claim(files, batch.id)
        written = _write_or_failure(pipeline, contract, batch, files)
        present = _as_they_are_now(pipeline, files)
        if present == files:
            if isinstance(written, Exception):
                raise written
            _commit(pipeline, contract, batch, written)
            return
        pipeline.log.warning("%s: files changed while they were read; reading again", contract.name)
        files = present
        _write_manifest(pipeline, batch.facts["manifest"], files)
    raise PipelineError(
        f"batch {batch.dataset}/{batch.id}: its files changed during each of {READ_ATTEMPTS} readings; nothing was "
        "committed, and the next run reads them again"
    )


def _write_or_failure(
    pipeline: Pipeline, contract: Contract, batch: Batch, files: list[SourceFile]
) -> Written | Exception:
    """What was written, or the error that a file replaced between two passes over it may have caused."""
    try:
        return _write(pipeline, contract, batch, files)
    except (RowBalanceError, *RUN_ERRORS) as error:
        return error


def _as_they_are_now(pipeline: Pipeline, files: Sequence[SourceFile]) -> list[SourceFile]:
    """The batch's files with today's size, time and content; one that is gone stays as it was claimed."""
    present = []
    for file in files:
        stored = pipeline.storage.stat(file.uri)
        if stored is not None and not file.same_version(stored.size, stored.modified_ms):
            content = pipeline.storage.content_hashes([file.uri]).get(file.uri)
            if content is not None:
                file = replace(file, size=stored.size, modified_ms=stored.modified_ms, content_hash=content)
        present.append(file)
    return present


def _write(pipeline: Pipeline, contract: Contract, batch: Batch, files: list[SourceFile]) -> Written:
    """Write a batch's prefix and quarantine; a file that makes reading fail is set apart and the rest is written."""
    found = sort_by_format(pipeline.storage, files, contract)
    quarantine = quarantine_folder(pipeline.settings.quality, batch.dataset, batch.id)
    pipeline.storage.delete(quarantine)
    while True:
        raw, found = open_files(pipeline.spark, found, contract)
        try:
            written = _write_frame(pipeline, contract, batch, raw, found)
            break
        except RUN_ERRORS:
            culprits = find_unreadable(pipeline.spark, pipeline.storage, found, contract)
            if not culprits:
                raise
            found = found.without(culprits)
    if found.refused:
        keep_files(pipeline.storage, quarantine, found.refused)
    return written


def _write_frame(
    pipeline: Pipeline, contract: Contract, batch: Batch, raw: DataFrame | None, found: BatchFiles
) -> Written:
    prefix = batch_prefix(pipeline.settings.processed, batch.dataset, batch.id)
    if raw is None:
        pipeline.storage.delete(prefix)
        return Written(RowCounts(0, 0, 0), {}, found, [], contract.columns)
    if not contract.columns:
        contract = replace(contract, columns=_columns_from_first_batch(pipeline, batch.dataset, raw))
    # The time of planning, so that a replay of the batch gives the same rows.
    standardised = standardise(raw, contract, batch.id, datetime.fromisoformat(batch.facts["planned_at"]))
    counts = write_batch(standardised, prefix)
    reasons: dict[str, int] = {}
    if counts.refused:
        rows = standardised.where(F.col(REASON).isNotNull())
        folder = f"{quarantine_folder(pipeline.settings.quality, batch.dataset, batch.id)}rows/stage={STAGE}/"
        reasons = write_quarantine(rows, folder, counts.refused)
    return Written(counts, reasons, found, unknown_columns(raw.columns, contract), contract.columns)


def inferred_columns(pipeline: Pipeline, dataset: str) -> tuple[Column, ...]:
    """The columns that were inferred for a dataset without a contract; none before its first batch."""
    item = pipeline.ledger.get("dataset", dataset) or {}
    found = item.get("columns", ())
    return tuple(Column(each["name"], each["type"], aliases=tuple(each.get("aliases", ()))) for each in found)


def _columns_from_first_batch(pipeline: Pipeline, dataset: str, raw: DataFrame) -> tuple[Column, ...]:
    """The columns found in the dataset's first batch; later batches are held to them, so that types don't drift."""
    known = inferred_columns(pipeline, dataset)
    if known:
        return known
    columns = infer_columns(raw)
    pipeline.ledger.put("dataset", dataset, columns=[described(column) for column in columns])
    suggestion = f"{pipeline.settings.quality}reports/{dataset}/suggested_contract.yml"
    pipeline.storage.write_text(suggestion, suggested_contract(dataset, columns))
    pipeline.log.info("%s has no contract; a suggestion is at %s", dataset, suggestion)
    return columns


def _commit(pipeline: Pipeline, contract: Contract, batch: Batch, written: Written) -> None:
    counts, refused = written.counts, written.files.refused
    if counts.refused or refused:
        _queue_alert(pipeline, batch, written)
    facts: dict[str, Any] = {
        "rows_read": counts.read,
        "rows_written": counts.written,
        "rows_refused": counts.refused,
    }
    facts |= {"reasons": written.reasons, "files_refused": len(refused), "new_columns": written.new_columns}
    facts["file_reasons"] = [f"{item.file.key}: {item.reason}" for item in refused[:20]]
    committed = pipeline.ledger.advance(batch, INGESTED, **facts)
    pipeline.log.info(
        "%s: batch %s has %d rows read, %d written, %d refused; %d file(s) refused",
        batch.dataset, batch.id, counts.read, counts.written, counts.refused, len(refused),
    )  # fmt: skip
    register(pipeline, committed, written.columns)
    pipeline.emit(
        batch.dataset,
        RowsRead=counts.read, RowsWritten=counts.written, RowsRefused=counts.refused, FilesRefused=len(refused),
    )  # fmt: skip


def register(pipeline: Pipeline, batch: Batch, columns: Sequence[Column]) -> Batch:
    """Show a committed batch in the Glue Catalog. Processing does it again where a run was killed before.

    Args:
        pipeline: the run.
        batch: INGESTED, owned by this run.
        columns: of the dataset, for a table that Terraform doesn't know.
    """
    layer = pipeline.settings.processed
    prefix = batch_prefix(layer, batch.dataset, batch.id)
    folders = partition_folders((file.uri for file in pipeline.storage.list_files(prefix)), prefix)
    if folders:
        pipeline.catalog.ensure_table(batch.dataset, columns, f"{layer}{batch.dataset}/")
        pipeline.catalog.add_partitions(batch.dataset, prefix, batch.id, folders)
    return pipeline.ledger.note(batch, cataloged=True)


def _queue_alert(pipeline: Pipeline, batch: Batch, written: Written) -> None:
    counts, refused = written.counts, written.files.refused
    lines = [f"{count} row(s): {reason}" for reason, count in written.reasons.items()]
    lines += [f"file {item.file.key}: {item.reason}" for item in refused[:20]]
    where = quarantine_folder(pipeline.settings.quality, batch.dataset, batch.id)
    pipeline.alerts.queue(
        f"refused#{batch.dataset}#{batch.id}",
        f"[{pipeline.settings.environment}] {batch.dataset}: {counts.refused} row(s), {len(refused)} file(s) refused",
        "\n".join([*lines, "", f"Everything refused is kept in {where}", f"Batch {batch.id}, run {batch.owner}"]),
    )
