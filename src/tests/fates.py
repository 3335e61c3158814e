"""What became of every file that a test gave to ingestion, read without Spark; the books of all batches are checked."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet

from etl.ledger import INGESTED
from shop import Shop

DAY = "2024/01/15"
HEADER = "id,amount,note\n"
NAMES = ("id", "amount", "note")
COLUMNS = [
    {"name": "id", "type": "string", "required": True, "aliases": ["Order No."]},
    {"name": "amount", "type": "decimal(12,2)"},
    {"name": "note", "type": "string"},
]
# A contract of these columns only: no key, so that equal rows are rows.
PLAIN: dict[str, Any] = {
    "columns": COLUMNS,
    **dict.fromkeys(("key", "event_time", "order_by", "processing", "quality")),
}
UNPARSED, MISSING = "the row does not parse", "id: required value is missing"
Row = tuple[str | None, ...]


@dataclass
class Fate:
    """What became of a file: its rows in processed, its rows in quarantine, or why it was refused as a whole."""

    rows: Counter[Row] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    reason: str = ""


def rows(*found: Row, refused: Iterable[tuple[str, str]] = ()) -> Fate:
    return Fate(Counter(found), Counter(refused))


def put(lake: Any, files: dict[str, bytes | str], dataset: str = "orders") -> None:
    """Put files into a dataset's folder of one day; a name may lead deeper."""
    for name, content in files.items():
        lake.put("raw", f"data/incoming/{dataset}/{DAY}/{name}", content)


def fates(shop: Shop, lake: Any, names: tuple[str, ...] = NAMES, dataset: str = "orders") -> dict[str, Fate]:
    """What became of each file with anything to show for it, once the books of all batches are found to balance."""
    found: dict[str, Fate] = {}
    base = f"s3://{lake.bucket('raw')}/data/incoming/{dataset}/{DAY}/"
    for batch in shop.batches(dataset):
        processed = read_processed(lake, batch)
        refused = quarantined(lake, batch)
        files = refused_files(lake, batch)
        check_books(lake, batch, len(processed), refused, files)
        for row in processed:
            values = tuple(None if row.get(name) is None else str(row[name]) for name in names)
            found.setdefault(row["_source_file"].removeprefix(base), Fate()).rows[values] += 1
        for row in refused:
            fate = found.setdefault(row["source_file"].removeprefix(base), Fate())
            fate.refused[row["reason"], row["record"].rstrip("\r\n")] += 1
        for file in files:
            found.setdefault(file["source_file"].removeprefix(base), Fate()).reason = file["reason"]
    return found


def local(lake: Any, bucket: str, uri: str) -> Path:
    path: Path = lake.folder(bucket) / uri.split("/", 3)[3]
    return path


def read_processed(lake: Any, batch: dict[str, Any]) -> list[dict[str, Any]]:
    files = local(lake, "processed", batch["prefix"]).rglob("*.parquet")
    return [row for file in files for row in pyarrow.parquet.ParquetFile(file).read().to_pylist()]


def quarantined(lake: Any, batch: dict[str, Any]) -> list[dict[str, Any]]:
    files = local(lake, "quality", batch["quarantine"]).glob("rows/stage=ingestion/*.json")
    return [json.loads(line) for file in files for line in file.read_text().split("\n") if line]


def refused_files(lake: Any, batch: dict[str, Any]) -> list[dict[str, Any]]:
    listing = local(lake, "quality", batch["quarantine"]) / "files.json"
    return json.loads(listing.read_text()) if listing.exists() else []


def check_books(
    lake: Any, batch: dict[str, Any], written: int, refused: list[dict[str, Any]], files: list[dict[str, Any]]
) -> None:
    """Item, folders and report tell the same numbers; refused files are kept byte for byte; no rewritten copy stays."""
    assert batch["status"] == INGESTED
    assert (batch["rows_read"], batch["rows_written"]) == (written + len(refused), written)
    reasons = Counter(row["reason"] for row in refused)
    assert (batch["rows_refused"], batch["reasons"], batch["files_refused"]) == (len(refused), reasons, len(files))
    assert {row["batch_id"] for row in refused} <= {batch["id"]}
    for file in files:
        assert (
            local(lake, "quality", file["kept_at"]).read_bytes() == local(lake, "raw", file["source_file"]).read_bytes()
        )
    content = report(lake, batch)
    assert {**content["rows"], "late": None} == {
        "read": batch["rows_read"], "written": written, "refused": len(refused), "late": None, "balanced": True,
    }  # fmt: skip
    assert (content["file_count"], content["files_refused"]) == (batch["files"], len(files))
    assert {entry["reason"]: entry["rows"] for entry in content["reasons"]} == reasons
    page = local(lake, "quality", batch["report"]).read_text()
    assert all(f"{content[name]:,}" in page for name in ("file_count", "files_refused"))
    assert [path for path in lake.folder("processed").glob("_staging/**/*") if path.is_file()] == []


def report(lake: Any, batch: dict[str, Any]) -> dict[str, Any]:
    html = local(lake, "quality", batch["report"])
    assert html.name == f"ingestion-{batch['id']}.html"
    return json.loads(html.with_suffix(".json").read_text())


def noise(length: int) -> str:
    """Rows that pack badly, so that a packed file of them is long."""
    dice = random.Random(length)  # noqa: S311 - the same noise in every run
    return HEADER + "".join(f"{number},1,{dice.getrandbits(128):032x}\n" for number in range(length))
