"""Refused files: kept whole, with the reason, beside the refused rows of their batch."""

from __future__ import annotations

import json
from dataclasses import dataclass

from etl.discovery import SourceFile
from utils.glue_utils import Storage


@dataclass(frozen=True)
class RefusedFile:
    """A file that can't be read, and why."""

    file: SourceFile
    reason: str


def quarantine_folder(quality: str, dataset: str, batch_id: str) -> str:
    """``<quality>quarantine/<dataset>/batch_id=<id>/``."""
    return f"{quality}quarantine/{dataset}/batch_id={batch_id}/"


def keep_files(storage: Storage, folder: str, refused: list[RefusedFile]) -> None:
    """Copy refused files into quarantine and write ``files.json`` with their reasons.

    Args:
        storage: the buckets.
        folder: the batch's quarantine folder.
        refused: the files; one that is gone from raw is recorded only.
    """
    listing = []
    for item in refused:
        kept = f"{folder}files/{item.file.key}"
        if storage.exists(item.file.uri):
            storage.copy(item.file.uri, kept)
        else:
            kept = ""
        entry = {"source_file": item.file.uri, "size": item.file.size, "content_hash": item.file.content_hash}
        listing.append({**entry, "reason": item.reason, "kept_at": kept})
    storage.write_text(f"{folder}files.json", json.dumps(listing, indent=1, ensure_ascii=False))
