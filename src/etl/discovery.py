"""Discovery: which files lie in raw, which dataset each belongs to, and which of them are new work."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from etl.contracts import Contract
from etl.markers import marks_no_data
from etl.names import dataset_from_file_name, standard_name
from utils.glue_utils import StoredFile

INCOMING = "data/incoming/"
_YEAR = re.compile(r"\d{4}")
_DATE_PART = re.compile(r"\d{1,4}")
_PART = re.compile(r"part-(?:[mr]-)?\d{5}(?!\d)")


@dataclass(frozen=True)
class SourceFile:
    """A file of the raw bucket.

    Attributes:
        uri: its full ``s3://`` URI, as it is (not percent-encoded).
        folder: URI of the folder that holds it, with a trailing slash (``source`` in the bookmarks).
        key: object key in the bucket.
        dataset: the dataset it belongs to.
        size: bytes.
        modified_ms: modification time, milliseconds since 1970.
        content_hash: SHA-256 of the bytes; empty until it is needed.
    """

    uri: str
    folder: str
    key: str
    dataset: str
    size: int
    modified_ms: int
    content_hash: str = ""

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.key.rpartition("/")[2]

    def same_version(self, size: int, modified_ms: int) -> bool:
        """Whether a listing of this size and time shows the same version of the file."""
        return self.size == size and self.modified_ms == modified_ms


class Claims(Protocol):
    """What discovery asks of the ledger."""

    def claims_of(self, folder: str) -> Mapping[str, SourceFile]:
        """Object key -> the version that a batch has claimed."""

    def refresh_claim(self, file: SourceFile) -> None:
        """Remember that this version has the content already claimed."""


class Hashes(Protocol):
    """What discovery asks of the storage."""

    def content_hashes(self, uris: list[str]) -> dict[str, str]:
        """URI -> SHA-256; without the files that are gone."""


def dataset_of(key: str, contracts: Mapping[str, Contract]) -> str:
    """The dataset of an object: its folder, else the contract whose pattern fits, else a name made from the file.

    Of several patterns that fit, the longest wins (equal ones are an error of the contracts). A file that Spark or
    Hadoop wrote as one of many parts (``part-00000-<uuid>.parquet``) goes by the name of the folder that they wrote.

    Args:
        key: object key below ``data/incoming/``, e.g. ``data/incoming/orders/2024/01/15/o.csv``.
        contracts: dataset -> contract.
    """
    folder, _, name = key.removeprefix(INCOMING).rpartition("/")
    folders = folder.split("/")
    if folders[0] and not _YEAR.fullmatch(folders[0]):
        return standard_name(folders[0])
    names = [name, _output_folder(folders)] if _PART.match(name) else [name]
    for each in names:
        fitting = {contract.name: contract.pattern_for(each) for contract in contracts.values()}
        if any(fitting.values()):
            return max(sorted(fitting), key=lambda dataset: len(fitting[dataset]))
    return dataset_from_file_name(names[-1])


def _output_folder(folders: list[str]) -> str:
    """The innermost folder that is neither a date's nor a partition's (``country=DE``); "part" where there is none."""
    named = [folder for folder in folders if not _DATE_PART.fullmatch(folder) and "=" not in folder]
    return next((folder for folder in reversed(named) if folder), "part")


def source_file(stored: StoredFile, raw: str, contracts: Mapping[str, Contract]) -> SourceFile:
    """A listed file with its dataset.

    Args:
        stored: the file as listed.
        raw: URI of the raw bucket, with a trailing slash.
        contracts: dataset -> contract.
    """
    key = stored.uri.removeprefix(raw)
    folder = stored.uri.rpartition("/")[0] + "/"
    return SourceFile(stored.uri, folder, key, dataset_of(key, contracts), stored.size, stored.modified_ms)


def is_marker(file: SourceFile) -> bool:
    """Whether the file is a tool's empty marker or its unfinished output, and no data."""
    return marks_no_data(file.key, file.size)


def new_work(files: Iterable[SourceFile], claims: Claims, storage: Hashes) -> list[SourceFile]:
    """Files that no batch has claimed in their present content.

    A file whose size and time stand in the ledger is known. One that was written again is hashed: the same
    content is known too (the claim's time is brought up to date), other content is new work.

    Args:
        files: the listing.
        claims: the ledger.
        storage: hashes contents.

    Returns:
        The new files with their content hash, in the order of their keys. A file that went after the listing
        is not among them: nothing of it was taken, and it is new again when it comes back.
    """
    candidates: list[tuple[SourceFile, SourceFile | None]] = []
    known: dict[str, Mapping[str, SourceFile]] = {}
    for file in files:
        if is_marker(file):
            continue
        if file.folder not in known:
            known[file.folder] = claims.claims_of(file.folder)
        claimed = known[file.folder].get(file.key)
        if claimed is None or not file.same_version(claimed.size, claimed.modified_ms):
            candidates.append((file, claimed))
    hashes = storage.content_hashes([file.uri for file, _ in candidates])
    work: list[SourceFile] = []
    for candidate, claimed in candidates:
        if candidate.uri not in hashes:
            continue
        file = replace(candidate, content_hash=hashes[candidate.uri])
        if claimed is not None and claimed.content_hash == file.content_hash:
            claims.refresh_claim(file)
        else:
            work.append(file)
    return sorted(work, key=lambda file: file.key)
