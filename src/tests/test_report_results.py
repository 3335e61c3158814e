"""The line of JSON that a check leaves for SQL, read by Spark with the columns of the catalog's table."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession

from etl.report_results import result_line, results_uri
from report_samples import BAD, COLUMN, HELD, full

REPORT = "s3://q/reports/orders/2024/01/15/jr_1.html"
REPO = Path(__file__).resolve().parents[2]
COLUMNS = json.loads((REPO / "terraform/modules/glue/quality_results.json").read_text(encoding="utf-8"))


def read(spark: SparkSession, folder: Path, *lines: str) -> list[Row]:
    """Rows of the table; a value that is not of its column's type fails, as it would in Athena."""
    for number, line in enumerate(lines):
        (folder / f"{number}.json").write_text(line, encoding="utf-8")
    schema = ", ".join(f"`{column['name']}` {column['type']}" for column in COLUMNS)
    return spark.read.schema(schema).option("mode", "FAILFAST").json(str(folder)).orderBy("run_id").collect()


def test_a_check_is_one_row_of_the_catalog_s_table(spark: SparkSession, tmp_path: Path) -> None:
    plain = full(run_id="jr_2", profile=None, drift=(), observations=(), publication=None, rows_read=None, table=None)
    first, second = read(spark, tmp_path, result_line(full(), REPORT), result_line(plain, REPORT))
    assert (first.dataset, first.run_id, first.report) == ("orders", "jr_1", REPORT)
    assert first.checked_at.isoformat(sep=" ") == "2024-01-15 06:42:00"
    assert (first.passed, first.threshold, first.critical_failures) == (False, 80.0, [BAD["rule"]])
    assert (first.rules_passed, first.rules_failed, first.rules_in_error) == (1, 1, 1)
    assert (first.rows_read, first.rows_written, first.rows_refused) == (1234567, 1234467, 100)
    assert {reason.reason: reason.rows for reason in first.refused} == {"amount: not a number": 30, "id is missing": 70}
    bad = next(rule for rule in first.rules if rule.outcome == "Failed")
    assert (bad.rule, bad.dimension, bad.critical, bad.ratio) == (BAD["rule"], "validity", True, 0.75)
    assert (bad.rows, bad.failed_rows) == (100, 25)
    assert {part.dimension for part in first.dimensions} == {"completeness", "validity", "accuracy"}
    [column] = first.column_profiles
    assert (column.name, column.rows, column.nulls) == (COLUMN["column"], COLUMN["rows"], COLUMN["nulls"])
    assert [(change.column_name, change.what) for change in first.drift] == [("note", "added")]
    assert {each.metric: each.unusual for each in first.observations}["Column.amount.Mean"] is True
    assert (first.batches, first.publication) == (["b-1", "b-2"], HELD["state"])
    assert first.curated_table == "glue_catalog.db.orders"
    assert (second.rows_read, second.publication, second.curated_table) == (None, None, None)
    assert second.column_profiles == []


def test_every_column_of_the_table_is_written_and_no_other() -> None:
    assert sorted(json.loads(result_line(full(), REPORT))) == sorted(column["name"] for column in COLUMNS)


def test_a_line_is_one_line_and_has_no_rows_of_data() -> None:
    line = result_line(full(description="two\nlines"), REPORT)
    assert line.endswith("}\n") and line.count("\n") == 1
    assert "samples" not in line and "-1.50" not in line and "patterns" not in line


def test_what_is_not_finite_is_empty() -> None:
    odd: dict[str, Any] = {"metric": "Column.x.Mean", "low": None, "high": 1.0, "points": 12, "unusual": True}
    report = full(observations=[{**odd, "value": float("nan"), "words": "no number"}])
    [observation] = json.loads(result_line(report, REPORT))["observations"]
    assert (observation["value"], observation["high"]) == (None, 1.0)


def test_moments_are_told_in_utc() -> None:
    line = json.loads(result_line(full(generated_at="2024-01-15T08:42:00.500000+02:00"), REPORT))
    assert line["checked_at"] == "2024-01-15 06:42:00.500"


def test_results_lie_by_day() -> None:
    started = datetime(2024, 1, 5, 23, 59, tzinfo=timezone.utc)
    assert results_uri("s3://q/", "orders", "jr_1", started) == "s3://q/results/2024/01/05/orders-jr_1.json"


@pytest.mark.parametrize("file", ["terraform/modules/pipeline/operations.tf", "docs/quality_report.md"])
def test_queries_name_the_fields_of_a_list_in_their_order(file: str) -> None:
    # Athena makes columns of the fields by their place, so a new field in the middle would shift them in silence.
    other_names = {"rows": "rows_checked", "name": "column_name", "type": "column_type"}
    types = {column["name"]: column["type"] for column in COLUMNS}
    found = re.findall(r"UNNEST\((\w+)\) AS t\(([^)]+)\)", (REPO / file).read_text(encoding="utf-8"))
    assert found
    for column, names in found:
        fields = re.findall(r"(\w+):", types[column])
        assert names.split(", ") in ([other_names.get(field, field) for field in fields], ["reason", "refused_rows"])
