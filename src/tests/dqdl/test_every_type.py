"""Every rule type on frames at the edges. A type without an expectation here fails the first test."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from etl.dqdl import RulesetResult, evaluate
from etl.dqdl.catalog import RULE_TYPES

NOW = datetime(2024, 1, 10, 12)
MADE = datetime(2024, 1, 10, 11)
NAN, INFINITY = float("nan"), float("inf")
SCHEMA = "n bigint, x double, t string, d timestamp"
EDGES: dict[str, list[tuple[object, ...]]] = {
    "no rows": [],
    "no values": [(None, None, None, None), (None, None, None, None)],
    "odd numbers": [(1, NAN, "NaN", MADE), (2, INFINITY, "", MADE)],
    "one row": [(1, 2.0, "3", MADE)],
    "500 columns": [(1, 2.0, "3", MADE), (2, 3.0, "4", MADE)],
}
# rule -> its outcome on each of the frames, in their order: Passed, Failed, Error
EXPECTED = {
    'AggregateMatch "sum(n)" "sum(other.n)" = 1.0': "FFPPP",
    'AggregateMatch "avg(x)" "avg(other.x)" = 1.0': "FFFPP",  # NaN is equal to nothing
    'ColumnCorrelation "n" "x" between 0.9 and 1.1': "FFFFP",
    "ColumnCount >= 4": "PPPPP",
    'ColumnDataType "t" = "INTEGER"': "PFFPP",
    'ColumnDataType "t" = "DATE" with format = "yyyyMMdd"': "PFFFF",
    'ColumnExists "x"': "PPPPP",
    'ColumnLength "t" > 0': "PFFPP",
    'ColumnLength "t" < 9': "PPPPP",
    'ColumnNamesMatchPattern "[a-z]+[0-9]*"': "PPPPP",
    'ColumnValues "n" > 0': "PFPPP",
    'ColumnValues "x" > 1': "PFFPP",
    'ColumnValues "x" != 1': "PPPPP",
    'ColumnValues "n" = NULL': "PPFFF",
    'ColumnValues "t" matches "[0-9]+"': "PFFPP",
    'ColumnValues "t" not in ["3", EMPTY]': "PPFFF",
    'ColumnValues "d" > (now() - 2 hours)': "PFPPP",
    'Completeness "x" > 0.9': "PFPPP",
    'CustomSql "select count(*) from primary" > 0': "FPPPP",
    'CustomSql "select n from primary where n is not null"': "PFPPP",
    'CustomSql "select max(x) from primary" > 1': "FFFPP",
    'DataFreshness "d" < 2 hours': "PFPPP",
    'DatasetMatch "other" "n" "x,t,d" = 1.0': "PEPPP",  # null is no key
    'DetectAnomalies "RowCount"': "PPPPP",  # silent: there are no earlier runs
    'DistinctValuesCount "x" > 0': "FFPPP",
    'Entropy "t" >= 0': "PPPPP",
    'FileFreshness "FOLDER" > "2020-01-01"': "PPPPP",
    'FileMatch "FOLDER" "FOLDER"': "PPPPP",
    'FileSize "FOLDER" > 0 B': "PPPPP",
    'FileUniqueness "FOLDER" = 1': "PPPPP",
    "FileUniqueness = 1": "EEEEE",  # the data's files are not known
    'IsComplete "x"': "PFPPP",
    'IsPrimaryKey "n" "t"': "PFPPP",
    'IsUnique "x"': "PFPPP",
    'IsUnique "n" "d"': "PFPPP",
    'Mean "n" > 0': "FFPPP",
    'Mean "x" > 0': "FFFPP",
    'ReferentialIntegrity "n" "other.n" = 1.0': "PFPPP",
    "RowCount > 0": "FPPPP",
    'RowCountMatch "other" = 1.0': "PPPPP",
    'SchemaMatch "other" = 1.0': "PPPPP",
    'StandardDeviation "n" >= 0': "FFPPP",
    'StandardDeviation "x" >= 0': "FFFPP",
    'Sum "n" > 0': "FFPPP",
    'Sum "x" > 0': "FFFPP",
    'Sum "x" > 0 where "n = 2"': "FFPFP",  # Infinity
    'UniqueValueRatio "t" = 1': "PPPPP",
    'Uniqueness "x" "t" = 1': "PFPPP",
    '(RowCount > 0) and (IsComplete "n")': "FFPPP",
    '(RowCount = 0) or (IsComplete "n")': "PFPPP",
}
OUTCOMES = {"P": "Passed", "F": "Failed", "E": "Error"}
# analyzers -> the metrics that they give on each of the frames
ANALYZERS = 'Analyzers = [ RowCount, ColumnValues "n", ColumnLength "t", Completeness "x", Mean "x", Uniqueness "t" ]'
ALWAYS = {"Dataset.*.RowCount", "Column.x.Completeness", "Column.t.Uniqueness"}
VALUED = {"Column.n.Minimum", "Column.n.Maximum", "Column.t.MinimumLength", "Column.t.MaximumLength"}
METRICS = {
    "no rows": ALWAYS,
    "no values": ALWAYS,
    "odd numbers": ALWAYS | VALUED,  # no mean: NaN is no metric
    "one row": ALWAYS | VALUED | {"Column.x.Mean"},
    "500 columns": ALWAYS | VALUED | {"Column.x.Mean"},
}


def edge(spark: SparkSession, name: str) -> DataFrame:
    data = spark.createDataFrame(EDGES[name], SCHEMA)
    return data.selectExpr("*", *[f"n + {i} as c{i}" for i in range(496)]) if name == "500 columns" else data


def judge(spark: SparkSession, name: str, folder: Path) -> RulesetResult:
    """All rules and analyzers on one of the frames, in one evaluation."""
    (folder / "data.csv").write_text("1")
    data = edge(spark, name)
    rules = ",\n".join(EXPECTED).replace('"FOLDER"', f'"{folder.as_uri()}"')
    return evaluate(data, f"Rules = [\n{rules}\n]\n{ANALYZERS}", {"other": data}, now=NOW)


def test_every_rule_type_has_an_expectation() -> None:
    shown = {text.split()[0] for text in EXPECTED}
    assert shown >= {name for name, kind in RULE_TYPES.items() if kind.use != "analyzer"}
    assert {len(outcomes) for outcomes in EXPECTED.values()} == {len(EDGES)}


@pytest.mark.parametrize("name", EDGES)
def test_each_rule_has_its_outcome_on_an_edge(spark: SparkSession, tmp_path: Path, name: str) -> None:
    result = judge(spark, name, tmp_path)
    position = list(EDGES).index(name)
    wanted = {text: OUTCOMES[outcomes[position]] for text, outcomes in EXPECTED.items()}
    found = {text: rule.outcome for text, rule in zip(EXPECTED, result.rules, strict=True)}
    assert found == wanted, [f"{rule.text}: {rule.message}" for rule in result.rules if rule.outcome == "Error"]
    assert all(0 <= rule.ratio <= 1 and rule.message for rule in result.rules)
    assert {metric for metric in result.metrics if metric in ALWAYS | VALUED | {"Column.x.Mean"}} == METRICS[name]
    assert result.problems == []
