"""Stub data for a health check, made from a contract or a schema; deterministic by seed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from glue_health_check.stub.generate import LAST_DAY, rows
from glue_health_check.stub.schemas import read_table
from glue_health_check.stub.write import FORMATS, written

__all__ = ["FORMATS", "LAST_DAY", "read_table", "stub_data"]


def stub_data(schema: Path, number: int, form: str, seed: int = 0, last_day: date = LAST_DAY) -> bytes:
    """The content of a file of stub data.

    Args:
        schema: a contract, JSON Schema or Avro schema.
        number: of rows.
        form: csv, jsonl or parquet.
        seed: other seeds give other data.
        last_day: the latest day in the data.

    Raises:
        MisuseError: the schema can't be used.
    """
    table = read_table(schema)
    return written(table, rows(table, number, seed, last_day), form)
