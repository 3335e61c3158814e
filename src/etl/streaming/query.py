"""A streaming job from its start to its end: lease, checkpoint, query, and a stop between two epochs."""

from __future__ import annotations

from typing import Any

from etl.contracts import Contract, inferred
from etl.errors import ArgumentError, StreamCheckpointError
from etl.leases import lease
from etl.pipeline import Pipeline
from etl.streaming.checkpoint import Checkpoint
from etl.streaming.epochs import QUERY, STAGE, Epochs
from etl.streaming.settings import StreamSettings
from etl.streaming.sources import read_stream

__all__ = ["STAGE", "stream"]
# How often it is looked whether the job is to stop.
_LOOK_SECONDS = 10


def stream(pipeline: Pipeline) -> dict[str, str]:
    """Bring a stream's records into the dataset until the job is stopped, or until all is read that was there.

    Args:
        pipeline: the run; its settings name the dataset and the stream.

    Returns:
        Nothing failed; what fails is raised.

    Raises:
        ArgumentError: the job has no dataset or no stream, or a contract whose records can't be read.
        LeaseHeldError: another run reads a stream into the dataset.
        StreamCheckpointError: the checkpoint is not that of the dataset's last run.
    """
    settings, ledger = pipeline.settings, pipeline.ledger
    given = settings.stream
    if given is None or not settings.dataset:
        raise ArgumentError("a streaming job needs --dataset, --stream_source and --stream")
    contract = pipeline.contracts().get(settings.dataset, inferred(settings.dataset))
    _require_json(contract)
    home = given.checkpoint or f"{settings.processed}_streams/{contract.name}/checkpoint/"
    checkpoint = Checkpoint(pipeline.storage, home)
    with lease(ledger.state, contract.name, STAGE, ledger.owner, settings.lease_seconds) as held:
        require_known(ledger.get(f"stream#{contract.name}", QUERY), checkpoint, given, contract.name)
        epochs = Epochs(pipeline, contract, checkpoint, given, held)
        epochs.recover()
        _run_query(pipeline, checkpoint, given, epochs)
    return {}


def require_known(known: dict[str, Any] | None, checkpoint: Checkpoint, given: StreamSettings, dataset: str) -> None:
    """Go on only with the checkpoint, and the stream, that the dataset's last run had.

    Args:
        known: the item of the dataset's query; None before its first run.
        checkpoint: that is to be used.
        given: the stream that is to be read.
        dataset: for the messages.

    Raises:
        StreamCheckpointError: it is another one, or there is none any more.
    """
    if known is None or given.replaces == known["query_id"]:
        return
    query_id = checkpoint.query_id()
    if query_id != known["query_id"]:
        there = f"that of query {query_id}" if query_id else "empty"
        raise StreamCheckpointError(
            f"{dataset}: the last run had query {known['query_id']} with the checkpoint {known['checkpoint']}; "
            f"{checkpoint.uri} is {there}. With it, records would be read again or be passed over. Give the old "
            "checkpoint back (--stream_checkpoint; old versions of its files are kept), or begin a new one with "
            f"--stream_replaces {known['query_id']} and the --stream_start that you want (docs/streaming.md)"
        )
    if (known["source"], known["stream"]) != (given.source, given.stream):
        raise StreamCheckpointError(
            f"{dataset}: the checkpoint {checkpoint.uri} belongs to {known['source']} {known['stream']}, and not to "
            f"{given.source} {given.stream}; begin a new one with --stream_checkpoint and --stream_replaces "
            f"{known['query_id']}"
        )


def _require_json(contract: Contract) -> None:
    if contract.source.format not in ("auto", "json"):
        raise ArgumentError(
            f"{contract.name}: source.format is {contract.source.format}; records of a stream are read as JSON, one "
            "object a record, so it must be json or auto"
        )


def _run_query(pipeline: Pipeline, checkpoint: Checkpoint, given: StreamSettings, epochs: Epochs) -> None:
    writer = read_stream(pipeline.spark, given).writeStream.foreachBatch(epochs.run)
    writer = writer.option("checkpointLocation", checkpoint.uri).queryName(f"{STAGE} {pipeline.settings.dataset}")
    every = f"{given.trigger_seconds} seconds"
    triggered = writer.trigger(availableNow=True) if given.until_caught_up else writer.trigger(processingTime=every)
    query = triggered.start()
    pipeline.log.info("%s: query %s reads %s %s", pipeline.settings.dataset, query.id, given.source, given.stream)
    try:
        while not query.awaitTermination(_LOOK_SECONDS):
            if pipeline.storage.exists(checkpoint.stop_file):
                with epochs.at_work:
                    query.stop()
                pipeline.storage.delete(checkpoint.stop_file)
                pipeline.log.info("%s: stopped, because %s was there", pipeline.settings.dataset, checkpoint.stop_file)
    except Exception as error:
        raise (epochs.error or error) from error
    finally:
        query.stop()
