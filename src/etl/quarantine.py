"""Quarantine: rows and files that were refused, kept whole and with their reasons beside the reports.

A batch's quarantine folder holds ``rows/stage=<stage>/*.json``, an object a line with ``reason``, ``source_file``,
``position`` (where it is known), ``record`` (JSON of column -> original text, or the line that doesn't parse) and
``batch_id``; and ``files.json``, a list of the refused files, with their copies under ``files/``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame

from etl.discovery import SourceFile
from etl.errors import RowBalanceError
from utils.glue_utils import Storage


@dataclass(frozen=True)
class RefusedFile:
    """A file that can't be read, and why."""

    file: SourceFile
    reason: str


def keep_rows(refused: DataFrame, rows: str, expected: int) -> dict[str, int]:
    """Write refused rows as JSON lines, replacing what a killed run left.

    Args:
        refused: ``reason``, ``source_file``, ``record``, ``batch_id``, and perhaps ``position``.
        rows: their folder.
        expected: how many rows the main pass counted as refused.

    Returns:
        reason -> rows.

    Raises:
        RowBalanceError: another number of rows than expected was found.
    """
    # A file of its own for each task would be as many as the batch has partitions, with a few rows in each.
    refused.hint("rebalance").write.mode("overwrite").json(rows)
    written = refused.sparkSession.read.schema("reason string").json(rows)
    reasons = {row["reason"]: int(row["count"]) for row in written.groupBy("reason").count().collect()}
    if sum(reasons.values()) != expected:
        raise RowBalanceError(f"{rows}: {expected} rows were refused, {sum(reasons.values())} are in quarantine")
    return dict(sorted(reasons.items()))


def keep_files(storage: Storage, folder: str, refused: Sequence[RefusedFile]) -> None:
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
