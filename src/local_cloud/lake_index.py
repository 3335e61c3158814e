"""What the lake knows of the objects it holds: one SQLite file beside the buckets' folders."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL, key TEXT NOT NULL, etag TEXT NOT NULL, size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL, PRIMARY KEY (bucket, key));
CREATE TABLE IF NOT EXISTS outputs (bucket TEXT PRIMARY KEY, generation TEXT NOT NULL);
"""


class IndexEntry(NamedTuple):
    """An object and the file that held the same content when they were last compared."""

    etag: str
    size: int
    modified_ns: int


class LakeIndex:
    """Reads and writes the index. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def entries(self, bucket: str) -> dict[str, IndexEntry]:
        """All known objects of a bucket, by key."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT key, etag, size, modified_ns FROM objects WHERE bucket = ?", (bucket,)
            ).fetchall()
        return {key: IndexEntry(etag, size, modified) for key, etag, size, modified in rows}

    def put(self, bucket: str, entries: Mapping[str, IndexEntry]) -> None:
        """Write objects that are now the same on both sides."""
        rows = [(bucket, key, *entry) for key, entry in entries.items()]
        with self._lock, self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)", rows)

    def drop(self, bucket: str, keys: Iterable[str]) -> None:
        """Forget objects that are gone."""
        with self._lock, self._connection:
            self._connection.executemany(
                "DELETE FROM objects WHERE bucket = ? AND key = ?", [(bucket, key) for key in keys]
            )

    def generation(self, bucket: str) -> str | None:
        """When an output bucket was made, as known to the lake; None when the bucket is no output."""
        with self._lock:
            row = self._connection.execute("SELECT generation FROM outputs WHERE bucket = ?", (bucket,)).fetchone()
        return None if row is None else str(row[0])

    def set_generation(self, bucket: str, generation: str) -> None:
        """Mark a bucket as an output that the lake has."""
        with self._lock, self._connection:
            self._connection.execute("INSERT OR REPLACE INTO outputs VALUES (?, ?)", (bucket, generation))
