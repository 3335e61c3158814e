"""Manifests: the files of a batch, as they were when it was planned."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from etl.discovery import SourceFile
from etl.ledger import Batch
from etl.pipeline import Pipeline


def write_manifest(pipeline: Pipeline, dataset: str, name: str, files: Sequence[SourceFile]) -> str:
    """Write down the files of a batch; the URI of what was written.

    Args:
        pipeline: the run.
        dataset: whose batch.
        name: of the manifest; never given twice.
        files: the batch.
    """
    uri = f"{pipeline.settings.processed}_manifests/{dataset}/{name}.json"
    pipeline.storage.write_text(uri, json.dumps([asdict(file) for file in files], ensure_ascii=False))
    return uri


def read_manifest(pipeline: Pipeline, batch: Batch) -> list[SourceFile]:
    """The files of a batch, as they were when it was planned."""
    return [SourceFile(**entry) for entry in json.loads(pipeline.storage.read_text(batch.facts["manifest"]))]
