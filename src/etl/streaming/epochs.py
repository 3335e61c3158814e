"""Epochs: each micro-batch of a query becomes a batch of the ledger, once, however often Spark runs it.

1. Land: the records are read from the source once, into a folder of this run alone (:mod:`etl.streaming.landing`).
2. Plan: the batch's id is made of the query, the epoch and the time at which Spark wrote the epoch down, so an epoch
   that is run again finds its batch. Not there: nothing of it counts yet, and it is landed anew. PLANNED: what was
   landed is done again, and the source is not asked. INGESTED or later: it is done.
3. Read, standardise, write and commit, as ingestion does it with files (:mod:`etl.attempt`, :mod:`etl.committing`).
"""

from __future__ import annotations

import threading

from pyspark.sql import DataFrame

from etl.attempt import Attempt
from etl.committing import commit
from etl.contracts import Contract
from etl.discovery import SourceFile
from etl.leases import Lease
from etl.ledger import PLANNED, Batch, utc_now
from etl.manifests import write_manifest
from etl.pipeline import Pipeline
from etl.streaming.checkpoint import Checkpoint, epoch_batch_id
from etl.streaming.landing import Landed, describe, land, landing_folder, landings, open_landed
from etl.streaming.settings import StreamSettings
from utils.glue_utils import StoredFile

STAGE = "streaming"
# The item of `stream#<dataset>` that says which query the dataset's stream has.
QUERY = "query"


class Epochs:
    """The epochs of one run of a query.

    Args:
        pipeline: the run.
        contract: the dataset's contract.
        checkpoint: the query's.
        given: the stream.
        held: the lease of the dataset's streaming.
    """

    def __init__(
        self, pipeline: Pipeline, contract: Contract, checkpoint: Checkpoint, given: StreamSettings, held: Lease
    ) -> None:
        self._pipeline, self._contract, self._held = pipeline, contract, held
        self._checkpoint, self._given = checkpoint, given
        self._query_id = ""
        # Held while an epoch is at work, so that a query can be stopped between two.
        self.at_work = threading.Lock()
        self.error: Exception | None = None

    def run(self, records: DataFrame, epoch: int) -> None:
        """Do one epoch; to be called by ``foreachBatch``.

        Args:
            records: of the epoch; reading them asks the source.
            epoch: its number in the query.

        Raises:
            LeaseLostError: another run has the dataset's streaming by now; nothing was committed.
        """
        with self.at_work:
            try:
                self._run(records, epoch)
            except Exception as error:
                # Spark tells it as a text among Java's; the job tells it as it is.
                self.error = error
                raise

    def recover(self) -> None:
        """Finish what earlier runs have left unfinished, also those of a checkpoint that is gone."""
        for batch in self._pipeline.ledger.batches(self._contract.name, PLANNED):
            if batch.is_streamed:
                self._finish(batch)

    def _run(self, records: DataFrame, epoch: int) -> None:
        self._held.require()
        dataset = self._contract.name
        self._remember_query()
        begun_at = self._checkpoint.begun_at(epoch)
        batch_id = epoch_batch_id(self._query_id, epoch, begun_at)
        found = self._pipeline.ledger.batch(dataset, batch_id)
        if found is None:
            folder = landing_folder(self._pipeline.settings, dataset, batch_id, self._held.owner)
            with self._held.step("land"):
                land(records, folder)
            places = describe(self._pipeline.spark, folder)
            if not places:
                self._pipeline.storage.delete(folder)
                return
            facts = {"planned_at": begun_at.isoformat(), "stream_query": self._query_id, "stream_epoch": epoch}
            self._ingest(self._plan(batch_id, folder, facts), places)
        elif found.status == PLANNED:
            self._finish(found)
        else:
            self._pipeline.log.info("%s: epoch %d is batch %s, and done", dataset, epoch, batch_id)
        self._pipeline.alerts.send_pending()

    def _remember_query(self) -> None:
        """Before the first batch: which query the dataset's stream has. Another one is refused from then on."""
        if self._query_id:
            return
        query_id = self._checkpoint.query_id()
        self._pipeline.ledger.put(
            f"stream#{self._contract.name}", QUERY,
            query_id=query_id, source=self._given.source, stream=self._given.stream, checkpoint=self._checkpoint.uri,
            run_id=self._held.owner, started_at=utc_now().isoformat(),
        )  # fmt: skip
        self._query_id = query_id

    def _plan(self, batch_id: str, folder: str, facts: dict[str, object]) -> Batch:
        pipeline, dataset = self._pipeline, self._contract.name
        files = [self._source_file(stored) for stored in pipeline.storage.list_files(folder) if stored.size]
        with self._held.step("write_manifest"):
            manifest = write_manifest(pipeline, dataset, f"{batch_id}-{self._held.owner}", files)
        pipeline.ledger.put_once("dataset", dataset)
        facts |= {"manifest": manifest, "files": len(files), "landed": folder, "stream": self._given.stream}
        return pipeline.ledger.plan(dataset, batch_id, self._held, **facts)

    def _source_file(self, stored: StoredFile) -> SourceFile:
        folder, _, _ = stored.uri.rpartition("/")
        key = stored.uri.removeprefix(self._pipeline.settings.processed)
        return SourceFile(stored.uri, f"{folder}/", key, self._contract.name, stored.size, stored.modified_ms)

    def _finish(self, batch: Batch) -> None:
        self._pipeline.log.info("%s: batch %s was left unfinished and is done again", batch.dataset, batch.id)
        places = describe(self._pipeline.spark, batch.facts["landed"])
        self._ingest(self._pipeline.ledger.take_over(batch), places)

    def _ingest(self, batch: Batch, places: list[Landed]) -> None:
        pipeline, landed = self._pipeline, batch.facts["landed"]
        attempt = Attempt(pipeline, self._contract, batch, self._held)
        written = attempt.write_opened(open_landed(pipeline.spark, landed, places, self._contract))
        commit(pipeline, batch, attempt, written, self._held)
        for stored in pipeline.storage.list_files(landings(pipeline.settings, batch.dataset, batch.id)):
            # Of runs that were killed while they landed.
            if not stored.uri.startswith(landed):
                pipeline.storage.delete(stored.uri)
