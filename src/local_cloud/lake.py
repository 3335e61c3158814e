"""Keeps the lake, the folders that Spark sees as buckets, in step with the emulator's S3.

Every bucket goes one way only, so that neither side can undo the other: outputs go from the lake to S3 after
a run, all others from S3 to the lake before it. Which is which is read from the job's arguments (see
``plan_for``). Objects are compared by ETag, and files by size and modification time in nanoseconds: comparing
times in seconds, as sync programs do, would miss an object that was replaced within a second.
"""

from __future__ import annotations

import os
import shutil
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_cloud.arguments import buckets_in, spark_settings
from local_cloud.lake_index import IndexEntry, LakeIndex
from local_cloud.settings import LocalCloudError, Settings
from local_cloud.transfer import Transfer

OUTPUT_ARGUMENTS = ("--processed_bucket", "--curated_bucket", "--quality_bucket")
_DELETE_AT_ONCE = 1000
_MAX_NAME_BYTES = 255

Note = Callable[[str], None]


@dataclass(frozen=True)
class LakePlan:
    """Which buckets a run brings in before it, and which it sends out after it."""

    incoming: tuple[str, ...]
    outgoing: tuple[str, ...]


def plan_for(arguments: Mapping[str, str], script: str) -> LakePlan:
    """Read from a run's arguments which buckets it reads and writes.

    The arguments are what tells a job where to work, so no bucket has to be named in a certain way: the
    buckets of ``--processed_bucket``, ``--curated_bucket``, ``--quality_bucket`` and of a catalog's warehouse
    are outputs; any other that an argument names, and the script's own, is an input.

    Args:
        arguments: the merged arguments of the run.
        script: the address of the job's script.
    """
    outgoing = {arguments[name] for name in OUTPUT_ARGUMENTS if arguments.get(name)}
    for name, value in spark_settings(arguments.get("--conf", "")).items():
        if name.endswith("warehouse") or name.endswith("warehouse.dir"):
            outgoing.update(buckets_in(value))
    incoming = set(buckets_in(script))
    for name, value in arguments.items():
        if name.endswith("_bucket") and value:
            incoming.add(value)
        elif name != "--conf":
            incoming.update(buckets_in(value))
    return LakePlan(tuple(sorted(incoming - outgoing)), tuple(sorted(outgoing)))


class Lake:
    """Moves objects between S3 and the lake."""

    def __init__(self, settings: Settings, s3: Any) -> None:
        self._settings = settings
        self._s3 = s3
        self._root = settings.lake
        self._root.mkdir(parents=True, exist_ok=True)
        self._index = LakeIndex(self._root / ".index.sqlite")
        self._transfer = Transfer(settings, s3)
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def close(self) -> None:
        """Close the index."""
        self._index.close()

    def buckets(self) -> list[str]:
        """All buckets of S3, each with its folder in the lake."""
        names = [bucket["Name"] for bucket in self._s3.list_buckets()["Buckets"]]
        for name in names:
            (self._root / name).mkdir(parents=True, exist_ok=True)
        return names

    def prepare(self, plan: LakePlan, note: Note) -> None:
        """Before a run: bring inputs in, and outputs that the lake has not got yet.

        Raises:
            LocalCloudError: a bucket does not exist, or an object could not be read.
        """
        for bucket in plan.outgoing:
            with self._locks[bucket]:
                self._adopt_output(bucket, note)
        for bucket in plan.incoming:
            # Once an output, always an output: a job that only reads it must not undo the one that writes it.
            with self._locks[bucket]:
                if self._index.generation(bucket) is None:
                    self._bring_in(bucket, note)

    def send_out(self, plan: LakePlan, note: Note) -> None:
        """After a run: make the outputs in S3 the same as in the lake.

        Raises:
            LocalCloudError: a file could not be sent.
        """
        for bucket in plan.outgoing:
            with self._locks[bucket]:
                self._send_out(bucket, note)

    def _adopt_output(self, bucket: str, note: Note) -> None:
        """Fill an output's folder from S3 when this lake does not know it: a new lake, or a bucket made anew."""
        generation = self._generation(bucket)
        folder = self._root / bucket
        if self._index.generation(bucket) == generation and folder.exists():
            return
        if self._index.generation(bucket) not in (None, generation):
            note(f"{bucket} was made anew; its old files leave the lake")
        self._bring_in(bucket, note)
        self._index.set_generation(bucket, generation)

    def _generation(self, bucket: str) -> str:
        for found in self._s3.list_buckets()["Buckets"]:
            if found["Name"] == bucket:
                return str(found["CreationDate"].isoformat())
        raise LocalCloudError(f"the job's arguments name the bucket {bucket!r}, which does not exist")

    def _bring_in(self, bucket: str, note: Note) -> None:
        folder = self._root / bucket
        folder.mkdir(parents=True, exist_ok=True)
        known = self._index.entries(bucket)
        listing = self._listing(bucket)
        wanted: dict[str, Path] = {}
        kept: set[Path] = set()
        folders = {key[:end] for key in listing for end, sign in enumerate(key) if sign == "/"}
        for key, found in listing.items():
            path = None if key in folders else local_path(folder, key)
            if path is None:
                note(f"s3://{bucket}/{key} cannot be a file here and was left out")
                continue
            kept.add(path)
            held = _entry_of(path, found["ETag"])
            if held is None or held != known.get(key):
                wanted[key] = path
        # What a job wrote into an input, such as its --TempDir, stays: another run may still need it.
        came = [local_path(folder, key) for key in known]
        self._remove(folder, (set(came) if known else set(_files(folder))) - kept)
        if wanted:
            fetched = self._fetch(bucket, wanted, listing)
            self._index.put(bucket, fetched)
        self._index.drop(bucket, [key for key in known if key not in listing])

    def _fetch(self, bucket: str, wanted: Mapping[str, Path], listing: Mapping[str, Any]) -> dict[str, IndexEntry]:
        """Copy objects beside the lake, then put each in its place at once: no reader meets half a file."""
        staging = self._root / f".incoming-{uuid.uuid4().hex}"
        staging.mkdir()
        try:
            places = {key: staging / str(number) for number, key in enumerate(wanted)}
            entries = {}
            for key in self._transfer.download(bucket, places):
                path, found = wanted[key], listing[key]
                modified = int(found["LastModified"].timestamp() * 1000) * 1_000_000
                os.utime(places[key], ns=(modified, modified))
                path.parent.mkdir(parents=True, exist_ok=True)
                places[key].replace(path)
                entry = _entry_of(path, found["ETag"])
                if entry is not None:
                    entries[key] = entry
        finally:
            shutil.rmtree(staging)
        return entries

    def _send_out(self, bucket: str, note: Note) -> None:
        folder = self._root / bucket
        known = self._index.entries(bucket)
        listing = self._listing(bucket)
        files = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
        sent: dict[str, IndexEntry] = {}
        for key, path in files.items():
            etag = listing[key]["ETag"] if key in listing else ""
            entry = _entry_of(path, etag)
            if entry is not None and known.get(key) != entry:
                sent[key] = entry
        if sent:
            done = self._transfer.upload(bucket, {key: files[key] for key in sent})
            after = self._listing(bucket)
            self._index.put(
                bucket,
                {key: IndexEntry(after[key]["ETag"], *sent[key][1:]) for key in done if key in after},
            )
        gone = [key for key in listing if key not in files and local_path(folder, key) is not None]
        self._delete(bucket, gone)
        self._index.drop(bucket, [key for key in known if key not in files])
        if sent or gone:
            note(f"{bucket}: {len(sent)} files sent to S3, {len(gone)} removed there")

    def _delete(self, bucket: str, keys: list[str]) -> None:
        for start in range(0, len(keys), _DELETE_AT_ONCE):
            objects = [{"Key": key} for key in keys[start : start + _DELETE_AT_ONCE]]
            self._s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})

    def _listing(self, bucket: str) -> dict[str, Any]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        try:
            return {found["Key"]: found for answer in pages for found in answer.get("Contents", [])}
        except self._s3.exceptions.NoSuchBucket as error:
            message = f"the job's arguments name the bucket {bucket!r}, which does not exist"
            raise LocalCloudError(message) from error

    def _remove(self, folder: Path, paths: Iterable[Path | None]) -> None:
        for path in paths:
            if path is not None:
                path.unlink(missing_ok=True)
                self._remove_empty_folders(path.parent, folder)

    def _remove_empty_folders(self, start: Path, top: Path) -> None:
        """S3 has no empty folders, so a listing must not show any."""
        while start != top and start.is_dir() and not any(start.iterdir()):
            start.rmdir()
            start = start.parent


def local_path(folder: Path, key: str) -> Path | None:
    """The file that an object becomes, or None when its key cannot be one: a folder's mark, ``..``, ``a//b``.

    A key that is also the folder of another key cannot be one either, which only a listing can tell.
    """
    parts = key.split("/")
    if any(part in ("", ".", "..") or "\0" in part or len(part.encode()) > _MAX_NAME_BYTES for part in parts):
        return None
    return folder.joinpath(*parts)


def _entry_of(path: Path, etag: str) -> IndexEntry | None:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return IndexEntry(etag, status.st_size, status.st_mtime_ns)


def _files(folder: Path) -> Iterable[Path]:
    for name, _, files in os.walk(folder):
        for file in files:
            yield Path(name, file)
