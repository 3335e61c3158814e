"""The sample data generator as its users run it, and its files read back."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import pyarrow.orc
import pyarrow.parquet

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "scripts" / "generate_sample_data.py"
SAMPLE_DEFECTS = ("--defect", "bad_type=0.05", "--defect", "ragged=0.06")
SAMPLE_OPTIONS = (*SAMPLE_DEFECTS, "--broken-file", "parquet")
SINGLE_FILE_OPTIONS = (
    *(
        "--customers",
        "0",
        "--known-customers",
        "200",
        "--transactions",
        "50",
        "--first-transaction",
        "1464001",
    ),
    *("--days", "1", "--formats", "csv", *SAMPLE_DEFECTS),
)
ALL_FORMATS = "csv,csv.gz,json,jsonl,parquet,orc,avro"
TYPED = ("parquet", "orc", "avro")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def generated(out: Path, *arguments: object) -> dict[str, Any]:
    """Run the generator and return its manifest."""
    done = run(out, *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads((out / "_expected.json").read_text(encoding="utf-8"))


def format_of(path: Path) -> str:
    return "csv.gz" if path.name.endswith(".csv.gz") else path.suffix[1:]


def csv_rows(path: Path) -> list[list[str]]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(csv.reader(text.decode().splitlines(keepends=True)))


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of any format, with its own names."""
    fmt = format_of(path)
    if fmt in ("csv", "csv.gz"):
        header, *rows = csv_rows(path)
        return [dict(zip(header, row, strict=False)) for row in rows]
    if fmt == "json":
        return json.loads(path.read_text(encoding="utf-8"))
    if fmt == "jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if fmt == "avro":
        with path.open("rb") as file:
            return list(fastavro.reader(file))
    reader = pyarrow.parquet.read_table if fmt == "parquet" else pyarrow.orc.read_table
    return reader(path).to_pylist()


def values(path: Path) -> list[list[Any]]:
    """The rows of a file as lists of values in column order."""
    return [list(row.values()) for row in read(path)]


def files_with_rows(out: Path, manifest: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[list[Any]]]]:
    for file in manifest["files"]:
        yield file, values(out / file["path"])
