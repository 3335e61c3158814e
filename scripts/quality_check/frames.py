"""Files as a data frame, read and typed as the pipeline does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from etl.contracts import Contract, inferred
from etl.discovery import SourceFile
from etl.dqdl.frames import spark_message
from etl.inference import infer_columns
from etl.names import DATE, LATE, REFUSAL, RESCUED, SOURCE_FILE, dataset_from_file_name
from etl.quarantine import RefusedFile
from etl.reading.batch_files import BatchFiles, BatchReader
from etl.standardise import standardise
from quality_check.errors import CheckError
from quality_check.places import Place
from utils.glue_utils import Storage
from utils.spark_versions import RUN_ERRORS

_OF_PIPELINE = (RESCUED, SOURCE_FILE, DATE, LATE, REFUSAL)
_MOST_REFUSED = 10


@dataclass(frozen=True)
class Table:
    """Data that were read.

    Attributes:
        rows: the rows that fit, kept in memory or on disk, so that the files are read once.
        read: how many rows came in.
        refused: why rows do not count -> how many.
        rescued: rows with a value that does not fit its column's type, and is null.
        files: the files as Spark knows them.
        notes: what was found out of the ordinary.
    """

    rows: DataFrame
    read: int
    refused: Mapping[str, int] = field(default_factory=dict)
    rescued: int = 0
    files: Sequence[str] = ()
    notes: Sequence[str] = ()


def read_table(spark: SparkSession, place: Place, contract: Contract | None, file_format: str, staging: Path) -> Table:
    """Read all files of a place as one table.

    Args:
        spark: the session.
        place: where they lie.
        contract: says what the columns are; without one the types are inferred, so that nothing is changed by them.
        file_format: auto, or what text files are; a contract's own counts where it is auto.
        staging: an empty folder for copies of files that Spark can't read as they lie.

    Raises:
        CheckError: a file can't be read.
    """
    given = contract or inferred(dataset_from_file_name(Path(place.given).name))
    if file_format != "auto":
        given = replace(given, source=replace(given.source, format=file_format))
    reader = BatchReader(spark, Storage(spark), given, f"{place.root.as_posix()}/", f"{staging.as_posix()}/")
    opened = reader.open(reader.look_at([source_file(place, file, given.name) for file in place.files]))
    _refuse(place, opened.files.refused)
    if opened.frame is None:
        raise CheckError(f"{place.given} holds nothing that can be read")
    try:
        return table_of(opened.frame, opened.files, given)
    except RUN_ERRORS as error:
        # What neither the first nor the last bytes tell shows when Spark reads the whole.
        _refuse(place, reader.unreadable(opened.files))
        raise CheckError(f"{place.given} can't be read: {spark_message(error)}") from error


def source_file(place: Place, file: Path, dataset: str) -> SourceFile:
    """A file of a place as the pipeline's readers take it."""
    status = file.stat()
    key = file.relative_to(place.root).as_posix()
    return SourceFile(str(file), f"{file.parent}/", key, dataset, status.st_size, int(status.st_mtime * 1000))


def table_of(raw: DataFrame, files: BatchFiles, contract: Contract) -> Table:
    """Type and judge what was read.

    Args:
        raw: of :meth:`etl.reading.batch_files.BatchReader.open`.
        files: the same.
        contract: what the columns are; where it has none, they are inferred.

    Raises:
        CheckError: there are no columns.
    """
    if not contract.columns:
        contract = replace(contract, columns=infer_columns(raw))
    if not contract.columns:
        raise CheckError("the files have no columns")
    rows = standardise(raw, contract, datetime.now(timezone.utc)).persist(StorageLevel.MEMORY_AND_DISK)
    reasons = rows.groupBy(F.col(REFUSAL)["reason"].alias("reason")).agg(
        F.count(F.lit(1)).alias("rows"), F.count(RESCUED).alias("rescued")
    )
    found = {row["reason"]: row for row in reasons.collect()}
    good = rows.where(F.col(REFUSAL).isNull()).drop(*_OF_PIPELINE)
    return Table(
        rows=good,
        read=sum(row["rows"] for row in found.values()),
        refused={reason: row["rows"] for reason, row in found.items() if reason is not None},
        rescued=found[None]["rescued"] if None in found else 0,
        files=[each.file.uri for each in files.readable()],
        notes=files.notes(),
    )


def _refuse(place: Place, refused: Sequence[RefusedFile]) -> None:
    """Tell which files can't be read, if any."""
    if not refused:
        return
    lines = [f"{place.files[Path(each.file.uri)]}: {each.reason}" for each in refused[:_MOST_REFUSED]]
    more = len(refused) - len(lines)
    lines += [f"and {more} more"] if more else []
    raise CheckError("\n  ".join(["can't be read:", *lines]) if len(lines) > 1 else lines[0])
