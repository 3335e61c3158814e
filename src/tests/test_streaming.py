"""Streams: every micro-batch is a batch of the ledger, once, whatever is killed, lost or sent again."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame

from etl import attempt
from etl.batches import batch_of
from etl.errors import ArgumentError, LeaseHeldError, StreamCheckpointError
from etl.leases import Lease, lease
from etl.ledger import CHECKED, INGESTED, PLANNED
from etl.streaming import query
from etl.streaming.checkpoint import Checkpoint
from etl.streaming.epochs import STAGE, Epochs
from etl.streaming.query import stream
from etl.streaming.settings import StreamSettings, stream_from
from etl.streaming.sources import options, records
from etl.vacuum import vacuum_batch
from shop import CHECK, INGEST, PROCESS, Shop

STREAM = (STAGE, stream)
FOLDER = "arriving/orders"
UNPARSED = "the row does not parse"
KAFKA = "value binary, topic string, partition int, offset long"
KINESIS = "data binary, streamName string, partitionKey string, sequenceNumber string"


@pytest.fixture
def put(lake: Any) -> Callable[..., Path]:
    """A factory of files in the folder that the stream reads: ``put("a.jsonl", '{"id": 1}', ...)``."""

    def make(name: str, *lines: str) -> Path:
        return Path(lake.put("raw", f"{FOLDER}/{name}", "".join(f"{line}\n" for line in lines)))

    return make


@pytest.fixture
def read(shop: Shop, lake: Any) -> Callable[..., Any]:
    """A function that runs the streaming job until it has read all there is, a file an epoch."""

    def run(**arguments: str) -> Any:
        given = {
            "dataset": "orders", "stream_source": "files", "stream": f"s3://{lake.bucket('raw')}/{FOLDER}/",
            "stream_most_per_epoch": "1", "stream_until_caught_up": "true",
        }  # fmt: skip
        return shop.run(STREAM, **{**given, **arguments})

    return run


def order(key: str, amount: object = 5, **more: object) -> str:
    """A record."""
    return json.dumps({"id": key, "amount": amount, "at": "2024-01-15", **more})


# From the stream to the tables --------------------------------------------------------------------------------


def test_every_epoch_is_a_batch_that_processing_and_quality_take_as_any_other(
    shop: Shop, put: Callable[..., Path], read: Callable[..., Any]
) -> None:
    put("a.jsonl", order("1"), "", "no json", order("2"))
    put("b c%20d.jsonl", order("3", 7, colour="red"), order("4"))
    pipeline = read()
    shop.run(INGEST, PROCESS, CHECK)
    assert shop.states() == [CHECKED] * 2
    assert shop.keys() == Counter("1234")
    assert [int(batch["rows_read"]) for batch in shop.batches()] == [3, 2]
    assert [row["new_columns"] for row in shop.batches()] == [[], ["colour"]]
    [refused] = shop.quarantine()
    raw = f"{pipeline.settings.raw}{FOLDER}"
    assert (refused["reason"], refused["record"], refused["source_file"]) == (UNPARSED, "no json", f"{raw}/a.jsonl")
    assert {batch["notes"][0] for batch in shop.batches()} == {
        "a.jsonl: 3 record(s)", "b c%20d.jsonl: 2 record(s)",
    }  # fmt: skip
    [(subject, _)] = [told for told in shop.notifications() if "refused" in told[0]]
    assert subject == "[test] orders: 1 row(s), 0 file(s) refused"
    before = [shop.batches(), shop.files("processed").keys()]
    read()
    assert [shop.batches(), shop.files("processed").keys()] == before, "nothing new came"
    put("e.jsonl", order("5"))
    read()
    assert shop.states() == [CHECKED, CHECKED, INGESTED]


def test_in_mode_freeze_a_record_with_an_unknown_column_is_refused_and_the_others_stay(
    shop: Shop, put: Callable[..., Path], read: Callable[..., Any]
) -> None:
    shop.contract(schema_mode="freeze")
    put("a.jsonl", order("1"), order("2", colour="red"))
    read()
    reason = "columns that the contract doesn't know: colour (schema_mode: freeze)"
    assert [row["reason"] for row in shop.quarantine()] == [reason]
    assert [int(batch["rows_written"]) for batch in shop.batches()] == [1]


# Killed, lost, twice ------------------------------------------------------------------------------------------


class Killed(BaseException):
    """What no handler of the pipeline catches."""


@pytest.fixture
def epochs(shop: Shop, lake: Any) -> Callable[[], Epochs]:
    """A factory of runs whose epochs are given by hand, after Spark's notes of them; the query's id is ``q1``."""
    lake.put("processed", "cp/metadata", '{"id":"q1"}')
    for epoch in range(3):
        lake.put("processed", f"cp/offsets/{epoch}", f'v1\n{{"batchTimestampMs":{1705312800123 + epoch}}}\n{{}}')

    leases: list[Lease] = []

    def make() -> Epochs:
        for ended in leases:
            ended.release()
        pipeline = shop.open()
        leases.append(Lease(pipeline.ledger.state, "orders", STAGE, pipeline.ledger.owner, 60))
        leases[-1].acquire()
        checkpoint = Checkpoint(pipeline.storage, f"{pipeline.settings.processed}cp/")
        given = StreamSettings("kafka", "orders")
        return Epochs(pipeline, pipeline.contracts()["orders"], checkpoint, given, leases[-1])

    return make


@pytest.fixture
def kafka(frame: Callable[..., DataFrame]) -> Callable[..., DataFrame]:
    """A factory of an epoch's records of Kafka: ``kafka((partition, offset, text), ...)``."""

    def make(*rows: tuple[int, int, str | None]) -> DataFrame:
        texts = [(None if text is None else bytearray(text.encode()), "orders", *place) for *place, text in rows]
        return records(frame(KAFKA, *texts), "kafka")

    return make


def test_an_epoch_that_gives_other_records_when_it_is_run_again_counts_as_it_was_landed(
    shop: Shop, epochs: Callable[[], Epochs], kafka: Callable[..., DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other = kafka((0, 8, order("1")), (0, 9, order("2"))), kafka((0, 8, order("1")), (0, 10, order("3")))
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(attempt, "write_batch", _dies)
        epochs().run(first, 0)
    assert shop.states() == [PLANNED]
    shop.run(INGEST)
    assert shop.states() == [PLANNED], "ingestion has another lease, and leaves it alone"
    epochs().run(other, 0)
    epochs().run(other, 0)
    shop.run(PROCESS)
    assert (shop.keys(), len(shop.batches())) == (Counter("12"), 1)
    [batch] = shop.batches()
    assert batch["id"].startswith("20240115T100000123-")
    assert batch["notes"] == ["0: 2 record(s), offset 8 to offset 9"]
    assert (batch["stream_query"], int(batch["stream_epoch"]), int(batch["attempt"])) == ("q1", 0, 2)
    vacuum_batch(shop.open(), batch_of(batch))
    assert not [path for path in shop.files("processed") if "/landed/" in path], "it goes with its batch"


def test_what_a_killed_run_has_landed_and_not_planned_is_read_again_and_removed(
    shop: Shop, epochs: Callable[[], Epochs], kafka: Callable[..., DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("etl.streaming.epochs.write_manifest", _dies)
        epochs().run(kafka((0, 8, order("1"))), 0)
    assert shop.states() == []
    epochs().run(kafka((0, 8, order("1")), (0, 9, order("2"))), 0)
    [batch] = shop.batches()
    landed = {path.rsplit("/", 1)[0] for path in shop.files("processed") if "/landed/" in path}
    assert (int(batch["rows_written"]), landed) == (2, {batch["landed"].split("/", 3)[3].rstrip("/")})


def test_an_epoch_without_records_is_no_batch(
    shop: Shop, epochs: Callable[[], Epochs], kafka: Callable[..., DataFrame]
) -> None:
    epochs().run(kafka((0, 8, " \n")), 0)
    assert shop.states() == []
    assert not [path for path in shop.files("processed") if "/landed/" in path]


def test_records_that_are_no_rows_are_kept_with_their_place_in_the_stream(
    shop: Shop, epochs: Callable[[], Epochs], kafka: Callable[..., DataFrame], frame: Callable[..., DataFrame]
) -> None:
    epochs().run(kafka((0, 998, order("1")), (3, 1002, '{"id": "2"'), (3, 7, None), (0, 3, order("3") * 2)), 0)
    stream = [(bytearray(b"\xff\xfe"), "orders", "k", "4966"), (bytearray(b"[1, 2]"), "orders", "k", "4967")]
    epochs().run(records(frame(KINESIS, *stream), "kinesis"), 1)
    assert {(row["source_file"], row["position"]): row["record"] for row in shop.quarantine()} == {
        ("kafka://orders/3", "offset 1002"): '{"id": "2"',
        ("kafka://orders/3", "offset 7"): "null",
        ("kafka://orders/0", "offset 3"): order("3") * 2,
        ("kinesis://orders", "sequence number 4966"): "//4=",
        ("kinesis://orders", "sequence number 4967"): "[1, 2]",
    }
    assert shop.batches()[0]["notes"] == [
        "0: 2 record(s), offset 3 to offset 998", "3: 2 record(s), offset 7 to offset 1002",
    ]  # fmt: skip


def test_a_lost_checkpoint_stops_the_job_until_somebody_says_that_it_is_replaced(
    shop: Shop, lake: Any, put: Callable[..., Path], read: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put("a.jsonl", order("1"))
    with monkeypatch.context() as patch, pytest.raises(Exception, match="killed"):
        patch.setattr(attempt, "write_batch", _fails)
        read()
    assert shop.states() == [PLANNED]
    shutil.rmtree(lake.folder("processed") / "_streams/orders/checkpoint")
    path.unlink()
    put("b.jsonl", order("2"))
    with pytest.raises(StreamCheckpointError, match="is empty") as refused:
        read()
    query_id = str(refused.value).rpartition("--stream_replaces ")[2].split()[0]
    read(stream_replaces=query_id)
    shop.run(PROCESS)
    assert shop.keys() == Counter("12"), "the batch of the old query was finished without its source"
    assert len({batch["stream_query"] for batch in shop.batches()}) == 2
    read()
    with pytest.raises(StreamCheckpointError, match="belongs to files s3://"):
        read(stream="s3://elsewhere/orders/")


def test_a_second_job_for_the_same_dataset_is_refused_while_the_first_lives(
    shop: Shop, put: Callable[..., Path], read: Callable[..., Any]
) -> None:
    put("a.jsonl", order("1"))
    with lease(shop.open().ledger.state, "orders", STAGE, "jr_other", 1), pytest.raises(LeaseHeldError, match="jr_ot"):
        read()
    read()
    assert shop.states() == [INGESTED]


def test_a_stop_file_ends_the_job_between_two_epochs(
    shop: Shop, lake: Any, put: Callable[..., Path], read: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "_LOOK_SECONDS", 0.05)
    put("a.jsonl", order("1"))
    stop = "_streams/orders/checkpoint/stop"
    real = attempt.write_batch

    def asked_to_stop(*arguments: Any) -> Any:
        lake.put("processed", stop, "")
        return real(*arguments)

    monkeypatch.setattr(attempt, "write_batch", asked_to_stop)
    read(stream_until_caught_up="false", stream_trigger_seconds="1")
    assert (shop.states(), shop.path("processed", stop).exists()) == ([INGESTED], False)


def _dies(*_: Any, **__: Any) -> None:
    raise Killed


def _fails(*_: Any, **__: Any) -> None:
    raise ValueError("killed")


# Arguments ----------------------------------------------------------------------------------------------------

ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/shop.orders"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"stream_source": "sqs"}, "--stream_source is 'sqs'; it must be kinesis, kafka or files"),
        ({"stream": ARN}, "--stream_source is ''; it must be"),
        ({"stream_source": "kinesis", "stream": "orders"}, "it must be the ARN of a stream"),
        ({"stream_source": "kafka", "stream": "a b", "stream_brokers": "b:9092"}, "it must be one or more topics"),
        ({"stream_source": "kafka", "stream": "a,b"}, "--stream_brokers is missing"),
        ({"stream_source": "files", "stream": "orders"}, "it must be the URI of a folder"),
        ({"stream_source": "kinesis", "stream": ARN, "stream_start": "now"}, "like 2024-01-15T09:30:00Z"),
        ({"stream_source": "files", "stream": "s3://b/f", "stream_start": "latest"}, "every file is read: earliest"),
        ({"stream_source": "kinesis", "stream": ARN, "stream_auth": "x"}, "it must be none, tls or iam"),
        ({"stream_source": "kinesis", "stream": ARN, "stream_trigger_seconds": "0"}, "a whole number of at least 1"),
    ],
)
def test_arguments_that_make_no_stream_are_refused_with_what_would_be_right(
    arguments: dict[str, str], told: str
) -> None:
    with pytest.raises(ArgumentError) as refused:
        stream_from(arguments)
    assert told in str(refused.value)


def test_a_job_without_these_arguments_has_no_stream() -> None:
    assert stream_from({"JOB_NAME": "x", "stream": ""}) is None


def test_kinesis_is_asked_for_by_arn_in_its_own_region_and_without_empty_epochs() -> None:
    given = stream_from({"stream_source": "kinesis", "stream": ARN, "stream_most_per_epoch": "500"})
    assert given is not None
    assert options(given) == {
        "streamARN": ARN,
        "streamName": "shop.orders",
        "endpointUrl": "https://kinesis.eu-west-1.amazonaws.com",
        "startingPosition": "TRIM_HORIZON",
        "avoidEmptyBatches": "true",
        "emitConsumerLagMetrics": "true",
        "maxFetchRecordsPerShard": 500,
    }


def test_kafka_is_asked_for_by_topics_from_a_time_and_stops_where_records_are_gone() -> None:
    arguments = {"stream_source": "kafka", "stream": "a,b", "stream_brokers": "b1:9098,b2:9098", "stream_auth": "iam"}
    given = stream_from({**arguments, "stream_start": "2024-01-15T09:30:00+01:00"})
    assert given is not None
    found = options(given)
    assert {found[name] for name in ("subscribe", "kafka.sasl.mechanism", "failOnDataLoss", "startingTimestamp")} == {
        "a,b", "AWS_MSK_IAM", "true", 1705307400000,
    }  # fmt: skip


def test_a_contract_whose_records_are_no_json_is_refused(shop: Shop, read: Callable[..., Any]) -> None:
    shop.contract(source={"patterns": ["orders*"], "format": "csv"})
    with pytest.raises(ArgumentError, match="records of a stream are read as JSON"):
        read()
