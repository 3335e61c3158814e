"""Keeps the lake, the folders that Spark sees as buckets, in step with the emulator's S3.

Every bucket goes one way only, so that neither side can undo the other: outputs go from the lake to S3 after
a run, all others from S3 to the lake before it. Which is which is read from the job's arguments (see
``plan_for``). Objects are compared by ETag, and files by size and modification time in nanoseconds: comparing
times in seconds, as sync programs do, would miss an object that was replaced within a second.

What the lake has never seen of an output bucket stays as it is in S3: Lambdas put files there, too.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local_cloud.arguments import buckets_in, spark_settings
from local_cloud.lake_index import IndexEntry, LakeIndex
from local_cloud.settings import LocalCloudError, Settings
from local_cloud.transfer import NotAllowedError, Transfer, is_denied

OUTPUT_ARGUMENTS = ("--processed_bucket", "--curated_bucket", "--quality_bucket")
_MAX_NAME_BYTES = 255
# Files of a Spark job that has not committed them yet.
_UNCOMMITTED = "_temporary"
# A kernel stamps files by a clock that ticks a few hundred times a second.
_CLOCK_TICK_NS = 50_000_000

Note = Callable[[str], None]


@dataclass(frozen=True)
class LakePlan:
    """Which buckets a run brings in before it, and which it sends out after it."""

    incoming: tuple[str, ...]
    outgoing: tuple[str, ...]

    def buckets(self) -> set[str]:
        """All of them."""
        return {*self.incoming, *self.outgoing}


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
    """Moves objects between S3 and the lake.

    Args:
        settings: of the local cloud.
        s3: a boto3 client with the local cloud's own rights.
    """

    def __init__(self, settings: Settings, s3: Any) -> None:
        self._s3 = s3
        self._root = settings.lake
        self._root.mkdir(parents=True, exist_ok=True)
        self._index = LakeIndex(self._root / ".index.sqlite")
        self._own = Transfer(settings, s3)
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._writers: Counter[str] = Counter()

    def close(self) -> None:
        """Close the index."""
        self._index.close()

    def buckets(self) -> list[str]:
        """All buckets of S3, each with its folder in the lake."""
        names = [bucket["Name"] for bucket in self._s3.list_buckets()["Buckets"]]
        for name in names:
            (self._root / name).mkdir(parents=True, exist_ok=True)
        return names

    @contextmanager
    def open_for(self, plan: LakePlan, note: Note, transfer: Transfer | None = None) -> Iterator[LakePlan]:
        """The lake as a run works in it: prepared before, sent out after.

        Args:
            plan: what the run's arguments name.
            note: writes a line into the run's error log.
            transfer: with the rights of the run's role; the local cloud's own when not given.

        Yields:
            The plan without the buckets that the role may not list: the run must not see them.

        Raises:
            LocalCloudError: as :meth:`prepare` and :meth:`send_out` do.
        """
        allowed = self.prepare(plan, note, transfer)
        self._writers.update(allowed.outgoing)
        try:
            yield allowed
        finally:
            self._writers.subtract(allowed.outgoing)
            self.send_out(allowed, note, transfer)

    def prepare(self, plan: LakePlan, note: Note, transfer: Transfer | None = None) -> LakePlan:
        """Before a run: bring inputs in, and outputs that the lake has not got yet.

        Returns:
            The plan without the buckets that the role may not list.

        Raises:
            LocalCloudError: a bucket does not exist, or an object could not be read.
        """
        transfer = transfer or self._own
        allowed = LakePlan(
            tuple(bucket for bucket in plan.incoming if self._may_list(bucket, transfer, note)),
            tuple(bucket for bucket in plan.outgoing if self._may_list(bucket, transfer, note)),
        )
        for bucket in allowed.outgoing:
            with self._locks[bucket]:
                self._adopt_output(bucket, note)
        self.bring_in(allowed, note, transfer)
        return allowed

    def bring_in(self, plan: LakePlan, note: Note, transfer: Transfer | None = None) -> None:
        """Make the inputs in the lake the same as in S3.

        Raises:
            LocalCloudError: a bucket does not exist, or an object could not be read.
        """
        for bucket in plan.incoming:
            # Once an output, always an output: a job that only reads it must not undo the one that writes it.
            with self._locks[bucket]:
                if self._index.generation(bucket) is None:
                    self._bring_in(bucket, note, transfer or self._own)

    def send_out(
        self, plan: LakePlan, note: Note, transfer: Transfer | None = None, *, while_it_runs: bool = False
    ) -> None:
        """Make the outputs in S3 the same as in the lake.

        Args:
            plan: which they are.
            note: writes a line into the run's error log.
            transfer: with the rights of the run's role.
            while_it_runs: whether files may be half written, as they are during a run: those of now are left for later.

        Raises:
            LocalCloudError: a file could not be sent.
        """
        for bucket in plan.outgoing:
            with self._locks[bucket]:
                self._send_out(bucket, note, transfer or self._own, while_it_runs)

    def _may_list(self, bucket: str, transfer: Transfer, note: Note) -> bool:
        if transfer is self._own:
            return True
        try:
            transfer.s3.list_objects_v2(Bucket=bucket, MaxKeys=1)
        except ClientError as error:
            if is_denied(error):
                note(f"the job's role may not list s3://{bucket}: the job does not see this bucket")
                return False
            if error.response["Error"]["Code"] != "NoSuchBucket":
                raise
        return True

    def _adopt_output(self, bucket: str, note: Note) -> None:
        """Fill an output's folder from S3 when this lake does not know it: a new lake, or a bucket made anew."""
        generation = self._generation(bucket)
        folder = self._root / bucket
        if self._index.generation(bucket) == generation and folder.exists():
            return
        if self._index.generation(bucket) not in (None, generation):
            note(f"{bucket} was made anew; its old files leave the lake")
        self._bring_in(bucket, note, self._own)
        self._index.set_generation(bucket, generation)

    def _generation(self, bucket: str) -> str:
        for found in self._s3.list_buckets()["Buckets"]:
            if found["Name"] == bucket:
                return str(found["CreationDate"].isoformat())
        raise LocalCloudError(f"the job's arguments name the bucket {bucket!r}, which does not exist")

    def _bring_in(self, bucket: str, note: Note, transfer: Transfer) -> None:
        folder = self._root / bucket
        folder.mkdir(parents=True, exist_ok=True)
        known = self._index.entries(bucket)
        listing = self._listing(bucket)
        wanted: dict[str, Path] = {}
        kept: set[Path] = set()
        retimed: dict[str, IndexEntry] = {}
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
            elif held.modified_ns != _modified_ns(found):  # written again with the same content
                retimed[key] = _with_time(path, found)
        # What a job wrote into an input, such as its --TempDir, stays: another run may still need it.
        came = [local_path(folder, key) for key in known]
        self._remove(folder, (set(came) if known else set(_files(folder))) - kept)
        self._index.put(bucket, retimed)
        if wanted:
            fetched = self._fetch(bucket, wanted, listing, transfer, note)
            self._index.put(bucket, fetched)
        self._index.drop(bucket, [key for key in known if key not in listing])

    def _fetch(
        self, bucket: str, wanted: Mapping[str, Path], listing: Mapping[str, Any], transfer: Transfer, note: Note
    ) -> dict[str, IndexEntry]:
        """Copy objects beside the lake, then put each in its place at once: no reader meets half a file."""
        staging = self._root / f".incoming-{uuid.uuid4().hex}"
        staging.mkdir()
        try:
            places = {key: staging / str(number) for number, key in enumerate(wanted)}
            entries = {}
            try:
                transfer.download(bucket, places)
            except NotAllowedError as error:
                note(f"{error}: left out")
            for key in [key for key, place in places.items() if place.exists()]:
                path, found = wanted[key], listing[key]
                entry = _with_time(places[key], found)
                path.parent.mkdir(parents=True, exist_ok=True)
                places[key].replace(path)
                entries[key] = entry
        finally:
            shutil.rmtree(staging)
        return entries

    def _send_out(self, bucket: str, note: Note, transfer: Transfer, while_it_runs: bool) -> None:
        # A file is sent only after all that were written before it, so that S3 never shows a table's new list of files
        # without the files: what was written since this look began may have come after its walk had passed.
        until = time.time_ns() - _CLOCK_TICK_NS if while_it_runs else None
        folder = self._root / bucket
        known = self._index.entries(bucket)
        files = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
        if while_it_runs and _is_same(files, known):
            return
        listing = self._listing(bucket)
        sent: dict[str, IndexEntry] = {}
        for key, path in files.items():
            etag = listing[key]["ETag"] if key in listing else ""
            entry = _entry_of(path, etag)
            if entry is not None and known.get(key) != entry and _is_settled(key, entry, until):
                sent[key] = entry
        refused = self._upload(bucket, {key: files[key] for key in sent}, sent, transfer)
        gone = [key for key in known if key not in files]
        try:
            transfer.delete(bucket, [key for key in gone if key in listing])
            self._index.drop(bucket, gone)
        except NotAllowedError as error:
            refused = refused or error
        if refused is not None:
            self._refused(bucket, refused, note, writers=1 if while_it_runs else 0)
        if sent or gone:
            note(f"{bucket}: {len(sent)} files sent to S3, {len(gone)} removed there")

    def _upload(
        self, bucket: str, files: Mapping[str, Path], sent: Mapping[str, IndexEntry], transfer: Transfer
    ) -> NotAllowedError | None:
        """Send files and remember them. Returns the error of those that may not be written."""
        if not files:
            return None
        refused = None
        try:
            transfer.upload(bucket, files)
        except NotAllowedError as error:
            refused = error
        done = [key for key, path in files.items() if path.exists() and (refused is None or key not in refused.keys)]
        after = self._listing(bucket)
        self._index.put(bucket, {key: IndexEntry(after[key]["ETag"], *sent[key][1:]) for key in done if key in after})
        return refused

    def _refused(self, bucket: str, error: NotAllowedError, note: Note, writers: int) -> None:
        """What a role may not do is an error of the run, unless another run may have written those files."""
        if self._writers[bucket] <= writers:
            raise error
        note(f"{error}: left to the other runs that write this bucket")

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


def _modified_ns(found: Mapping[str, Any]) -> int:
    """When an object was written, to the millisecond that jobs see."""
    return int(found["LastModified"].timestamp() * 1000) * 1_000_000


def _with_time(path: Path, found: Mapping[str, Any]) -> IndexEntry:
    """Give a file the time of its object."""
    modified = _modified_ns(found)
    os.utime(path, ns=(modified, modified))
    return IndexEntry(found["ETag"], path.stat().st_size, modified)


def _entry_of(path: Path, etag: str) -> IndexEntry | None:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return IndexEntry(etag, status.st_size, status.st_mtime_ns)


def _is_settled(key: str, entry: IndexEntry, until: int | None) -> bool:
    """Whether a file is whole and stays: always, or as far as its time and its folder tell during a run."""
    return until is None or (entry.modified_ns <= until and _UNCOMMITTED not in key.split("/"))


def _is_same(files: Mapping[str, Path], known: Mapping[str, IndexEntry]) -> bool:
    """Whether every file was sent as it is now, and every file that was sent is there."""
    if files.keys() != known.keys():
        return False
    return all(_entry_of(path, known[key].etag) == known[key] for key, path in files.items())


def _files(folder: Path) -> Iterable[Path]:
    for name, _, files in os.walk(folder):
        for file in files:
            yield Path(name, file)
