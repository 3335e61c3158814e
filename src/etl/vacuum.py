"""Vacuum: processed batches whose quality is checked and whose time is over give back their storage.

A batch's processed rows are needed until its curated rows are checked; after that they serve people who want to look
back. What goes: the batch's folder in processed with its catalog partitions, folders that dead attempts at it have
left, rewritten copies of its files (``_staging``), and a stream's records as they came (``_streams``). What stays:
batches whose curated rows are held back, raw files, quarantine (so that it can be replayed), curated rows, and the
batch's item in the state table, which then says ``vacuumed_at``.

The partitions go first, so that no query meets a partition without files; the note comes last. Killed anywhere, the
next run finds the batch without its note and does all of it again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from etl.claims import utc_now
from etl.folders import attempt_folders, batch_folders
from etl.ledger import CHECKED, Batch
from etl.pipeline import Pipeline, each_dataset
from etl.publication import HELD
from utils.faults import fault_points


def vacuum(pipeline: Pipeline) -> dict[str, str]:
    """Vacuum every dataset's batches that are CHECKED and older than the retention of processed batches.

    Args:
        pipeline: the run; its settings say how many days after its planning a batch is kept.

    Returns:
        dataset -> reason, for those that failed.
    """
    before = pipeline.settings.started - timedelta(days=pipeline.settings.processed_retention_days)

    def work(dataset: str) -> None:
        due = [batch for batch in pipeline.ledger.batches(dataset, CHECKED) if _is_due(batch, before)]
        for batch in due:
            vacuum_batch(pipeline, batch)
        if due:
            pipeline.log.info("%s: %d processed batches vacuumed", dataset, len(due))

    return each_dataset(pipeline, pipeline.ledger.datasets(), work)


def vacuum_batch(pipeline: Pipeline, batch: Batch) -> None:
    """Remove a batch's partitions and its folders in processed, and note it.

    Args:
        pipeline: the run.
        batch: CHECKED, as it was read.
    """
    with fault_points("vacuum.remove_partitions"):
        pipeline.catalog.remove_partitions(batch.dataset, batch.id)
    with fault_points("vacuum.delete_folders"):
        for folder in _folders(pipeline, batch):
            pipeline.storage.delete(folder)
    # One update takes the batch over and notes it, so that a kill in between can't make it look new.
    pipeline.ledger.note(batch, vacuumed_at=utc_now().isoformat())


def _is_due(batch: Batch, before: datetime) -> bool:
    planned_at = batch.facts.get("planned_at")
    stays = "vacuumed_at" in batch.facts or batch.facts.get("publication") == HELD
    return planned_at is not None and not stays and datetime.fromisoformat(planned_at) < before


def _folders(pipeline: Pipeline, batch: Batch) -> list[str]:
    """The folders of every attempt there was at a batch, in processed and staging."""
    settings = pipeline.settings
    home = f"{settings.processed}{batch.dataset}/batch_id={batch.id}"
    committed = batch_folders(settings, batch).processed
    if not committed.startswith(home):
        pipeline.log.warning(
            "%s: batch %s lies in %s, which is not in this processed bucket; it is left there",
            batch.dataset,
            batch.id,
            committed,
        )
    folders = []
    for number in range(1, batch.attempt + 1):
        attempt = attempt_folders(settings, replace(batch, facts={**batch.facts, "attempt": number}))
        folders += [attempt.processed, attempt.staging]
    # What came from a stream: the records as they came.
    return [*folders, batch.facts["landed"]] if batch.is_streamed else folders
