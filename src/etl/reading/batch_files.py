"""The files of one batch: told apart by content, read together, and the ones that can't be read set apart.

A broken file costs itself only: what its first and last bytes don't tell shows when Spark reads it, and then
halves of the batch are read alone until the culprits are found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, SparkSession

from etl.contracts import Contract
from etl.discovery import SourceFile
from etl.errors import UnreadableFileError
from etl.names import OF_READERS, is_replay, unique_names
from etl.quarantine import RefusedFile
from etl.reading.csv_survey import survey
from etl.reading.formats import TAIL_BYTES, FileFormat, Look, contradiction, head_length, look
from etl.reading.packing import zstd_by_jvm
from etl.reading.readers import read_files, union_all
from etl.reading.staging import needs_staging, stage
from etl.standardise import unknown_columns, unknown_reason
from utils.glue_utils import Storage, java_class
from utils.spark_versions import RUN_ERRORS

GONE = "the file was gone when it was to be read"
CHANGED = "the file changed while it was read"
_READING_THREADS = 16
# Staging unpacks and rewrites whole files in the driver.
_STAGING_THREADS = 4
# Not the file's fault: the run must fail and be repeated, and the file must not be refused.
_NOT_THE_FILE = (
    "AccessDenied",
    "SlowDown",
    "OutOfMemoryError",
    "Connection reset",
    "UnknownHostException",
    "Timeout",
)
_T = TypeVar("_T")


@dataclass(frozen=True)
class ReadableFile:
    """A file that Spark can read, as far as is known by now.

    Attributes:
        file: the raw file.
        look: how it is read, and what the report should say of it.
        uri: where it is read: the raw file itself, or its staged copy.
    """

    file: SourceFile
    look: Look
    uri: str

    @property
    def is_staged(self) -> bool:
        """Whether a copy is read."""
        return self.uri != self.file.uri


@dataclass(frozen=True)
class Group:
    """Files of one format that Spark reads together."""

    format: FileFormat
    files: tuple[ReadableFile, ...]

    def of(self, files: Iterable[ReadableFile]) -> Group:
        """Some of its files."""
        return Group(self.format, tuple(files))


@dataclass
class BatchFiles:
    """A batch's files: those still taken to be readable, by format, and those refused."""

    groups: list[Group] = field(default_factory=list)
    refused: list[RefusedFile] = field(default_factory=list)

    def without(self, refused: Iterable[RefusedFile]) -> BatchFiles:
        """The same batch after more files were refused."""
        added = list(refused)
        keys = {item.file.key for item in added}
        kept = [group.of(f for f in group.files if f.file.key not in keys) for group in self.groups]
        return BatchFiles([group for group in kept if group.files], [*self.refused, *added])

    def readable(self) -> list[ReadableFile]:
        """All files that are not refused."""
        return [file for group in self.groups for file in group.files]

    def notes(self) -> list[str]:
        """What the report should say of single files, e.g. ``x.csv: named .csv, holds Parquet``."""
        return [f"{each.file.name}: {note}" for each in self.readable() for note in each.look.notes]


@dataclass(frozen=True)
class Opened:
    """The readable files of a batch as one frame.

    Attributes:
        frame: see :mod:`etl.reading.readers`; None when no file is left.
        files: the batch without the files that turned out to have no schema.
        unknown: column that the contract doesn't know -> URI of the first file that has it.
        present: the standard names of all columns.
    """

    frame: DataFrame | None
    files: BatchFiles
    unknown: Mapping[str, str]
    present: Sequence[str]


class BatchReader:
    """Reads the files of one batch.

    Args:
        spark: the session.
        storage: the buckets.
        contract: of the dataset.
        raw: URI of the raw bucket, with a trailing slash.
        staging: URI of the batch's own folder for rewritten copies, with a trailing slash.
        strict: read CSV quickly, which fails where a row does not parse (see :func:`etl.reading.readers.read_files`).
    """

    def __init__(
        self, spark: SparkSession, storage: Storage, contract: Contract, raw: str, staging: str, strict: bool = False
    ) -> None:
        self._spark, self._storage, self._contract = spark, storage, contract
        self._raw, self._staging, self.strict = raw, staging, strict

    def look_at(self, files: Sequence[SourceFile]) -> BatchFiles:
        """Tell every file's format by content, and stage those that Spark can't read as they lie.

        Args:
            files: the batch.
        """
        readable, refused = self._each(self._look, files, _READING_THREADS)
        staged, unfit = self._each(self._staged, readable, _STAGING_THREADS)
        surveyed, broken = self._surveyed(staged)
        groups: dict[tuple[FileFormat, bool], list[ReadableFile]] = {}
        for each in surveyed:
            groups.setdefault((each.look.format, each.is_staged), []).append(each)
        kinds = [Group(found, tuple(members)) for (found, _), members in groups.items()]
        return BatchFiles(kinds, [*refused, *unfit, *broken])

    def open(self, batch: BatchFiles) -> Opened:
        """One frame of all readable files, and the batch without those that have no schema."""
        opened: list[tuple[Group, DataFrame]] = []
        refused: list[RefusedFile] = []
        for group in batch.groups:
            good, bad = self._open_group(group)
            opened += good
            refused += bad
        unknown: dict[str, str] = {}
        for group, frame in opened:
            for name in unknown_columns(frame.columns, self._contract):
                unknown.setdefault(name, group.files[0].file.uri)
        united = union_all(frame for _, frame in opened) if opened else None
        present = [name for name in united.columns if name not in OF_READERS] if united else []
        return Opened(united, batch.without(refused), unknown, present)

    def unreadable(self, batch: BatchFiles) -> list[RefusedFile]:
        """The files that make reading fail, found by halving.

        Raises:
            pyspark.errors.PySparkException: when what fails is not a file but the storage or the session.
        """

        def read(group: Group) -> Callable[[Sequence[ReadableFile]], None]:
            # Not strictly: a row that does not parse is no reason to refuse its file.
            return lambda files: self._frame(group.of(files), False).write.format("noop").mode("overwrite").save()

        return [item for group in batch.groups for item in self._culprits(group.files, read(group))]

    def _each(
        self, work: Callable[[_T], ReadableFile | RefusedFile], items: Sequence[_T], threads: int
    ) -> tuple[list[ReadableFile], list[RefusedFile]]:
        with ThreadPoolExecutor(threads) as pool:
            results = list(pool.map(work, items))
        good = [result for result in results if isinstance(result, ReadableFile)]
        return good, [result for result in results if isinstance(result, RefusedFile)]

    def _look(self, file: SourceFile) -> ReadableFile | RefusedFile:
        source = self._contract.source
        declared, options = ("json", {}) if is_replay(file.name) else (source.format, source.options)
        try:
            head, tail = self._ends(file)
            unpack = zstd_by_jvm(self._spark)
            found = look(file.name, head, tail, declared, options, self._contract.columns, unpack)
        except UnreadableFileError as error:
            return RefusedFile(file, str(error))
        if contradicted := contradiction(file.name, found.format):
            found = replace(found, notes=(*found.notes, contradicted))
        return ReadableFile(file, found, file.uri)

    def _ends(self, file: SourceFile) -> tuple[bytes, bytes]:
        """A file's first and last bytes."""
        try:
            length = min(file.size, head_length(file.name))
            head = self._storage.read_bytes(file.uri, 0, length) if length else b""
            if (needed := min(file.size, head_length(file.name, head))) > length:
                head = self._storage.read_bytes(file.uri, 0, needed)
            if len(head) >= file.size:
                return head, head[-TAIL_BYTES:]
            return head, self._storage.read_bytes(file.uri, file.size - TAIL_BYTES, TAIL_BYTES)
        except Py4JJavaError as error:
            kind = java_class(error)
            if kind not in ("java.io.FileNotFoundException", "java.io.EOFException"):
                raise
            raise UnreadableFileError(GONE if kind.endswith("FileNotFoundException") else CHANGED) from error

    def _staged(self, each: ReadableFile) -> ReadableFile | RefusedFile:
        if needs_staging(each.look.format):
            options = self._contract.source.options
            try:
                uri, found = stage(self._spark, self._storage, each.file, each.look.format, self._staging, options)
            except UnreadableFileError as error:
                return RefusedFile(each.file, str(error))
            each = ReadableFile(each.file, replace(each.look, format=found), uri)
        # Not before: the header of a sheet is known when it is staged.
        problem = _header_problem(each.look.format, self._contract)
        return RefusedFile(each.file, problem) if problem else each

    def _surveyed(self, files: Sequence[ReadableFile]) -> tuple[list[ReadableFile], list[RefusedFile]]:
        """The files with what only the whole of them can tell; those whose bytes can't be read are refused."""
        if not files:
            return [], []
        try:
            looks = survey(self._spark, {each.uri: each.look for each in files}, self._contract)
            return [ReadableFile(each.file, looks[each.uri], each.uri) for each in files], []
        except RUN_ERRORS as error:
            reason = _file_reason(error)
        if len(files) == 1:
            return [], [self._refused(files[0], reason)]
        middle = len(files) // 2
        (good, bad), (more, worse) = self._surveyed(files[:middle]), self._surveyed(files[middle:])
        return [*good, *more], [*bad, *worse]

    def _frame(self, group: Group, strict: bool) -> DataFrame:
        staged = (self._staging, self._raw) if group.files[0].is_staged else None
        uris = [each.uri for each in group.files]
        return read_files(self._spark, uris, group.format, self._contract, staged, strict)

    def _open_group(self, group: Group) -> tuple[list[tuple[Group, DataFrame]], list[RefusedFile]]:
        try:
            frame = self._frame(group, self.strict)
            freeze = self._contract.schema_mode == "freeze"
            unknown = unknown_columns(frame.columns, self._contract) if freeze else []
            if not unknown:
                return [(group, frame)], []
            reason = unknown_reason(unknown)
        except (*RUN_ERRORS, UnreadableFileError) as error:
            reason = _file_reason(error)
        if len(group.files) == 1:
            return [], [RefusedFile(group.files[0].file, reason)]
        parts = [self._open_group(group.of([each])) for each in group.files]
        return [pair for opened, _ in parts for pair in opened], [item for _, bad in parts for item in bad]

    def _culprits(
        self, files: Sequence[ReadableFile], read: Callable[[Sequence[ReadableFile]], None]
    ) -> list[RefusedFile]:
        try:
            read(files)
            return []
        except (*RUN_ERRORS, UnreadableFileError) as error:
            reason = _file_reason(error)
        if len(files) == 1:
            return [self._refused(files[0], reason)]
        middle = len(files) // 2
        return [*self._culprits(files[:middle], read), *self._culprits(files[middle:], read)]

    def _refused(self, each: ReadableFile, reason: str) -> RefusedFile:
        return RefusedFile(each.file, reason if self._storage.exists(each.file.uri) else GONE)


def _header_problem(found: FileFormat, contract: Contract) -> str:
    """Why a CSV file can't be of the dataset, or ''."""
    if found.kind != "csv":
        return ""
    if not found.header:
        return "" if contract.columns else "a CSV file without a header needs a contract that lists its columns"
    known = {name for column in contract.columns for name in (column.name, *column.aliases)}
    if known and len(unknown_columns(unique_names(found.header), contract)) == len(found.header):
        expected = ", ".join(column.name for column in contract.columns[:5])
        return f"no column of the header {', '.join(found.header[:5])} … is in the contract ({expected} …)"
    return ""


def _file_reason(error: Exception) -> str:
    """The innermost cause in one line; raises the error again when it is not the file's."""
    text = str(error)
    if isinstance(error, UnreadableFileError):
        return text
    if any(marker in text for marker in _NOT_THE_FILE):
        raise error
    causes = [line for line in text.splitlines() if line.startswith("Caused by: ")]
    line = causes[-1].removeprefix("Caused by: ") if causes else text.splitlines()[0]
    return f"can't be read: {line}"[:300]
