"""Quarantine: refused files are kept byte for byte, with their reasons."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from etl.discovery import SourceFile
from etl.quarantine import RefusedFile, keep_files, quarantine_folder


def a_file(bucket: str, name: str, content: bytes) -> SourceFile:
    key = f"data/incoming/2024/01/15/{name}"
    folder = f"s3://{bucket}/data/incoming/2024/01/15/"
    return SourceFile(
        f"s3://{bucket}/{key}", folder, key, "orders", len(content), 1, hashlib.sha256(content).hexdigest()
    )


def test_a_batch_s_quarantine_is_below_its_dataset() -> None:
    assert quarantine_folder("s3://q/", "orders", "b1") == "s3://q/quarantine/orders/batch_id=b1/"


def test_refused_files_are_copied_and_listed_with_their_reasons(lake, storage) -> None:
    contents = {"a.csv": b"\x00\xff\x80", "ü b%20+.csv": b"PAR1"}
    refused = []
    for name, content in contents.items():
        lake.put("raw", f"data/incoming/2024/01/15/{name}", content)
        refused.append(RefusedFile(a_file(lake.bucket("raw"), name, content), f"{name} is “bad”"))
    folder = quarantine_folder(f"s3://{lake.bucket('quality')}/", "orders", "b1")
    keep_files(storage, folder, refused)
    kept = lake.folder("quality") / "quarantine" / "orders" / "batch_id=b1"
    for name, content in contents.items():
        assert (kept / "files" / "data" / "incoming" / "2024" / "01" / "15" / name).read_bytes() == content
    assert listing(kept) == [
        {
            "source_file": item.file.uri,
            "size": item.file.size,
            "content_hash": item.file.content_hash,
            "reason": item.reason,
            "kept_at": f"{folder}files/{item.file.key}",
        }
        for item in refused
    ]
    # People read the list, so it is written as they write.
    assert "“bad”" in (kept / "files.json").read_text(encoding="utf-8")


def test_a_file_that_is_gone_is_recorded_without_a_copy(lake, storage) -> None:
    gone = RefusedFile(a_file(lake.bucket("raw"), "gone.csv", b"x"), "the file is gone")
    lake.folder("raw")
    keep_files(storage, quarantine_folder(f"s3://{lake.bucket('quality')}/", "orders", "b1"), [gone])
    kept = lake.folder("quality") / "quarantine" / "orders" / "batch_id=b1"
    [entry] = listing(kept)
    assert (entry["reason"], entry["kept_at"]) == ("the file is gone", "")
    assert not (kept / "files").exists()


def test_keeping_the_files_of_a_batch_again_gives_the_same(lake, storage) -> None:
    lake.put("raw", "data/incoming/2024/01/15/a.csv", b"x")
    refused = [RefusedFile(a_file(lake.bucket("raw"), "a.csv", b"x"), "why")]
    folder = quarantine_folder(f"s3://{lake.bucket('quality')}/", "orders", "b1")
    states = []
    for _ in range(2):
        keep_files(storage, folder, refused)
        states.append({file: file.read_bytes() for file in lake.folder("quality").rglob("*") if file.is_file()})
    assert states[0] == states[1]
    assert len(states[0]) == 2


def listing(folder: Path) -> list[dict[str, object]]:
    return json.loads((folder / "files.json").read_text(encoding="utf-8"))
