"""The files of one batch: sorted by format, read together, and the ones that can't be read set apart.

A broken file costs itself only: what its first and last bytes don't tell shows when Spark reads it, and then
halves of the batch are read alone until the culprits are found.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pyspark.sql import DataFrame, SparkSession

from etl.contracts import Contract
from etl.discovery import SourceFile
from etl.errors import UnreadableFileError
from etl.formats import TAIL_BYTES, FileFormat, detect, head_length
from etl.names import unique_names
from etl.quarantine import RefusedFile
from etl.readers import read_files, union_all
from etl.standardise import unknown_columns
from utils.glue_utils import Storage
from utils.spark_versions import RUN_ERRORS

GONE = "the file was gone when it was to be read"
_READING_THREADS = 16
# Not the file's fault: the run must fail and be repeated, and the file must not be refused.
_NOT_THE_FILE = (
    "AccessDenied",
    "SlowDown",
    "OutOfMemoryError",
    "Connection reset",
    "UnknownHostException",
    "Timeout",
)


@dataclass(frozen=True)
class Group:
    """Files of one format that Spark reads together."""

    format: FileFormat
    files: tuple[SourceFile, ...]


@dataclass
class BatchFiles:
    """A batch's files: those still taken to be readable, by format, and those refused."""

    groups: list[Group] = field(default_factory=list)
    refused: list[RefusedFile] = field(default_factory=list)

    def without(self, refused: Iterable[RefusedFile]) -> BatchFiles:
        """The same batch after more files were refused."""
        added = list(refused)
        keys = {item.file.key for item in added}
        kept = [Group(g.format, tuple(f for f in g.files if f.key not in keys)) for g in self.groups]
        return BatchFiles([group for group in kept if group.files], [*self.refused, *added])


def sort_by_format(storage: Storage, files: Sequence[SourceFile], contract: Contract) -> BatchFiles:
    """Tell every file's format by content.

    Args:
        storage: reads the first and last bytes.
        files: the batch.
        contract: declares a format and CSV options, or nothing.
    """
    with ThreadPoolExecutor(_READING_THREADS) as pool:
        found = list(pool.map(lambda file: _format_or_reason(storage, file, contract), files))
    groups: dict[FileFormat, list[SourceFile]] = {}
    refused = []
    for file, result in zip(files, found, strict=True):
        if isinstance(result, str):
            refused.append(RefusedFile(file, result))
        else:
            groups.setdefault(result, []).append(file)
    return BatchFiles([Group(found, tuple(members)) for found, members in groups.items()], refused)


def _format_or_reason(storage: Storage, file: SourceFile, contract: Contract) -> FileFormat | str:
    present = storage.stat(file.uri)
    if present is None:
        return GONE
    head = storage.read_bytes(file.uri, 0, min(present.size, head_length(file.name))) if present.size else b""
    tail_start = max(0, present.size - TAIL_BYTES)
    tail = storage.read_bytes(file.uri, tail_start, present.size - tail_start) if present.size else b""
    try:
        found = detect(file.name, head, tail, contract.source.format, contract.source.options)
    except UnreadableFileError as error:
        return str(error)
    if found.kind == "json" and found.multiline and (problem := storage.json_problem(file.uri, found.encoding)):
        return problem
    return _header_problem(found, contract) or found


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


def open_files(spark: SparkSession, batch: BatchFiles, contract: Contract) -> tuple[DataFrame | None, BatchFiles]:
    """One frame of all readable files (see :mod:`etl.readers`), and the batch without those that have no schema.

    Returns:
        The frame, or None when no file is left.
    """
    frames: list[DataFrame] = []
    refused: list[RefusedFile] = []
    for group in batch.groups:
        opened, bad = _open_group(spark, group, contract)
        frames += opened
        refused += bad
    return (union_all(frames) if frames else None), batch.without(refused)


def _open_group(spark: SparkSession, group: Group, contract: Contract) -> tuple[list[DataFrame], list[RefusedFile]]:
    try:
        frame = read_files(spark, [file.uri for file in group.files], group.format, contract)
        unknown = unknown_columns(frame.columns, contract) if contract.schema_mode == "freeze" else []
        if not unknown:
            return [frame], []
        reason = f"columns that the contract doesn't know: {', '.join(unknown)} (schema_mode: freeze)"
    except (*RUN_ERRORS, UnreadableFileError) as error:
        reason = _file_reason(error)
    if len(group.files) == 1:
        return [], [RefusedFile(group.files[0], reason)]
    parts = [_open_group(spark, Group(group.format, (file,)), contract) for file in group.files]
    return [frame for opened, _ in parts for frame in opened], [item for _, bad in parts for item in bad]


def find_unreadable(spark: SparkSession, storage: Storage, batch: BatchFiles, contract: Contract) -> list[RefusedFile]:
    """The files that make reading fail, found by halving.

    Raises:
        pyspark.errors.PySparkException: when what fails is not a file but the storage or the session.
    """
    return [item for group in batch.groups for item in _unreadable_in(spark, storage, group, contract)]


def _unreadable_in(spark: SparkSession, storage: Storage, group: Group, contract: Contract) -> list[RefusedFile]:
    try:
        frame = read_files(spark, [file.uri for file in group.files], group.format, contract)
        frame.write.format("noop").mode("overwrite").save()
        return []
    except (*RUN_ERRORS, UnreadableFileError) as error:
        reason = _file_reason(error)
    if len(group.files) == 1:
        gone = storage.stat(group.files[0].uri) is None
        return [RefusedFile(group.files[0], GONE if gone else reason)]
    middle = len(group.files) // 2
    halves = (group.files[:middle], group.files[middle:])
    return [item for half in halves for item in _unreadable_in(spark, storage, Group(group.format, half), contract)]


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
