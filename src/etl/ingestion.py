"""Ingestion: new files of raw -> standardised batches in processed, by the protocol of :mod:`etl.ledger`.

1. Recover: a batch that is still PLANNED belongs to a run that died; it is done again with exactly its files.
2. Discover new files, 3. plan (manifest, item, claims), 4. read, standardise and write the attempt's own folders
(:mod:`etl.attempt`), 5. commit PLANNED -> INGESTED; only then do readers and the catalog know the batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from etl.attempt import STAGE as STAGE
from etl.attempt import Attempt, Written
from etl.committing import commit
from etl.contracts import Contract, inferred
from etl.discovery import INCOMING, SourceFile, new_work, source_file
from etl.errors import PipelineError, RowBalanceError
from etl.leases import Lease, lease
from etl.ledger import PLANNED, Batch, new_batch_id, utc_now
from etl.manifests import read_manifest, write_manifest
from etl.pipeline import Pipeline, each_dataset
from utils.spark_versions import RUN_ERRORS

# How often a batch is read again because its files changed while they were read.
READ_ATTEMPTS = 3


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
        # What a stream has left unfinished, the streaming job finishes: it has another lease.
        left = [batch for batch in ledger.batches(contract.name, PLANNED) if not batch.is_streamed]
        for batch in left:
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
    with held.step("write_manifest"):
        manifest = write_manifest(pipeline, contract.name, batch_id, files)
    pipeline.ledger.put_once("dataset", contract.name)
    facts = {"manifest": manifest, "files": len(files), "planned_at": now.isoformat()}
    return pipeline.ledger.plan(contract.name, batch_id, held, **facts)


def _replan(pipeline: Pipeline, batch: Batch, files: Sequence[SourceFile], held: Lease) -> Batch:
    """Write down other versions of a batch's files: under a new name, since a writer that lost the batch knows this."""
    with held.step("write_manifest"):
        manifest = write_manifest(pipeline, batch.dataset, new_batch_id(utc_now()), files)
    return pipeline.ledger.note(batch, manifest=manifest)


def _ingest_batch(pipeline: Pipeline, contract: Contract, batch: Batch, files: list[SourceFile], held: Lease) -> None:
    attempt = Attempt(pipeline, contract, batch, held)
    for _ in range(READ_ATTEMPTS):
        pipeline.ledger.claim(files, batch)
        written = _written_or_failure(attempt, files)
        present = _as_they_are_now(pipeline, files)
        if present == files:
            if isinstance(written, Exception):
                raise written
            commit(pipeline, batch, attempt, written, held)
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
