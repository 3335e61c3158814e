"""The benchmarks' input: TPC-H lineitem with its contract, and small made-up files.

Lineitem comes from ``tpchgen-cli`` and is kept between runs. Its ``l_shipdate`` is set to the first day of its month
(see :mod:`ingestion` for why); all else is as TPC-H has it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

LINEITEM = (
    ("l_orderkey", "bigint"),
    ("l_partkey", "bigint"),
    ("l_suppkey", "bigint"),
    ("l_linenumber", "int"),
    ("l_quantity", "decimal(15,2)"),
    ("l_extendedprice", "decimal(15,2)"),
    ("l_discount", "decimal(15,2)"),
    ("l_tax", "decimal(15,2)"),
    ("l_returnflag", "string"),
    ("l_linestatus", "string"),
    ("l_shipdate", "date"),
    ("l_commitdate", "date"),
    ("l_receiptdate", "date"),
    ("l_shipinstruct", "string"),
    ("l_shipmode", "string"),
    ("l_comment", "string"),
)
# A mix of what a contract can ask: needed or not, and both answers to a value that doesn't fit.
_REQUIRED = {"l_orderkey", "l_linenumber", "l_quantity", "l_extendedprice", "l_shipdate"}
_REJECTED = {"l_discount", "l_tax", "l_receiptdate"}
_SHIPDATE, _RECEIPTDATE = 10, 12
_FIRST_FIELDS = 13  # no value before l_shipinstruct holds a comma
# Repeated rows carry this receipt date, which is later than any of TPC-H: they must win.
LATER = b"1999-12-31"


class BenchmarkError(Exception):
    """A benchmark can't be run; the message says what would help."""


@dataclass(frozen=True)
class Lineitem:
    """One generated file: where it is, its data rows, and how many of them repeat the key of another row."""

    path: Path
    rows: int
    repeated: int

    @property
    def megabytes(self) -> float:
        return self.path.stat().st_size / 1e6


def lineitem(folder: Path, scale: float, *, repeat_every: int = 0, max_bytes: int = 0) -> Lineitem:
    """Lineitem as one CSV file with a header; generated the first time.

    Args:
        folder: where files are kept between runs.
        scale: TPC-H scale factor; 1 gives 6 million rows.
        repeat_every: every n-th row comes again at the file's end, later by ``l_receiptdate``; 0: none.
        max_bytes: cut the file after the row that reaches this size; 0: don't.

    Raises:
        BenchmarkError: tpchgen-cli is missing or fails.
    """
    extras = (f"-repeat{repeat_every}" if repeat_every else "") + (f"-{max_bytes}b" if max_bytes else "")
    path = folder / f"lineitem-months-sf{scale:g}{extras}.csv"
    facts = path.with_suffix(".json")
    if not facts.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with _generator(scale) as source, part.open("wb") as target:
            rows, repeated = _copy(source, target, repeat_every, max_bytes)
        part.rename(path)
        facts.write_text(json.dumps({"rows": rows, "repeated": repeated}))
    return Lineitem(path, **json.loads(facts.read_text()))


@contextmanager
def _generator(scale: float, table: str = "lineitem") -> Iterator[IO[bytes]]:
    command = [_program(), "csv", "--scale-factor", f"{scale:g}", "--tables", table, "--stdout", "--quiet"]
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process:
            assert process.stdout is not None
            yield process.stdout
            # A reader that has enough closes the pipe, which the generator reports as an error.
            whole = process.stdout.read(1) == b""
            process.stdout.close()
        if process.returncode and whole:
            errors.seek(0)
            reason = errors.read().decode(errors="replace").strip()
            raise BenchmarkError(f"{' '.join(command)} ended with {process.returncode}: {reason}")


def _program() -> str:
    beside = Path(sys.executable).with_name("tpchgen-cli")
    program = str(beside) if beside.exists() else shutil.which("tpchgen-cli")
    if program is None:
        raise BenchmarkError('tpchgen-cli is missing; run: .venv/bin/pip install -c constraints.txt -e ".[bench]"')
    return program


def orders(folder: Path, scale: float) -> Path:
    """Orders as one CSV file with a header, as TPC-H has it; generated the first time.

    Raises:
        BenchmarkError: tpchgen-cli is missing or fails.
    """
    path = folder / f"orders-sf{scale:g}.csv"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with _generator(scale, "orders") as source, part.open("wb") as target:
            shutil.copyfileobj(source, target)
        part.rename(path)
    return path


def lineitem_parquet(folder: Path, scale: float) -> Path:
    """Lineitem as one Parquet file, as TPC-H has it; generated the first time.

    Raises:
        BenchmarkError: tpchgen-cli is missing or fails.
    """
    path = folder / f"lineitem-sf{scale:g}.parquet"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            size = ["--scale-factor", f"{scale:g}", "--tables", "lineitem"]
            command = [_program(), "parquet", *size, "--output-dir", scratch, "--quiet"]
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
            if ended.returncode:
                raise BenchmarkError(f"{' '.join(command)} ended with {ended.returncode}: {ended.stderr.strip()}")
            (Path(scratch) / "lineitem.parquet").rename(path)
    return path


def in_two_batches(folder: Path, scale: float, every: int) -> tuple[Lineitem, Lineitem]:
    """Lineitem in two files: the second has every n-th row, which the first lacks, and corrects as many of the first.

    Args:
        folder: where files are kept between runs.
        scale: TPC-H scale factor.
        every: which rows come late; the row after each is corrected by one with a later ``l_receiptdate``.
    """
    whole = lineitem(folder, scale)
    paths = [whole.path.with_name(f"{whole.path.stem}-{every}-{part}.csv") for part in ("first", "second")]
    late = -(-whole.rows // every)
    corrected = (whole.rows + every - 2) // every
    if not paths[1].exists():
        part = paths[1].with_suffix(".part")
        with whole.path.open("rb") as source, paths[0].open("wb") as first, part.open("wb") as second:
            header = next(source)
            first.write(header)
            second.write(header)
            for number, line in enumerate(source):
                (second if number % every == 0 else first).write(line)
                if number % every == 1:
                    fields = line.split(b",", _FIRST_FIELDS)
                    fields[_RECEIPTDATE] = LATER
                    second.write(b",".join(fields))
        part.rename(paths[1])
    return Lineitem(paths[0], whole.rows - late, 0), Lineitem(paths[1], late + corrected, corrected)


def _copy(source: IO[bytes], target: IO[bytes], repeat_every: int, max_bytes: int) -> tuple[int, int]:
    header = ",".join(name for name, _ in LINEITEM).encode() + b"\n"
    if next(source) != header:
        raise BenchmarkError("tpchgen-cli gives other columns than this benchmark knows")
    target.write(header)
    repeated = []
    rows, size = 0, len(header)
    for line in source:
        fields = line.split(b",", _FIRST_FIELDS)
        fields[_SHIPDATE] = fields[_SHIPDATE][:8] + b"01"
        size += target.write(b",".join(fields))
        rows += 1
        if repeat_every and rows % repeat_every == 0:
            fields[_RECEIPTDATE] = LATER
            repeated.append(b",".join(fields))
        if max_bytes and size >= max_bytes:
            break
    target.writelines(repeated)
    return rows + len(repeated), len(repeated)


def lineitem_contract(event_time: str, *, key: bool) -> dict[str, Any]:
    """The contract of lineitem.

    Args:
        event_time: the column that gives year, month and day.
        key: with the key, and so with the check for duplicates.
    """
    kinds = {"bigint": "long"}
    columns: list[dict[str, Any]] = []
    for name, kind in LINEITEM:
        column: dict[str, Any] = {"name": name, "type": kinds.get(kind, kind)}
        if name in _REQUIRED:
            column["required"] = True
        if name in _REJECTED:
            column["on_bad_value"] = "reject"
        columns.append(column)
    contract = {"name": "lineitem", "columns": columns, "event_time": event_time}
    if key:
        contract |= {"key": ["l_orderkey", "l_linenumber"], "order_by": ["l_receiptdate"]}
    return contract


TPCH_ORDERS_CONTRACT: dict[str, Any] = {
    "name": "orders",
    "key": ["o_orderkey"],
    "columns": [
        {"name": "o_orderkey", "type": "long", "required": True},
        {"name": "o_custkey", "type": "long"},
        {"name": "o_orderstatus", "type": "string"},
        {"name": "o_totalprice", "type": "decimal(15,2)"},
        {"name": "o_orderdate", "type": "date"},
        {"name": "o_orderpriority", "type": "string"},
        {"name": "o_clerk", "type": "string"},
        {"name": "o_shippriority", "type": "int"},
        {"name": "o_comment", "type": "string"},
    ],
}
# Three rules, three derived columns, a join and a daily aggregate.
PROCESSING: dict[str, Any] = {
    "rules": [
        {"name": "dearest", "condition": "not (l_quantity = 50 and l_discount = 0.10 and l_tax = 0.08)"},
        {"name": "discount", "condition": "l_discount <= 0.08", "on_failure": "flag"},
        {
            "name": "one_word_for_air",
            "condition": "l_shipmode <> 'REG AIR'",
            "on_failure": "set",
            "set": {"l_shipmode": "'AIR'"},
        },
    ],
    "enrich": [
        {"dataset": "orders", "keys": {"l_orderkey": "o_orderkey"}, "columns": ["o_custkey", "o_orderpriority"]}
    ],
    "derive": [
        {"name": "net", "expression": "cast(l_extendedprice * (1 - l_discount) as decimal(18,4))"},
        {"name": "gross", "expression": "cast(net * (1 + l_tax) as decimal(18,4))"},
        {"name": "days", "expression": "datediff(l_receiptdate, l_shipdate)"},
    ],
    "aggregates": [
        {
            "name": "daily_revenue",
            "group_by": ["l_returnflag"],
            "measures": {"n": "count(*)", "net": "sum(net)", "gross": "sum(gross)", "slowest": "max(days)"},
        }
    ],
}


ORDERS_CONTRACT: dict[str, Any] = {
    "name": "orders",
    "key": ["id"],
    "order_by": ["at"],
    "event_time": "at",
    "columns": [
        {"name": "id", "type": "string", "required": True},
        {"name": "customer", "type": "string"},
        {"name": "amount", "type": "decimal(12,2)"},
        {"name": "at", "type": "timestamp"},
        {"name": "note", "type": "string"},
    ],
}


def order_file(number: int, rows: int) -> str:
    """A CSV file of orders whose ids are unique over all numbers; a row has about 85 bytes."""
    lines = ["id,customer,amount,at,note"]
    for row in range(rows):
        at = f"2024-01-{1 + number % 7:02d}T{row % 24:02d}:{number % 60:02d}:00Z"
        lines.append(
            f"O{number:07d}-{row:04d},C{number % 9973:06d},{row}.{number % 100:02d},{at},a note of some length"
        )
    return "\n".join(lines) + "\n"


def place(file: Path, bucket: Path, dataset: str) -> None:
    """Put a generated file into a raw bucket: by a hard link, which costs neither time nor space."""
    target = bucket / "data" / "incoming" / dataset / "2024" / "01" / "15" / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)


def described(file: Lineitem) -> dict[str, Any]:
    """A generated file for the JSON report."""
    return {**asdict(file), "path": file.path.name, "megabytes": round(file.megabytes, 1)}
