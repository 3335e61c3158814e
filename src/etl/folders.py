"""Where a batch's data lie. Every attempt at a batch has folders of its own; its commit says which are the batch's."""

from __future__ import annotations

from dataclasses import dataclass

from etl.ledger import Batch
from etl.settings import Settings
from utils.glue_utils import Storage


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


def rejected_folder(settings: Settings, batch: Batch) -> str:
    """Where a run puts the rows of a batch that processing rejects: a folder of this try alone.

    Args:
        settings: name the buckets.
        batch: INGESTED and taken over, so that its tries are counted.
    """
    return _rejected_folder(settings, batch, int(batch.facts.get("tries", 1)))


def delete_earlier_tries(storage: Storage, settings: Settings, batch: Batch) -> None:
    """Remove the rejected rows of tries that came to no end; nobody reads them.

    Args:
        storage: the buckets.
        settings: name the buckets.
        batch: at its present try, whose rejected rows are written.
    """
    for number in range(1, int(batch.facts.get("tries", 1))):
        storage.delete(_rejected_folder(settings, batch, number))


def _rejected_folder(settings: Settings, batch: Batch, number: int) -> str:
    suffix = f".{number}" if number > 1 else ""
    return f"{batch_folders(settings, batch).quarantine}rows/stage=processing{suffix}/"
