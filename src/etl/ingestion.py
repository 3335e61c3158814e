"""Ingestion: new files of raw -> standardised batches in processed, by the protocol of :mod:`etl.ledger`.

1. Recover: a batch that is still PLANNED belongs to a run that died; it is done again with exactly its files.
2. Discover new files, 3. plan (manifest, item, claims), 4. read, standardise and write the attempt's own folders
(:mod:`etl.attempt`), 5. commit PLANNED -> INGESTED; only then do readers and the catalog know the batch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from etl.attempt import STAGE as STAGE
from etl.attempt import Attempt, Written
from etl.catalog import partition_folders
from etl.contracts import Column, Contract, inferred
from etl.discovery import INCOMING, SourceFile, new_work, source_file
from etl.errors import PipelineError, RowBalanceError
from etl.folders import batch_folders
from etl.ingestion_report import IngestedBatch, ReadFile, ingestion_report, render_html
from etl.leases import Lease, lease
from etl.ledger import INGESTED, PLANNED, Batch, new_batch_id, utc_now
from etl.pipeline import Pipeline, each_dataset
from etl.reading.batch_files import GONE
from etl.schema_drift import SchemaChange, record_schema_changes
from utils.spark_versions import RUN_ERRORS

# How often a batch is read again because its files changed while they were read.
READ_ATTEMPTS = 3
# An item of the state table holds 400 KB.
MOST_NOTES = 50
MOST_COLUMNS = 200


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
    with lease(ledger.state, contract.name, STAGE, ledger.owner, settings.lease_seconds) as held:
        for batch in ledger.batches(contract.name, PLANNED):
            pipeline.log.info("%s: batch %s was left unfinished and is done again", contract.name, batch.id)
            taken = ledger.take_over(batch)
            _ingest_batch(pipeline, contract, taken, read_manifest(pipeline, taken), held)
        # Claims are read inside the lease, so what another run claimed since the listing is seen.
        files = new_work(listed, ledger, pipeline.storage)
        pipeline.log.info("%s: %d file(s), %d new", contract.name, len(listed), len(files))
        for start in range(0, len(files), settings.max_files_per_batch):
            chunk = files[start : start + settings.max_files_per_batch]
            _ingest_batch(pipeline, contract, _plan(pipeline, contract, chunk, held), chunk, held)


def _plan(pipeline: Pipeline, contract: Contract, files: list[SourceFile], held: Lease) -> Batch:
    """Manifest first, then the item: an item PLANNED always has its manifest."""
    now = utc_now()
    batch_id = new_batch_id(now)
    manifest = f"{pipeline.settings.processed}_manifests/{contract.name}/{batch_id}.json"
    with held.step("write_manifest"):
        _write_manifest(pipeline, manifest, files)
    pipeline.ledger.put_once("dataset", contract.name)
    facts = {"manifest": manifest, "files": len(files), "planned_at": now.isoformat()}
    return pipeline.ledger.plan(contract.name, batch_id, held, **facts)


def _replan(pipeline: Pipeline, batch: Batch, files: Sequence[SourceFile], held: Lease) -> Batch:
    """Write down other versions of a batch's files: under a new name, since a writer that lost the batch knows this."""
    manifest = f"{pipeline.settings.processed}_manifests/{batch.dataset}/{new_batch_id(utc_now())}.json"
    with held.step("write_manifest"):
        _write_manifest(pipeline, manifest, files)
    return pipeline.ledger.note(batch, manifest=manifest)


def _write_manifest(pipeline: Pipeline, uri: str, files: Sequence[SourceFile]) -> None:
    pipeline.storage.write_text(uri, json.dumps([asdict(file) for file in files], ensure_ascii=False))


def read_manifest(pipeline: Pipeline, batch: Batch) -> list[SourceFile]:
    """The files of a batch, as they were when it was planned."""
    return [SourceFile(**entry) for entry in json.loads(pipeline.storage.read_text(batch.facts["manifest"]))]


def _ingest_batch(pipeline: Pipeline, contract: Contract, batch: Batch, files: list[SourceFile], held: Lease) -> None:
    attempt = Attempt(pipeline, contract, batch, held)
    for _ in range(READ_ATTEMPTS):
        pipeline.ledger.claim(files, batch)
        written = _written_or_failure(attempt, files)
        present = _as_they_are_now(pipeline, files)
        if present == files:
            if isinstance(written, Exception):
                raise written
            _commit(pipeline, batch, attempt, written, held)
            counts = written.counts
            pipeline.record.totals.update(
                files=len(files), bytes=sum(file.size for file in files), files_refused=len(written.files.refused),
                rows_in=counts.read, rows_out=counts.written, rows_refused=counts.refused,
            )  # fmt: skip
            return
        pipeline.log.warning("%s: files changed while they were read; reading again", contract.name)
        files = present
        batch = _replan(pipeline, batch, files, held)
    raise PipelineError(
        f"batch {batch.dataset}/{batch.id}: its files changed during each of {READ_ATTEMPTS} readings; nothing was "
        "committed, and the next run reads them again"
    )


def _written_or_failure(attempt: Attempt, files: list[SourceFile]) -> Written | Exception:
    """What was written, or the error that a file replaced between two passes over it may have caused."""
    try:
        return attempt.write(files)
    except (RowBalanceError, *RUN_ERRORS) as error:
        return error


def _as_they_are_now(pipeline: Pipeline, files: Sequence[SourceFile]) -> list[SourceFile]:
    """The batch's files with today's size, time and content; one that is gone stays as it was claimed."""
    folders = dict.fromkeys(file.folder for file in files)
    stored = {found.uri: found for folder in folders for found in pipeline.storage.list_folder(folder)}
    changed = [
        file.uri
        for file in files
        if file.uri in stored and not file.same_version(stored[file.uri].size, stored[file.uri].modified_ms)
    ]
    contents = pipeline.storage.content_hashes(changed)

    def now(file: SourceFile) -> SourceFile:
        if file.uri not in contents:
            return file
        found = stored[file.uri]
        return replace(file, size=found.size, modified_ms=found.modified_ms, content_hash=contents[file.uri])

    return [now(file) for file in files]


def _commit(pipeline: Pipeline, batch: Batch, attempt: Attempt, written: Written, held: Lease) -> None:
    counts, refused = written.counts, written.files.refused
    changes = record_schema_changes(
        pipeline.ledger, pipeline.alerts, written.contract, batch, written.unknown, written.missing,
        pipeline.settings.environment,
    )  # fmt: skip
    if counts.refused or refused:
        _queue_alert(pipeline, batch, attempt, written)
    pipeline.ledger.release([item.file for item in refused if item.reason == GONE], batch)
    attempt.clean_up()
    with held.step("write_report"):
        report = _write_report(pipeline, batch, attempt, written, changes)
    held.require()
    committed = pipeline.ledger.advance(batch, INGESTED, report=report, **_facts(attempt, written, changes))
    pipeline.log.info(
        "%s: batch %s has %d rows read, %d written, %d refused, %d late; %d file(s) refused",
        batch.dataset, batch.id, counts.read, counts.written, counts.refused, counts.late, len(refused),
    )  # fmt: skip
    register(pipeline, committed, written.contract.columns)
    pipeline.emit(
        batch.dataset,
        RowsRead=counts.read, RowsWritten=counts.written, RowsRefused=counts.refused, RowsLate=counts.late,
        FilesRefused=len(refused), ColumnsChanged=len(changes),
    )  # fmt: skip


def _facts(attempt: Attempt, written: Written, changes: Sequence[SchemaChange]) -> dict[str, Any]:
    counts, refused = written.counts, written.files.refused
    return {
        "prefix": attempt.folders.processed,
        "quarantine": attempt.folders.quarantine,
        "rows_read": counts.read,
        "rows_written": counts.written,
        "rows_refused": counts.refused,
        "rows_late": counts.late,
        "reasons": written.reasons,
        "files_refused": len(refused),
        "file_reasons": [f"{item.file.key}: {item.reason}" for item in refused[:MOST_NOTES]],
        "new_columns": list(written.unknown)[:MOST_COLUMNS],
        "extra_columns": list(written.kept.values())[:MOST_COLUMNS],
        "schema_changes": [str(change) for change in changes[:MOST_NOTES]],
        "notes": written.files.notes()[:MOST_NOTES],
    }


def _write_report(
    pipeline: Pipeline, batch: Batch, attempt: Attempt, written: Written, changes: Sequence[SchemaChange]
) -> str:
    """Write JSON and HTML; the URI of the HTML."""
    counts, contract = written.counts, written.contract
    files = [
        ReadFile(
            each.file.uri, each.file.size, each.look.format.kind, each.look.format.encoding,
            each.look.format.delimiter if each.look.format.kind == "csv" else "", each.look.notes,
        )
        for each in written.files.readable()
    ]  # fmt: skip
    files += [ReadFile(item.file.uri, item.file.size, refused=item.reason) for item in written.files.refused]
    content = ingestion_report(
        IngestedBatch(
            dataset=batch.dataset,
            description=contract.description,
            batch_id=batch.id,
            run_id=batch.owner,
            environment=pipeline.settings.environment,
            generated_at=utc_now(),
            rows_read=counts.read,
            rows_written=counts.written,
            rows_refused=counts.refused,
            rows_late=None if contract.late_after_days is None else counts.late,
            late_after_days=contract.late_after_days,
            reasons=written.reasons,
            files=files,
            schema_changes=[change.to_dict() for change in changes],
            samples=written.samples,
            prefix=attempt.folders.processed,
            quarantine=attempt.folders.quarantine,
            suggested_contract=written.suggestion,
        )
    )
    planned = datetime.fromisoformat(batch.facts["planned_at"])
    name = batch.folder.replace("batch_id=", "ingestion-")
    base = f"{pipeline.settings.quality}reports/{batch.dataset}/{planned:%Y/%m/%d}/{name}"
    pipeline.storage.write_text(f"{base}.json", json.dumps(content, indent=1, ensure_ascii=False))
    pipeline.storage.write_text(f"{base}.html", render_html(content))
    return f"{base}.html"


def register(pipeline: Pipeline, batch: Batch, columns: Sequence[Column]) -> Batch:
    """Show a committed batch in the Glue Catalog. Processing does it again where a run was killed before.

    Args:
        pipeline: the run.
        batch: INGESTED, owned by this run.
        columns: of the dataset, for a table that Terraform doesn't know.
    """
    layer = pipeline.settings.processed
    prefix = batch_folders(pipeline.settings, batch).processed
    folders = partition_folders((file.uri for file in pipeline.storage.list_files(prefix)), prefix)
    if folders:
        extra = batch.facts.get("extra_columns", ())
        pipeline.catalog.ensure_table(batch.dataset, columns, f"{layer}{batch.dataset}/", extra)
        pipeline.catalog.add_partitions(batch.dataset, prefix, batch.id, folders)
    return pipeline.ledger.note(batch, cataloged=True)


def _queue_alert(pipeline: Pipeline, batch: Batch, attempt: Attempt, written: Written) -> None:
    counts, refused = written.counts, written.files.refused
    lines = [f"{count} row(s): {reason}" for reason, count in written.reasons.items()]
    lines += [f"file {item.file.key}: {item.reason}" for item in refused[:20]]
    pipeline.alerts.queue(
        f"refused#{batch.dataset}#{batch.id}",
        f"[{pipeline.settings.environment}] {batch.dataset}: {counts.refused} row(s), {len(refused)} file(s) refused",
        "\n".join(
            [
                *lines,
                "",
                f"Everything refused is kept in {attempt.folders.quarantine}",
                f"Batch {batch.id}, run {batch.owner}",
            ]
        ),
    )
