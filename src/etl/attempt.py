"""One attempt at a batch: its files are read, standardised and written to folders that are this attempt's alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame

from etl.contracts import Column, Contract
from etl.discovery import SourceFile
from etl.duplicates import set_duplicates_apart
from etl.folders import Folders, attempt_folders
from etl.hiding import has_personal_data, shown_files, shown_samples
from etl.inference import described, infer_columns, suggested_contract
from etl.leases import Lease
from etl.ledger import Batch
from etl.pipeline import Pipeline
from etl.processed import REFUSED_FOLDER, RowCounts, refused_rows, write_batch
from etl.quarantine import keep_files, keep_rows
from etl.reading.batch_files import BatchFiles, BatchReader, Opened
from etl.reading.readers import is_malformed
from etl.schema_drift import missing_columns
from etl.standardise import UNPARSED, kept_columns, standardise, unknown_columns
from utils.spark_versions import RUN_ERRORS

STAGE = "ingestion"
# Refused rows that the report shows.
SAMPLE_ROWS = 20


@dataclass(frozen=True)
class Written:
    """What an attempt has read and written.

    Attributes:
        files: those read, those refused, and notes of them.
        contract: the dataset's, with inferred columns where it has none of its own.
        counts: of rows; none where no file could be read.
        reasons: why rows were refused -> rows.
        unknown: column that the contract doesn't know -> URI of the first file that has it.
        kept: those of them that are kept -> the names that they have in the written rows.
        missing: columns of the contract that no file has.
        samples: some of the refused rows.
        suggestion: YAML of a contract for a dataset without one, when this batch is its first.
    """

    files: BatchFiles
    contract: Contract
    counts: RowCounts = field(default_factory=lambda: RowCounts(0, 0, 0))
    reasons: Mapping[str, int] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    missing: Sequence[str] = ()
    samples: Sequence[Mapping[str, Any]] = ()
    suggestion: str = ""


class Attempt:
    """One attempt of a run at a batch.

    Args:
        pipeline: the run.
        contract: the dataset's contract.
        batch: PLANNED, owned by this run.
        lease: asked for before every write.
    """

    def __init__(self, pipeline: Pipeline, contract: Contract, batch: Batch, lease: Lease) -> None:
        self._pipeline, self._contract, self._batch, self._lease = pipeline, contract, batch, lease
        self.folders = attempt_folders(pipeline.settings, batch)
        # What is known of the dataset: columns that were inferred, and whether rows of its last batch did not parse.
        self._known = pipeline.ledger.get("dataset", batch.dataset) or {}
        self._was_ragged = bool(self._known.get("ragged"))
        self._reader = BatchReader(
            pipeline.spark, pipeline.storage, contract, pipeline.settings.raw, self.folders.staging,
            # Read strictly, Spark logs the first row that does not parse.
            strict=not self._was_ragged and not has_personal_data(contract),
        )  # fmt: skip

    def write(self, files: Sequence[SourceFile]) -> Written:
        """Write the batch's folder and quarantine; a file that makes reading fail is set apart, the rest is written.

        Args:
            files: the batch.

        Raises:
            LeaseLostError: another run has the dataset by now.
            RowBalanceError: rows were lost on the way; nothing must be committed.
        """
        storage = self._pipeline.storage
        self._delete(self.folders)
        found = self._reader.look_at(files)
        while True:
            opened = self._reader.open(found)
            try:
                written = self._write_rows(opened)
                break
            except RUN_ERRORS as error:
                if self._reader.strict and is_malformed(error):
                    self._reader.strict, found = False, opened.files
                    continue
                culprits = self._reader.unreadable(opened.files)
                if not culprits:
                    raise
                found = opened.files.without(culprits)
        self._remember_raggedness(written)
        written = self._shown(written)
        if written.files.refused:
            with self._lease.step("keep_files"):
                keep_files(storage, self.folders.quarantine, written.files.refused)
        return written

    def write_opened(self, opened: Opened) -> Written:
        """Write the batch's folder and quarantine from rows that are at hand, and not in files of their own.

        Args:
            opened: the rows.

        Raises:
            LeaseLostError: another run has the dataset by now.
            RowBalanceError: rows were lost on the way; nothing must be committed.
        """
        self._delete(self.folders)
        return self._shown(self._write_rows(opened))

    def _shown(self, written: Written) -> Written:
        """The same without personal data in what is told of it."""
        files = replace(written.files, refused=shown_files(written.files.refused, self._contract))
        return replace(written, files=files, samples=shown_samples(written.samples, self._contract))

    def _remember_raggedness(self, written: Written) -> None:
        """Whether some row did not parse, for the dataset's next batch: it is read quickly when all rows did."""
        ragged = UNPARSED in written.reasons
        if ragged != self._was_ragged:
            self._pipeline.ledger.remember("dataset", self._batch.dataset, ragged=ragged)

    def clean_up(self) -> None:
        """Remove what no reader needs: rewritten copies of files, and what earlier attempts have left."""
        self._pipeline.storage.delete(self.folders.staging)
        for number in range(1, self._batch.attempt):
            earlier = replace(self._batch, facts={**self._batch.facts, "attempt": number})
            self._delete(attempt_folders(self._pipeline.settings, earlier))

    def _delete(self, folders: Folders) -> None:
        for folder in astuple(folders):
            self._pipeline.storage.delete(folder)

    def _write_rows(self, opened: Opened) -> Written:
        if opened.frame is None:
            return Written(opened.files, self._contract)
        contract, suggestion = self._contract, ""
        if not contract.columns:
            columns, suggestion = self._settled_columns(opened.frame)
            contract = replace(contract, columns=columns)
        # The time of planning, so that a replay of the batch gives the same rows.
        planned_at = datetime.fromisoformat(self._batch.facts["planned_at"])
        with self._lease.step("write_batch"):
            rows = standardise(opened.frame, contract, planned_at)
            counts = write_batch(rows, self.folders.processed, self._batch.id, planned_at)
        if contract.key and counts.written:
            with self._lease.step("set_duplicates_apart"):
                duplicates = set_duplicates_apart(
                    self._pipeline.spark, self._pipeline.storage, self.folders.processed, contract
                )
            counts = replace(counts, written=counts.written - duplicates, refused=counts.refused + duplicates)
        reasons, samples = self._set_apart(counts.refused)
        unknown = {name: opened.unknown[name] for name in unknown_columns(opened.present, contract)}
        kept = kept_columns(opened.present, contract)
        missing = missing_columns(opened.present, contract)
        return Written(opened.files, contract, counts, reasons, unknown, kept, missing, samples, suggestion)

    def _set_apart(self, refused: int) -> tuple[dict[str, int], list[dict[str, Any]]]:
        """Move the refused rows from the batch's folder to quarantine; their reasons, and some of them."""
        if not refused:
            return {}, []
        with self._lease.step("write_quarantine"):
            rows = refused_rows(self._pipeline.spark, self.folders.processed)
            reasons = keep_rows(rows, f"{self.folders.quarantine}rows/stage={STAGE}/", refused)
            samples = [row.asDict() for row in rows.limit(SAMPLE_ROWS).collect()]
            self._pipeline.storage.delete(f"{self.folders.processed}{REFUSED_FOLDER}")
        return reasons, samples

    def _settled_columns(self, raw: DataFrame) -> tuple[tuple[Column, ...], str]:
        """The columns found in the dataset's first batch, and a contract of them; later batches are held to them."""
        pipeline, dataset = self._pipeline, self._batch.dataset
        if self._known.get("columns"):
            return _as_columns(self._known["columns"]), ""
        columns = infer_columns(raw)
        suggestion = suggested_contract(dataset, columns)
        uri = f"{pipeline.settings.quality}reports/{dataset}/suggested_contract.yml"
        pipeline.storage.write_text(uri, suggestion)
        pipeline.log.info("%s has no contract; a suggestion is at %s", dataset, uri)
        self._known |= pipeline.ledger.settle("dataset", dataset, columns=[described(column) for column in columns])
        return _as_columns(self._known["columns"]), suggestion


def inferred_columns(pipeline: Pipeline, dataset: str) -> tuple[Column, ...]:
    """The columns that were inferred for a dataset without a contract; none before its first batch."""
    item = pipeline.ledger.get("dataset", dataset) or {}
    return _as_columns(item.get("columns", ()))


def _as_columns(described_columns: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    return tuple(Column(c["name"], c["type"], aliases=tuple(c.get("aliases", ()))) for c in described_columns)
