"""Quarantine: refused rows and files are kept as they came, with their reasons."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from etl.discovery import SourceFile
from etl.errors import RowBalanceError
from etl.quarantine import RefusedFile, keep_files, keep_rows


def a_file(bucket: str, name: str, content: bytes) -> SourceFile:
    key = f"data/incoming/2024/01/15/{name}"
    folder = f"s3://{bucket}/data/incoming/2024/01/15/"
    return SourceFile(
        f"s3://{bucket}/{key}", folder, key, "orders", len(content), 1, hashlib.sha256(content).hexdigest()
    )


QUARANTINE = "quarantine/orders/batch_id=b1/"
REFUSED_ROWS = "reason string, source_file string, position string, record string, batch_id string"


def test_refused_rows_are_kept_as_json_lines_with_reason_file_and_record(lake, frame) -> None:
    rows = [("bad", "s3://raw/a.csv", "row 7", "<a>", "b1"), *[("worse", "s3://raw/a.csv", None, "<b>", "b1")] * 2]
    reasons = keep_rows(
        frame(REFUSED_ROWS, *rows), f"s3://{lake.bucket('quality')}/{QUARANTINE}rows/stage=ingestion/", expected=3
    )
    assert reasons == {"bad": 1, "worse": 2}
    [file] = (lake.folder("quality") / QUARANTINE / "rows" / "stage=ingestion").glob("*.json")
    found = [json.loads(line) for line in file.read_text().splitlines()]
    names = ("reason", "source_file", "position", "record", "batch_id")
    assert sorted(tuple(line.get(name) for name in names) for line in found) == sorted(rows)


def test_a_quarantine_of_another_number_of_rows_than_counted_is_an_error(lake, frame) -> None:
    rows = frame(REFUSED_ROWS, ("bad", "s3://raw/a.csv", None, "<a>", "b1"))
    with pytest.raises(RowBalanceError, match="2 rows were refused, 1 are in quarantine"):
        keep_rows(rows, f"s3://{lake.bucket('quality')}/{QUARANTINE}rows/stage=ingestion/", expected=2)


def test_refused_files_are_copied_and_listed_with_their_reasons(lake, storage) -> None:
    contents = {"a.csv": b"\x00\xff\x80", "ü b%20+.csv": b"PAR1"}
    refused = []
    for name, content in contents.items():
        lake.put("raw", f"data/incoming/2024/01/15/{name}", content)
        refused.append(RefusedFile(a_file(lake.bucket("raw"), name, content), f"{name} is “bad”"))
    folder = f"s3://{lake.bucket('quality')}/{QUARANTINE}"
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
    keep_files(storage, f"s3://{lake.bucket('quality')}/{QUARANTINE}", [gone])
    kept = lake.folder("quality") / "quarantine" / "orders" / "batch_id=b1"
    [entry] = listing(kept)
    assert (entry["reason"], entry["kept_at"]) == ("the file is gone", "")
    assert not (kept / "files").exists()


def test_keeping_the_files_of_a_batch_again_gives_the_same(lake, storage) -> None:
    lake.put("raw", "data/incoming/2024/01/15/a.csv", b"x")
    refused = [RefusedFile(a_file(lake.bucket("raw"), "a.csv", b"x"), "why")]
    folder = f"s3://{lake.bucket('quality')}/{QUARANTINE}"
    states = []
    for _ in range(2):
        keep_files(storage, folder, refused)
        states.append({file: file.read_bytes() for file in lake.folder("quality").rglob("*") if file.is_file()})
    assert states[0] == states[1]
    assert len(states[0]) == 2


def listing(folder: Path) -> list[dict[str, object]]:
    return json.loads((folder / "files.json").read_text(encoding="utf-8"))
