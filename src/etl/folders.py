"""Where a batch's data lie. Every attempt at a batch has folders of its own; its commit says which are the batch's."""

from __future__ import annotations

from dataclasses import dataclass

from etl.ledger import Batch
from etl.settings import Settings


@dataclass(frozen=True)
class Folders:
    """The folders of one attempt, as URIs with a trailing slash.

    Attributes:
        processed: standardised Parquet.
        quarantine: refused rows and files.
        staging: rewritten copies of files that Spark can't read as they lie; empty between runs.
    """

    processed: str
    quarantine: str
    staging: str


def attempt_folders(settings: Settings, batch: Batch) -> Folders:
    """The folders into which a run may write a batch that it has planned or taken over.

    Args:
        settings: name the buckets.
        batch: PLANNED; its attempt tells the folders.
    """
    place = f"{batch.dataset}/{batch.folder}/"
    return Folders(
        f"{settings.processed}{place}", f"{settings.quality}quarantine/{place}", f"{settings.processed}_staging/{place}"
    )


def batch_folders(settings: Settings, batch: Batch) -> Folders:
    """The folders of a committed batch.

    Args:
        settings: name the buckets.
        batch: INGESTED or later; batches that were committed before folders were written down had one attempt.
    """
    first = attempt_folders(settings, batch)
    return Folders(
        batch.facts.get("prefix", first.processed), batch.facts.get("quarantine", first.quarantine), first.staging
    )
