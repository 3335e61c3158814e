"""The committed sample through the three jobs: every row ends where the generator says that it must."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import boto3
import fastavro
import pyarrow.orc
import pyarrow.parquet

from etl.duplicates import DUPLICATE_REASON
from etl.ledger import CHECKED
from etl.names import standard_name
from etl.pipeline import Pipeline, run_stage
from shop import ALL, Shop

SAMPLE = Path(__file__).parents[2] / "sample-data"


def sample_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a sample file under standard names, read without Spark; a ragged CSV row has the cells it has."""
    return [{standard_name(name): value for name, value in row.items()} for row in rows_as_they_are(path)]


def rows_as_they_are(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        header, *lines = csv.reader(path.read_text().splitlines(keepends=True))
        return [dict(zip(header, line, strict=False)) for line in lines]
    if path.suffix == ".json":
        return json.loads(path.read_text())
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    if path.suffix == ".avro":
        with path.open("rb") as file:
            return list(fastavro.reader(file))
    reader = pyarrow.parquet.read_table if path.suffix == ".parquet" else pyarrow.orc.read_table
    return reader(path).to_pylist()


def amount_of(row: dict[str, Any]) -> Decimal:
    try:
        return Decimal(str(row["amount"]))
    except InvalidOperation:
        return Decimal(0)


def moment_of(row: dict[str, Any], name: str) -> datetime:
    moment = datetime.fromisoformat(str(row[name]))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def expected_of_sample(dataset: str, key: str, order_by: str) -> dict[str, Counter[Any]]:
    """Where each row of the sample must end, by what the generator says that it has broken."""
    documents = json.loads((SAMPLE / "_expected.json").read_text())["files"]
    found: dict[str, Counter[Any]] = {name: Counter() for name in ("all", "curated", "rejected", "reasons")}
    candidates: dict[str, list[dict[str, Any]]] = {}
    for document in (file for file in documents if file["dataset"] == dataset):
        rows = sample_rows(SAMPLE / document["path"])
        assert len(rows) == document["rows"]
        defects = {defect["row"]: defect for defect in document["defective_rows"]}
        for number, row in enumerate(rows, start=1):
            found["all"][row[key] or None] += 1
            reason = ingestion_reason(defects.get(number, {}), order_by)
            if reason:
                found["reasons"][reason] += 1
            else:
                candidates.setdefault(row[key], []).append(row)
    for name, rows in candidates.items():
        found["reasons"][DUPLICATE_REASON] += len(rows) - 1
        latest = max(rows, key=lambda row: moment_of(row, order_by))
        is_rejected = dataset == "transactions" and amount_of(latest) < 0
        found["rejected" if is_rejected else "curated"][name] += 1
    return found


def ingestion_reason(defect: dict[str, Any], required_moment: str) -> str:
    kind = defect.get("defect")
    if kind == "ragged":
        return "the row does not parse"
    if kind == "missing_required":
        return f"{defect['column']}: required value is missing"
    if kind == "bad_type" and defect["column"] == required_moment == "transaction_time":
        return "transaction_time: not a timestamp"
    return ""


def test_every_row_of_the_sample_is_curated_or_refused_with_the_reason_that_it_was_made_with(
    shop: Shop, lake: Any, start: Callable[..., Pipeline]
) -> None:
    for file in sorted(SAMPLE.rglob("*/*/*/*/*")):
        lake.put("raw", f"data/incoming/{file.relative_to(SAMPLE)}", file.read_bytes())
    secret = boto3.client("secretsmanager").create_secret(
        Name="pii", SecretString="for the tests only, and long enough"
    )
    for stage, work in ALL:
        run_stage(start(pii_secret=secret["ARN"]), stage, work)
    for dataset, key, order_by in (
        ("customers", "customer_id", "updated_at"),
        ("transactions", "transaction_id", "transaction_time"),
    ):
        expected = expected_of_sample(dataset, key, order_by)
        [batch] = shop.batches(dataset)
        assert batch["status"] == CHECKED
        assert shop.keys(dataset) == expected["curated"]
        assert Counter({name: int(rows) for name, rows in batch["reasons"].items()}) == expected["reasons"]
        refused = shop.quarantine(dataset)
        rejected = [row for row in refused if row["reason"].startswith("rule ")]
        assert Counter(key_of(row["record"], key) for row in rejected) == expected["rejected"]
        ends = shop.keys(dataset) + Counter(key_of(row["record"], key) for row in refused)
        assert ends == expected["all"]
        assert batch["rows_read"] == expected["all"].total()
        assert batch["files_refused"] == (dataset == "transactions")
    assert len(shop.text("quality", "reports/*/*/*/*/jr_*.html")) == 2
    assert_personal_data_is_treated(shop)


def assert_personal_data_is_treated(shop: Shop) -> None:
    pipeline = shop.open()
    people = pipeline.spark.table(pipeline.settings.table("customers"))
    assert "date_of_birth" not in people.columns
    shapes = people.selectExpr(
        "email is null or email rlike '^[0-9a-f]{64}$'", "phone is null or phone rlike '^x+.{4}$'"
    )
    assert {tuple(row) for row in shapes.collect()} == {(True, True)}


def key_of(record: str, key: str) -> str | None:
    """The key of a refused row: of a JSON record, or of the line that did not parse."""
    return json.loads(record).get(key) or None if record.startswith("{") else record.split(",")[0]
