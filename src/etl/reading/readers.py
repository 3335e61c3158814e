"""Readers: files of one format become one frame of text columns.

Shape of every frame read: the source's columns under standard names, all ``string`` (nested values as JSON
text, or flattened), then ``_corrupt_record string`` (the original line of a row that doesn't parse, else null),
``_source_file string`` (the raw file's URI), and for Excel ``_position string`` (``row 17``). Types come later, by
contract, so that no format's own typing gets in the way (CSV inference drops leading zeros, JSON turns decimals
into doubles).
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from etl.contracts import Contract
from etl.names import CORRUPT, POSITION, SOURCE_FILE, unique_names
from etl.reading.avro_reader import read_avro
from etl.reading.columnar import read_columnar
from etl.reading.formats import FileFormat
from etl.reading.json_reader import read_json
from etl.reading.text_frames import Roots, csv_options, glob_escaped, union_all, with_source_file
from utils.spark_versions import corrupt_record

__all__ = ["is_malformed", "read_files", "union_all"]


def read_files(
    spark: SparkSession,
    uris: Sequence[str],
    found: FileFormat,
    contract: Contract,
    staged: Roots | None = None,
    strict: bool = False,
) -> DataFrame:
    """Read files of one format together.

    Args:
        spark: the session.
        uris: the files, as they are (not percent-encoded); :func:`etl.reading.staging.needs_staging` is false for them.
        found: how they are read; the same for all of them.
        contract: says what becomes of nested values, and names the columns of CSV files without a header.
        staged: URIs of the staging folder and of the raw bucket, both with a trailing slash, when the files are
            copies made by :func:`etl.reading.staging.stage`: rows then tell the raw file.
        strict: a CSV row that does not parse fails the frame when it is used (see :func:`is_malformed`), and is not
            told by ``_corrupt_record``: looking out for such rows one by one costs a sixth of the whole ingestion.

    Raises:
        pyspark.errors.PySparkException: when the files' schema can't be read; bad data shows only when the
            frame is used.
        UnreadableFileError: a file has a type that nothing here reads.
    """
    nested = contract.source.nested
    if found.kind in ("csv", "xlsx"):
        return _read_csv(spark, glob_escaped(uris), found, contract, staged, strict)
    if found.kind == "json":
        return read_json(spark, glob_escaped(uris), nested, staged)
    if found.kind == "avro":
        return read_avro(spark, glob_escaped(uris), nested, staged)
    return read_columnar(spark, uris, found.kind, nested, staged)


def _read_csv(
    spark: SparkSession, paths: list[str], found: FileFormat, contract: Contract, staged: Roots | None, strict: bool
) -> DataFrame:
    names = unique_names(found.header) or [column.name for column in contract.columns]
    # A staged sheet has no header line, and each line begins with the row's number.
    from_sheet = found.kind == "xlsx"
    columns = [POSITION, *names] if from_sheet else names
    schema = StructType([StructField(name, StringType()) for name in (columns if strict else [*columns, CORRUPT])])
    options = {**csv_options(found), "mode": "FAILFAST" if strict else "PERMISSIVE"}
    if from_sheet:
        options["header"] = False
    reader = spark.read.schema(schema).options(**options)
    frame = with_source_file(reader.csv(paths), staged)
    corrupt = F.lit(None).cast("string").alias(CORRUPT) if strict else corrupt_record(CORRUPT, columns[0])
    position = [F.concat(F.lit("row "), POSITION).alias(POSITION)] if from_sheet else []
    return frame.select(*names, corrupt, SOURCE_FILE, *position)


def is_malformed(error: Exception) -> bool:
    """Whether a frame that was read strictly failed because of a row that does not parse.

    Args:
        error: as Spark raised it.
    """
    return "malformed records are detected" in str(error).lower()
