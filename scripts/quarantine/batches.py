"""Batches of the state table, and what the quarantine holds of them: rows with an identity, and files."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployment.workflow import query_state
from quarantine import objects
from quarantine.errors import ReplayError
from quarantine.target import Target

INGESTION, PROCESSING = "ingestion", "processing"
STAGES = (INGESTION, PROCESSING)
# The states in which a stage has committed, so that its refused rows are final.
_FINAL = {INGESTION: ("INGESTED", "PROCESSED", "CHECKED"), PROCESSING: ("PROCESSED", "CHECKED")}
_COUNTED = {INGESTION: "rows_refused", PROCESSING: "rows_rejected"}
# Rows that lost against a later one of the same key (etl.standardise). Nothing is wrong with them, and sent again
# they would be the latest.
SUPERSEDED_REASON = "a later row of the batch has the same key"
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


@dataclass(frozen=True)
class QuarantinedBatch:
    """A batch with a quarantine.

    Attributes:
        dataset: whose.
        id: the batch's.
        status: INGESTED, PROCESSED or CHECKED; a batch that is still PLANNED has refused nothing for good.
        quarantine: URI of its quarantine folder, with a trailing slash.
        counts: stage -> rows that the stage has refused.
        files_refused: how many files.
        folders: stage -> URI of the folder of its refused rows, with a trailing slash.
    """

    dataset: str
    id: str
    status: str
    quarantine: str
    counts: Mapping[str, int]
    files_refused: int
    folders: Mapping[str, str]

    @property
    def open_stages(self) -> tuple[str, ...]:
        """The stages whose refused rows are final."""
        return tuple(stage for stage in STAGES if self.status in _FINAL[stage])


@dataclass(frozen=True)
class QuarantinedRow:
    """A refused row.

    Attributes:
        id: unique in its batch: stage, digest of the content, and a number that tells equal rows apart.
        stage: ingestion or processing.
        reason: for which it was refused.
        source_file: URI of its file.
        position: in the file, where known.
        record: JSON text of column -> original text, or the raw line of a row that doesn't parse.
    """

    id: str
    stage: str
    reason: str
    source_file: str
    position: str
    record: str

    @property
    def superseded(self) -> bool:
        """Whether a later row of the batch had the same key."""
        return self.reason == SUPERSEDED_REASON

    def line(self) -> str | None:
        """The row as a line of JSON, or None when its record is no JSON object.

        The text is the record's own: parsing and writing it again would change numbers. What is not ASCII is escaped,
        so that the line means the same in whatever encoding a contract declares.
        """
        try:
            if not isinstance(json.loads(self.record), dict):
                return None
        except (ValueError, RecursionError):
            return None
        # A line break in valid JSON can only stand between its parts.
        return ascii_json(self.record.strip().replace("\r", " ").replace("\n", " "))


@dataclass(frozen=True)
class RefusedFile:
    """A file that was refused as a whole.

    Attributes:
        id: unique in its batch.
        uri: where it lay in raw.
        size: bytes.
        content_hash: SHA-256; may be empty.
        reason: for which it was refused.
        kept_at: URI of the copy in quarantine; empty when the file was gone.
    """

    id: str
    uri: str
    size: int
    content_hash: str
    reason: str
    kept_at: str

    @property
    def claim_key(self) -> dict[str, str]:
        """Key of its claim in the bookmarks."""
        return {"source": self.uri.rpartition("/")[0] + "/", "object_key": objects.split(self.uri)[1]}


def ascii_json(text: str) -> str:
    """JSON text with every character outside ASCII as an escape; such characters only stand inside its strings."""
    return _NOT_ASCII.sub(lambda found: json.dumps(found.group())[1:-1], text)


class StateTable:
    """The state table, for :func:`deployment.workflow.query_state` and friends.

    Args:
        target: the environment.
    """

    def __init__(self, target: Target) -> None:
        self.client = target.tables
        self.name = target.state_table

    def query(self, **arguments: Any) -> Any:
        """One page of a query."""
        return self.client.query(TableName=self.name, **arguments)

    def items(self, entity: str) -> list[dict[str, Any]]:
        """All items of an entity in the order of their ids, read consistently."""
        return query_state(self, entity)


def find_batches(target: Target, dataset: str, wanted: tuple[str, ...]) -> list[QuarantinedBatch]:
    """The batches of a dataset that have a quarantine, oldest first.

    Args:
        target: the environment.
        dataset: its name.
        wanted: ids of batches; empty for all.

    Raises:
        ReplayError: the dataset or a batch is not known, or a wanted batch is not ingested yet.
    """
    table = StateTable(target)
    items = {item["id"]: item for item in table.items(f"batch#{dataset}")}
    if not items:
        known = ", ".join(item["id"] for item in table.items("dataset")) or "none yet"
        raise ReplayError(f"{dataset} has no batch in {target.environment}; datasets that have: {known}")
    for batch_id in wanted:
        if batch_id not in items:
            newest = ", ".join(sorted(items, reverse=True)[:5])
            raise ReplayError(f"{dataset} has no batch {batch_id}; its newest: {newest}")
        if items[batch_id]["status"] == "PLANNED":
            raise ReplayError(f"batch {batch_id} is not ingested yet; start the workflow ({target.workflow}) first")
    chosen = [item for batch_id, item in sorted(items.items()) if not wanted or batch_id in wanted]
    found = [_batch(target, dataset, item) for item in chosen if item["status"] != "PLANNED"]
    return [batch for batch in found if batch.files_refused or any(batch.counts.values())]


def _batch(target: Target, dataset: str, item: Mapping[str, Any]) -> QuarantinedBatch:
    # Batches of before the fact was written down lie under the batch's name.
    folder = item.get("quarantine") or f"s3://{target.quality}/quarantine/{dataset}/batch_id={item['id']}/"
    counts = {stage: int(item.get(name, 0)) for stage, name in _COUNTED.items()}
    folders = {stage: f"{folder}rows/stage={stage}/" for stage in STAGES}
    # Each try at processing has a folder of its own, and the one that committed is written down.
    folders[PROCESSING] = item.get("rejected_to") or folders[PROCESSING]
    refused = int(item.get("files_refused", 0))
    return QuarantinedBatch(dataset, item["id"], item["status"], folder, counts, refused, folders)


def read_rows(target: Target, batch: QuarantinedBatch, stage: str) -> Iterator[QuarantinedRow]:
    """The refused rows of one stage of a batch, each exactly once.

    Equal rows are told apart by counting them, not by where they stand: it does not matter in which order, or in
    which files, the quarantine is read.
    """
    seen: Counter[bytes] = Counter()
    for uri in objects.keys_below(target.s3, batch.folders[stage]):
        if not uri.endswith(".json"):
            continue
        for line in objects.lines_of(target.s3, uri):
            if line.strip():
                yield _row(stage, json.loads(line), seen)


def _row(stage: str, found: Mapping[str, Any], seen: Counter[bytes]) -> QuarantinedRow:
    texts = {name: str(found.get(name) or "") for name in ("reason", "source_file", "position", "record")}
    digest = hashlib.sha256(json.dumps([stage, *texts.values()]).encode()).digest()[:12]
    seen[digest] += 1
    return QuarantinedRow(id=f"{stage}/{digest.hex()}-{seen[digest]}", stage=stage, **texts)


def read_files(target: Target, batch: QuarantinedBatch) -> list[RefusedFile]:
    """The refused files of a batch."""
    if not batch.files_refused:
        return []
    content = objects.read(target.s3, f"{batch.quarantine}files.json")
    if content is None:
        return []
    return [
        RefusedFile(
            f"file/{entry['source_file']}",
            entry["source_file"],
            int(entry["size"]),
            entry.get("content_hash") or "",
            entry.get("reason") or "",
            entry.get("kept_at") or "",
        )
        for entry in json.loads(content)
    ]
