"""The sample: which files are looked at, which of their rows, and how they are written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from etl.contracts import Column, Contract, Source
from etl.dqdl.frames import spark_message
from etl.names import CORRUPT
from etl.reading.batch_files import BatchFiles, BatchReader
from quality_check.errors import CheckError
from quality_check.frames import source_file
from quality_check.places import Place
from utils.glue_utils import Storage
from utils.spark_versions import RUN_ERRORS

# More than this is looked at in part; a laptop reads so much CSV in some seconds.
MOST_BYTES = 64 * 1024 * 1024
MOST_FILES = 200
SEED = 20240229
_MEBI = 1024 * 1024


@dataclass(frozen=True)
class Wanted:
    """What is to be looked at.

    Attributes:
        place: the files, at most :data:`MOST_FILES` of them.
        found: how many there are.
        fraction: the share of rows; 1 for all.
    """

    place: Place
    found: int
    fraction: float


@dataclass(frozen=True)
class Sample:
    """Rows that were read as text.

    Attributes:
        frame: the rows that are looked at, kept, so that the files are read once.
        every: all rows of the files, not kept.
        files: as the readers took them.
        notes: what was left out, and what is out of the ordinary.
    """

    frame: DataFrame
    every: DataFrame
    files: BatchFiles
    fraction: float
    notes: tuple[str, ...]

    def repeats(self, columns: list[str]) -> bool:
        """Whether any two rows of the files, beyond the sample too, have the same texts in some columns."""
        texts = self.every.where(F.col(CORRUPT).isNull()).select(*(F.trim(F.col(f"`{name}`")) for name in columns))
        again = texts.groupBy(*texts.columns).count().where("count > 1").limit(1)
        return bool(again.collect())


def wanted(place: Place, everything: bool) -> Wanted:
    """The files and the share of rows to look at.

    Args:
        place: what was given.
        everything: leave nothing out.
    """
    if everything:
        return Wanted(place, len(place.files), 1.0)
    files = sorted(place.files)
    if len(files) > MOST_FILES:
        # Spread over the names, which mostly are dates.
        files = [files[len(files) * position // MOST_FILES] for position in range(MOST_FILES)]
    chosen = replace(place, files={file: place.files[file] for file in files})
    return Wanted(chosen, len(place.files), min(1.0, MOST_BYTES / max(chosen.size, 1)))


def described(chosen: Wanted, rows: int) -> str:
    """In words, what was looked at."""
    number = len(chosen.place.files)
    files = f"{number:,} of {chosen.found:,} files" if number < chosen.found else f"{number:,} file(s)"
    size = chosen.place.size / _MEBI
    if chosen.fraction == 1:
        return f"all {rows:,} row(s) of {files}"
    return f"a sample of {rows:,} rows, about 1 in {1 / chosen.fraction:.0f}, of {files} ({size:,.0f} MiB)"


def read_sample(spark: SparkSession, chosen: Wanted, contract: Contract, staging: Path) -> Sample:
    """Read the wanted rows as text.

    Args:
        spark: the session.
        chosen: see :func:`wanted`.
        contract: says how the files are read; one without columns takes them as they come.
        staging: an empty folder for copies of files that Spark can't read as they lie.

    Raises:
        CheckError: no file can be read.
    """
    place = chosen.place
    reader = BatchReader(spark, Storage(spark), contract, f"{place.root.as_posix()}/", f"{staging.as_posix()}/")
    opened = reader.open(reader.look_at([source_file(place, file, contract.name) for file in place.files]))
    for _ in range(2):
        if opened.frame is None:
            reasons = "\n  ".join(_refusals(opened.files, place)[:10])
            raise CheckError(f"{place.given} holds nothing that can be read:\n  {reasons}")
        frame = opened.frame
        if chosen.fraction < 1:
            frame = frame.sample(withReplacement=False, fraction=chosen.fraction, seed=SEED)
        frame = frame.persist(StorageLevel.MEMORY_AND_DISK)
        try:
            frame.count()
            notes = (*_refusals(opened.files, place), *opened.files.notes())
            return Sample(frame, opened.frame, opened.files, chosen.fraction, notes)
        except RUN_ERRORS as error:
            # What neither the first nor the last bytes tell shows when Spark reads the whole.
            frame.unpersist()
            broken = reader.unreadable(opened.files)
            if not broken:
                raise CheckError(f"{place.given} can't be read: {spark_message(error)}") from error
            opened = reader.open(opened.files.without(broken))
    raise CheckError(f"{place.given} can't be read: its files change while they are read")


def without_header(spark: SparkSession, chosen: Wanted, name: str, options: dict[str, Any], staging: Path) -> Contract:
    """A contract for CSV files whose first row is data: as many columns as that row has cells, ``column_1`` and so on.

    Args:
        spark: the session.
        chosen: the files.
        name: of the dataset.
        options: reader options that were given.
        staging: an empty folder.

    Raises:
        CheckError: the files are no CSV.
    """
    contract = Contract(name, source=Source(format="csv", options={**options, "header": True}))
    place = chosen.place
    reader = BatchReader(spark, Storage(spark), contract, f"{place.root.as_posix()}/", f"{staging.as_posix()}/")
    files = reader.look_at([source_file(place, file, name) for file in place.files])
    widths = {len(each.look.format.header) for each in files.readable() if each.look.format.kind in ("csv", "xlsx")}
    if len(widths) != 1:
        found = f"their first rows have {sorted(widths)} cells" if widths else "none of them is CSV"
        raise CheckError(f"--no-header: the files can't be read by position: {found}")
    columns = tuple(Column(f"column_{position + 1}") for position in range(widths.pop()))
    return Contract(name, columns=columns, source=Source(format="csv", options={**options, "header": False}))


def _refusals(files: BatchFiles, place: Place) -> list[str]:
    return [f"{place.files[Path(each.file.uri)]}: not read: {each.reason}" for each in files.refused]
