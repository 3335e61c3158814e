"""The end of a batch's ingestion, whether its rows came in files or from a stream: report, commit, catalog, alert."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from etl.attempt import Attempt, Written
from etl.catalog import partition_folders
from etl.contracts import Column
from etl.folders import batch_folders
from etl.ingestion_report import IngestedBatch, ReadFile, ingestion_report, render_html
from etl.leases import Lease
from etl.ledger import INGESTED, Batch, utc_now
from etl.pipeline import Pipeline
from etl.reading.batch_files import GONE
from etl.schema_drift import SchemaChange, record_schema_changes

# An item of the state table holds 400 KB.
MOST_NOTES = 50
MOST_COLUMNS = 200


def commit(pipeline: Pipeline, batch: Batch, attempt: Attempt, written: Written, held: Lease) -> None:
    """Commit PLANNED -> INGESTED; only then do readers and the catalog know the batch.

    Args:
        pipeline: the run.
        batch: PLANNED, owned by this run.
        attempt: that has written the batch.
        written: what it has written.
        held: the lease under which the batch was planned or taken over.

    Raises:
        LeaseLostError: another run has the batch by now; nothing was committed.
    """
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
    _count(pipeline, written)
    pipeline.emit(
        batch.dataset,
        RowsRead=counts.read, RowsWritten=counts.written, RowsRefused=counts.refused, RowsLate=counts.late,
        FilesRefused=len(refused), ColumnsChanged=len(changes),
    )  # fmt: skip


def _count(pipeline: Pipeline, written: Written) -> None:
    """Add the batch to the run's numbers."""
    counts, refused = written.counts, [item.file for item in written.files.refused]
    files = [*(each.file for each in written.files.readable()), *refused]
    pipeline.record.totals.update(
        files=len(files), bytes=sum(file.size for file in files), files_refused=len(refused),
        rows_in=counts.read, rows_out=counts.written, rows_refused=counts.refused,
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
    about, more = batch.id, []
    if batch.is_streamed:
        # Batches of a stream come every minute or two; one message an hour is enough.
        about = f"{datetime.fromisoformat(batch.facts['planned_at']):%Y-%m-%dT%H}"
        more = [f"What later batches of the hour {about} refuse is not told again; their reports have it."]
    pipeline.alerts.queue(
        f"refused#{batch.dataset}#{about}",
        f"[{pipeline.settings.environment}] {batch.dataset}: {counts.refused} row(s), {len(refused)} file(s) refused",
        "\n".join(
            [
                *lines,
                "",
                f"Everything refused is kept in {attempt.folders.quarantine}",
                f"Batch {batch.id}, run {batch.owner}",
                *more,
            ]
        ),
    )
