"""Landing: an epoch's records are read from the source once, and kept as they came; all else is made of that copy.

What a source gives for one epoch need not be the same when it is asked again: Kinesis is read until a time or a number
of records is reached, Kafka may have deleted some, a file may have been replaced. So the first complete reading counts:
once the batch is planned, whoever does it (again) reads the landed records and not the source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from etl.contracts import Contract
from etl.discovery import SourceFile
from etl.names import CORRUPT, OF_READERS, POSITION, SOURCE_FILE
from etl.reading.batch_files import BatchFiles, Group, Opened, ReadableFile
from etl.reading.formats import FileFormat, Look
from etl.reading.json_reader import parsed_lines
from etl.reading.text_frames import case_sensitive
from etl.settings import Settings
from etl.standardise import unknown_columns
from etl.streaming.sources import VALUE

_SCHEMA = f"{VALUE} string, {SOURCE_FILE} string, {POSITION} string"
_JSON = FileFormat("json")


@dataclass(frozen=True)
class Landed:
    """What was landed of one place of the stream.

    Attributes:
        place: e.g. ``kafka://orders/3``.
        records: how many.
        size: bytes of their text.
        first, last: their positions, from the lowest to the highest; empty where places have none.
    """

    place: str
    records: int
    size: int
    first: str = ""
    last: str = ""


def landing_folder(settings: Settings, dataset: str, batch_id: str, owner: str) -> str:
    """Where a run lands an epoch: a folder that no other run writes to, with a trailing slash.

    Args:
        settings: name the buckets.
        dataset: whose records.
        batch_id: the epoch's batch.
        owner: token of the run.
    """
    return f"{landings(settings, dataset, batch_id)}{owner}/"


def landings(settings: Settings, dataset: str, batch_id: str) -> str:
    """The folder of all landings of an epoch, also those of runs that came to no end."""
    return f"{settings.processed}_streams/{dataset}/landed/{batch_id}/"


def land(records: DataFrame, folder: str) -> None:
    """Read an epoch's records from the source and keep them.

    Args:
        records: see :mod:`etl.streaming.sources`.
        folder: see :func:`landing_folder`.
    """
    records.write.mode("overwrite").parquet(folder)


def describe(spark: SparkSession, folder: str) -> list[Landed]:
    """What lies in a landing folder, place by place; nothing for an epoch without records."""
    sized = F.struct(F.length(POSITION).alias("length"), F.col(POSITION).alias("text"))
    rows = (
        _landed(spark, folder)
        .groupBy(SOURCE_FILE)
        .agg(
            F.count(F.lit(1)).alias("records"),
            F.sum(F.octet_length(VALUE)).alias("size"),
            # Numbers of any length: of two, the longer one is greater.
            F.min(sized)["text"].alias("first"),
            F.max(sized)["text"].alias("last"),
        )
        .orderBy(SOURCE_FILE)
        .collect()
    )
    return [Landed(place, records, size, first or "", last or "") for place, records, size, first, last in rows]


def open_landed(spark: SparkSession, folder: str, places: Sequence[Landed], contract: Contract) -> Opened:
    """The landed records as rows, the same that a file of JSON lines gives.

    Args:
        spark: the session.
        folder: of the landed records.
        places: as :func:`describe` tells them; at least one.
        contract: of the dataset.
    """
    lines = _landed(spark, folder)
    with case_sensitive(spark):
        frame = parsed_lines(lines, _keys(spark, lines), contract.source.nested)
    unknown = dict.fromkeys(unknown_columns(frame.columns, contract), places[0].place)
    present = [name for name in frame.columns if name not in OF_READERS]
    return Opened(frame, _as_files(places, contract.name), unknown, present)


def _landed(spark: SparkSession, folder: str) -> DataFrame:
    return spark.read.schema(_SCHEMA).parquet(folder)


def _keys(spark: SparkSession, lines: DataFrame) -> Any:
    """The keys of the records. Python's reader takes texts as an RDD only, and would bring them all through Python."""
    jvm: Any = spark._jvm
    reader: Any = spark.read.options(primitivesAsString=True, columnNameOfCorruptRecord=CORRUPT)
    texts = getattr(lines.select(VALUE)._jdf, "as")(jvm.org.apache.spark.sql.Encoders.STRING())
    return reader._df(reader._jreader.json(texts)).schema


def _as_files(places: Sequence[Landed], dataset: str) -> BatchFiles:
    """Places of a stream as reports and notes know files."""
    files = []
    for each in places:
        key = each.place.partition("://")[2]
        note = f"{each.records} record(s)" + (f", {each.first} to {each.last}" if each.first else "")
        file = SourceFile(each.place, each.place.rpartition("/")[0] + "/", key, dataset, each.size, 0)
        files.append(ReadableFile(file, Look(_JSON, notes=(note,)), each.place))
    return BatchFiles([Group(_JSON, tuple(files))])
