"""Reports of real results, from data of every kind, against the published schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pyspark.sql import DataFrame, SparkSession

from etl.dqdl import History, Point, evaluate
from etl.dqdl.anomalies import observations
from etl.dqdl.profile import profile_metrics
from etl.report import build_report, render_html
from etl.report_drift import drift
from etl.scoring import score

SCHEMA = json.loads((Path(__file__).parents[1] / "config" / "quality_report.schema.json").read_text())
NOW = datetime(2024, 1, 15, 6, 42, tzinfo=timezone.utc)
KINDS = """
    select * from values
      (1, 1.5D, 1.25BD, 'a', true, date'2024-01-01', timestamp'2024-01-01 10:00:00', X'00ff', array(1), map('a', 1),
       named_struct('x', 1), cast(null as string)),
      (2, double('NaN'), -0.5BD, '<b>&', false, date'0001-01-01', timestamp'9999-12-31 23:59:59', X'', array(),
       map(), named_struct('x', null), null),
      (3, double('Infinity'), null, repeat('x', 500), null, null, null, null, null, null, null, null)
    as t(whole, double, exact, text, flag, day, moment, bytes, list, dictionary, record, nothing)
"""
RULES = """Rules = [
    RowCount > 1, IsComplete "exact", Mean "double" > 0, ColumnValues "text" in ["a"], StandardDeviation "whole" < 5,
    IsUnique "text" labels=["critical"="true"], Entropy "flag" >= 0, ColumnExists "gone", Mean "gone" > 0,
    RowCount > 0.5 * avg(last(3)), Completeness "nothing" = 0
]"""


def report_of(frame: DataFrame, history: History | None = None, before: Any = ()) -> dict[str, Any]:
    """What a check of a frame tells, as stored."""
    history = history or History()
    result = evaluate(frame, RULES, history=history, now=NOW, profile=True)
    metrics: Mapping[str, float] = {**profile_metrics(result.profile, NOW), **result.metrics}
    samples = {
        rule.text: [row.asDict(recursive=True) for row in result.failing_rows(frame, rule, 2).collect()]
        for rule in result.rules
        if rule.row_level and rule.failed_rows
    }
    report = build_report(
        dataset="kinds", run_id="r", generated_at=NOW, score=score(result), rules=result.rules, profile=result.profile,
        samples=samples, observations=observations(metrics, history, NOW), drift=drift(result.profile, before),
        problems=result.problems,
    )  # fmt: skip
    stored: dict[str, Any] = json.loads(json.dumps(report))
    return stored


def problems(report: dict[str, Any]) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(SCHEMA).iter_errors(report)]


@pytest.fixture(scope="module")
def kinds(spark: SparkSession) -> DataFrame:
    """Rows with values of every type."""
    return spark.sql(KINDS).persist()


def test_a_report_of_values_of_every_type_is_as_its_schema_says_and_makes_a_page(kinds: DataFrame) -> None:
    history = History({"Dataset.*.RowCount": [Point(1000.0 + day, datetime(2024, 1, day, tzinfo=timezone.utc))
                                              for day in range(1, 15)]})  # fmt: skip
    first = report_of(kinds)
    again = report_of(kinds, history, before=first["profile"])
    assert problems(first) == problems(again) == []
    assert {"Passed", "Failed", "Error"} == {rule["outcome"] for rule in again["rules"]}
    [rows] = [each for each in again["observations"] if each["metric"] == "Dataset.*.RowCount"]
    assert rows["unusual"]
    assert rows["low"] > 3
    assert again["drift"] == []
    page = render_html(again)
    assert "</html>" in page
    assert "<b>&" not in page
    for column in kinds.columns:
        assert f"<b>{column}</b>" in page


def test_reports_of_no_rows_and_of_no_columns_are_as_the_schema_says(kinds: DataFrame, spark: SparkSession) -> None:
    empty = report_of(kinds.where("false"))
    assert problems(empty) == []
    assert {entry["rows"] for entry in empty["profile"]} == {0}
    assert "</html>" in render_html(empty)
    bare = report_of(spark.range(3).select())
    assert problems(bare) == []
    assert bare["profile"] == []
    assert "</html>" in render_html(bare)
