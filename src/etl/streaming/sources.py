"""Sources: Kinesis, Kafka or a folder of JSON lines as one frame of records.

Shape of every frame: ``value string`` (the record's text), ``_source_file string`` (the stream, topic and partition, or
file that it came from) and ``_position string`` (its place there; null in files).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import BinaryType

from etl.names import POSITION, SOURCE_FILE
from etl.reading.text_frames import text_of, with_source_file
from etl.streaming.settings import EARLIEST, FILES, KAFKA, KINESIS, LATEST, StreamSettings

VALUE = "value"
# A record without content deletes its key in a compacted topic of Kafka. It has no row, and must not vanish either.
_NO_CONTENT = "null"
_IAM = {
    "kafka.security.protocol": "SASL_SSL",
    "kafka.sasl.mechanism": "AWS_MSK_IAM",
    "kafka.sasl.jaas.config": "software.amazon.msk.auth.iam.IAMLoginModule required;",
    "kafka.sasl.client.callback.handler.class": "software.amazon.msk.auth.iam.IAMClientCallbackHandler",
}
_AUTH = {"none": {}, "tls": {"kafka.security.protocol": "SSL"}, "iam": _IAM}


def read_stream(spark: SparkSession, given: StreamSettings) -> DataFrame:
    """The stream as a streaming frame of records.

    Args:
        spark: the session.
        given: the stream, and how it is read.
    """
    reader = spark.readStream.format("text" if given.source == FILES else given.source).options(**options(given))
    loaded = reader.load(given.stream) if given.source == FILES else reader.load()
    return records(loaded, given.source)


def options(given: StreamSettings) -> dict[str, Any]:
    """The options of the source's reader.

    Args:
        given: the stream, and how it is read.
    """
    return {KINESIS: _kinesis_options, KAFKA: _kafka_options, FILES: _file_options}[given.source](given)


def records(loaded: DataFrame, source: str) -> DataFrame:
    """Records as the source's reader gives them, in the shape that all sources share; blank ones are left out.

    Args:
        loaded: the reader's frame.
        source: kinesis, kafka or files.
    """
    if source == KINESIS:
        value, place = _text("data"), F.concat(F.lit("kinesis://"), "streamName")
        position = F.concat(F.lit("sequence number "), "sequenceNumber")
    elif source == KAFKA:
        value, place = _text("value"), F.concat(F.lit("kafka://"), "topic", F.lit("/"), F.col("partition"))
        position = F.concat(F.lit("offset "), F.col("offset"))
    else:
        loaded = with_source_file(loaded)
        value, place, position = F.col("value"), F.col(SOURCE_FILE), F.lit(None).cast("string")
    named = loaded.select(value.alias(VALUE), place.alias(SOURCE_FILE), position.alias(POSITION))
    return named.where(F.col(VALUE).rlike(r"[^ \t\r\n]"))


def _text(column: str) -> Column:
    # Bytes that are no text are kept as Base64, which is no JSON: they end in quarantine.
    return F.coalesce(text_of(F.col(column), BinaryType()), F.lit(_NO_CONTENT))


def _kinesis_options(given: StreamSettings) -> dict[str, Any]:
    _, partition, _, region, _, name = given.stream.split(":", 5)
    domain = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    start = {EARLIEST: "TRIM_HORIZON", LATEST: "LATEST"}.get(given.start, given.start)
    most = {} if given.most_per_epoch is None else {"maxFetchRecordsPerShard": given.most_per_epoch}
    return {
        "streamARN": given.stream,
        "streamName": name.partition("/")[2],
        "endpointUrl": f"https://kinesis.{region}.{domain}",
        "startingPosition": start,
        # Without it every trigger runs an epoch, also when nothing has come.
        "avoidEmptyBatches": "true",
        "emitConsumerLagMetrics": "true",
        **most,
    }


def _kafka_options(given: StreamSettings) -> dict[str, Any]:
    most = {} if given.most_per_epoch is None else {"maxOffsetsPerTrigger": given.most_per_epoch}
    if given.start in (EARLIEST, LATEST):
        start: dict[str, Any] = {"startingOffsets": given.start}
    else:
        milliseconds = round(datetime.fromisoformat(given.start.replace("Z", "+00:00")).timestamp() * 1000)
        start = {"startingTimestamp": milliseconds, "startingOffsetsByTimestampStrategy": "latest"}
    return {
        "kafka.bootstrap.servers": given.brokers,
        "subscribe": given.stream,
        # What Kafka has deleted before it was read stops the job instead of being passed over.
        "failOnDataLoss": "true",
        **start,
        **_AUTH[given.auth],
        **most,
    }


def _file_options(given: StreamSettings) -> dict[str, Any]:
    most = {} if given.most_per_epoch is None else {"maxFilesPerTrigger": given.most_per_epoch}
    return {"recursiveFileLookup": "true", **most}
