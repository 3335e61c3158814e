"""Every rule type about the data's own columns and rows, positive and negative, evaluated in one go."""

from __future__ import annotations

from datetime import datetime

import pytest
from pyspark.sql import DataFrame

from etl.dqdl import RuleResult, evaluate

NOW = datetime(2024, 1, 10, 12)


# rule, outcome, ratio for the score, failed rows
CASES: list[tuple[str, str, float, int | None]] = [
    ("RowCount = 5", "Passed", 1, None),
    ("RowCount between 4 and 5", "Failed", 0, None),
    ("RowCount in [4, 5]", "Passed", 1, None),
    ("RowCount = 2 where \"country = 'DE'\"", "Passed", 1, None),
    ("ColumnCount = 9", "Passed", 1, None),
    ("ColumnCount < 9", "Failed", 0, None),
    ('ColumnExists "name"', "Passed", 1, None),
    ('ColumnExists "NAME"', "Passed", 1, None),
    ('ColumnExists "gone"', "Failed", 0, None),
    ('ColumnNamesMatchPattern "[a-z]+"', "Passed", 1, None),
    ('ColumnNamesMatchPattern "[a-n].*"', "Failed", 7 / 9, None),
    # completeness: NaN, empty and blank are values
    ('IsComplete "id"', "Passed", 1, 0),
    ('IsComplete "name"', "Failed", 0.8, 1),
    ('IsComplete "price"', "Failed", 0.8, 1),
    ('IsComplete "name" where "country = \'FR\'"', "Passed", 1, 0),
    ('Completeness "name" >= 0.8', "Passed", 1, 1),
    ('Completeness "name" > 0.8', "Failed", 0.8, 1),
    ('Completeness "name" < 0.5', "Failed", 0, 1),
    # uniqueness: null is not unique
    ('IsUnique "name"', "Failed", 0.8, 1),
    ('IsUnique "id"', "Failed", 0.6, 2),
    ('IsUnique "id" "day"', "Passed", 1, 0),
    ('IsUnique "id" where "country != \'DE\'"', "Passed", 1, 0),
    ('IsUnique "day" "id"', "Passed", 1, 0),
    ('IsUnique "country" "paid"', "Passed", 1, 0),
    ('IsUnique "paid" "country"', "Passed", 1, 0),
    ('Uniqueness "id" = 0.6', "Passed", 1, 2),
    ('Uniqueness "id" > 0.6', "Failed", 0.6, 2),
    ('UniqueValueRatio "id" = 0.75', "Passed", 1, None),
    ('UniqueValueRatio "country" > 0.9', "Failed", 2 / 3, None),
    ('DistinctValuesCount "country" = 3', "Passed", 1, None),
    ('DistinctValuesCount "id" > 4', "Failed", 0, None),
    ('IsPrimaryKey "id" "made"', "Failed", 0.8, 1),
    ('IsPrimaryKey "id"', "Failed", 0.6, 2),
    ('IsPrimaryKey "id" where "country = \'DE\'"', "Passed", 1, 0),
    # types: null cannot be cast
    ('ColumnDataType "code" = "INTEGER"', "Failed", 0.4, 3),
    ('ColumnDataType "code" = "DOUBLE" with threshold >= 0.6', "Passed", 1, 2),
    ('ColumnDataType "code" != "INTEGER"', "Failed", 0.6, 2),
    ('ColumnDataType "code" = "DECIMAL(3,1)" with threshold > 0.5', "Passed", 1, 2),
    ('ColumnDataType "day" = "DATE" with threshold = 0.6', "Passed", 1, 2),
    ('ColumnDataType "made" = "Timestamp" with threshold = 0.8', "Passed", 1, 1),
    ('ColumnDataType "id" = "long"', "Passed", 1, 0),
    ('ColumnDataType "code" in ["INTEGER", "DOUBLE"] with threshold = 0.6', "Passed", 1, 2),
    ('ColumnDataType "code" not in ["INTEGER", "DOUBLE"]', "Failed", 0.4, 3),
    # dates in another form
    ('ColumnDataType "day" = "DATE" with format = "yyyy-MM-dd" with threshold = 0.6', "Passed", 1, 2),
    ('ColumnDataType "day" = "DATE" with format = "dd/MM/yyyy"', "Failed", 0, 5),
    ('ColumnValues "day" > "2024-01-08" with format = "yyyy-MM-dd" with threshold = 0.4', "Passed", 1, 3),
    ('ColumnValues "day" > (now() - 3 days) with format = "yyyy-MM-dd" with threshold = 0.6', "Passed", 1, 2),
    ('DataFreshness "day" < 3 days with format = "yyyy-MM-dd" with threshold = 0.6', "Passed", 1, 2),
    # lengths: null counts as 0
    ('ColumnLength "name" < 4', "Passed", 1, 0),
    ('ColumnLength "name" between 1 and 4', "Failed", 0.6, 2),
    ('ColumnLength "name" > 0', "Failed", 0.6, 2),
    ('ColumnLength "name" in [0, 2, 3]', "Passed", 1, 0),
    # values: null fails, except with != and not in
    ('ColumnValues "id" between 0 and 6', "Passed", 1, 0),
    ('ColumnValues "id" between 1 and 5', "Failed", 0.6, 2),
    ('ColumnValues "id" not between 1 and 5', "Failed", 0.4, 3),
    ('ColumnValues "id" >= 1', "Passed", 1, 0),
    ('ColumnValues "id" in [1, 2, 4]', "Failed", 0.8, 1),
    ('ColumnValues "id" not in [1, 2]', "Failed", 0.4, 3),
    ('ColumnValues "price" > 5', "Failed", 0.6, 2),
    ('ColumnValues "price" != 10', "Failed", 0.8, 1),
    ('ColumnValues "price" = NULL', "Failed", 0.2, 4),
    ('ColumnValues "price" != NULL with threshold > 0.7', "Passed", 1, 1),
    ('ColumnValues "amount" in [1.10, 2.20, 3.3, "5.5", NULL]', "Passed", 1, 0),
    ('ColumnValues "amount" not in [1.1, NULL]', "Failed", 0.6, 2),
    ('ColumnValues "amount" > 1', "Failed", 0.8, 1),
    ('ColumnValues "amount" > 1 where "country = \'DE\'"', "Passed", 1, 0),
    ('ColumnValues "name" in ["ann", "bob"]', "Failed", 0.4, 3),
    ('ColumnValues "name" in ["ann", "bob", NULL, EMPTY, WHITESPACES_ONLY]', "Passed", 1, 0),
    ('ColumnValues "name" not in ["ann"]', "Failed", 0.8, 1),
    ('ColumnValues "name" not in ["ann", NULL, EMPTY, WHITESPACES_ONLY]', "Failed", 0.2, 4),
    ('ColumnValues "name" = EMPTY', "Failed", 0.2, 4),
    ('ColumnValues "name" != EMPTY', "Failed", 0.8, 1),
    ('ColumnValues "name" != WHITESPACES_ONLY', "Failed", 0.8, 1),
    ('ColumnValues "name" matches "[a-z]*"', "Failed", 0.6, 2),
    ('ColumnValues "name" matches "a"', "Failed", 0, 5),
    ('ColumnValues "name" not matches "b.*"', "Failed", 0.6, 2),
    ('ColumnValues "country" in ["de", "Fr"] with ignoreCase = "true"', "Failed", 0.6, 2),
    ('ColumnValues "country" not in ["de"] with ignoreCase = "True"', "Failed", 0.6, 2),
    ('ColumnValues "country" matches "[a-z]+" with ignoreCase = "true"', "Failed", 0.8, 1),
    ('ColumnValues "country" in ["de", "Fr"] with ignoreCase = "false"', "Failed", 0, 5),
    ('ColumnValues "code" > 5', "Failed", 0.4, 3),
    ('ColumnValues "code" = "5"', "Failed", 0.2, 4),
    ('ColumnValues "paid" = "true"', "Failed", 0.6, 2),
    ('ColumnValues "paid" != "false"', "Failed", 0.8, 1),
    ('ColumnValues "country" in ["DE", "FR", "IT"] with threshold between 0.7 and 0.9', "Passed", 1, 1),
    # dates and times
    ('ColumnValues "made" > "2024-01-07"', "Failed", 0.6, 2),
    ('ColumnValues "made" > (now() - 2 days)', "Failed", 0.4, 3),
    ('ColumnValues "made" >= "2024-01-10 10:00"', "Failed", 0.2, 4),
    ('ColumnValues "made" not in ["2024-01-10"]', "Failed", 0.8, 1),
    ('ColumnValues "made" >= "9:30 AM"', "Failed", 0.2, 4),  # of today
    ('ColumnValues "made" between "09:59" and "11:00 AM"', "Failed", 0.2, 4),
    ('ColumnValues "code" = "10:00"', "Failed", 0, 5),  # a text
    ('ColumnValues "day" >= "2024-01-08"', "Failed", 0.6, 2),
    ('ColumnValues "day" between "2024-01-07" and "2024-01-11" where "day like \'2024%\'"', "Passed", 1, 0),
    ('ColumnValues "day" in ["2024-01-08", "2024-01-09", "2024-01-10", NULL]', "Failed", 0.8, 1),
    ('ColumnValues "day" > (now() - 3 days) with threshold = 0.6', "Passed", 1, 2),
    ('DataFreshness "made" <= 24 hours', "Failed", 0.4, 3),
    ('DataFreshness "made" < 10 days where "made is not null"', "Passed", 1, 0),
    ('DataFreshness "made" between 1 hours and 3 days', "Failed", 0.6, 2),
    # statistics
    ('Mean "id" = 2.8', "Passed", 1, None),
    ('Mean "id" > 3', "Failed", 0, None),
    ('Mean "price" > 0', "Failed", 0, None),  # NaN
    ('Mean "amount" between 3 and 4', "Passed", 1, None),
    ('Sum "amount" = 12.10', "Passed", 1, None),
    ('Sum "amount" > 13', "Failed", 0, None),
    ('Sum "id" = 9 where "id > 2"', "Passed", 1, None),
    ('StandardDeviation "id" between 1.46 and 1.48', "Passed", 1, None),
    ('StandardDeviation "id" < 1', "Failed", 0, None),
    ('Entropy "country" between 1.03 and 1.05', "Passed", 1, None),
    ('Entropy "country" > 2', "Failed", 0, None),
    ('ColumnCorrelation "id" "amount" > 0.9', "Passed", 1, None),
    ('ColumnCorrelation "id" "amount" < 0.5', "Failed", 0, None),
    # composites
    ('(IsComplete "id") and (RowCount > 3)', "Passed", 1, None),
    ('(IsComplete "name") and (RowCount > 3)', "Failed", 0.8, None),
    ('(IsComplete "name") or (RowCount > 3)', "Passed", 1, None),
    ('(IsComplete "name") or ((IsUnique "id") and (RowCount > 3))', "Failed", 0.8, None),
]

# rule, what the message says
ERRORS = [
    ('IsComplete "gone"', "has no column 'gone'; it has id, name, price, amount, code, made, day, country, paid"),
    ('IsUnique "gone" "lost"', "no columns 'gone', 'lost'"),
    ('IsComplete "id" where "gone > 1"', "gone"),
    ('IsComplete "id" where "id >"', "where: id >"),
    ('Mean "name" > 1', "needs a numeric column; 'name' is string"),
    ('ColumnCorrelation "id" "name" > 0', "name"),
    ('ColumnLength "id" > 1', "needs a text column; 'id' is bigint"),
    ('ColumnValues "id" > "ann"', '"ann" is not a number'),
    ('ColumnValues "name" > "ann"', "takes numbers or dates"),
    ('ColumnValues "name" > NULL', "cannot be compared with '>'"),
    ('ColumnValues "id" = EMPTY', "EMPTY is about texts"),
    ('ColumnValues "made" > 5', "compared with dates"),
    ('ColumnValues "made" > "2024-13-45"', "is not a date"),
    ('ColumnValues "paid" = "maybe"', 'compare it with "true" or "false"'),
    ('ColumnValues "name" matches "("', "not a regular expression"),
    ('ColumnNamesMatchPattern "("', "not a regular expression"),
    ('ColumnValues "id" > avg(last(3))', "last() cannot be used here"),
    ('ColumnDataType "code" = "INTEGR"', "unknown type 'INTEGR'"),
    ('ColumnDataType "code" > 5', "ColumnDataType takes =, !=, in or not in"),
    ('ColumnDataType "day" = "INTEGER" with format = "yyyy"', "about dates and timestamps, not about INTEGER"),
    ('ColumnDataType "day" = "DATE" with format = "nonsense"', "'nonsense' is not a date pattern"),
    ('ColumnValues "made" > "2024-01-01" with format = "yyyy"', "'with format' is about texts; 'made' is timestamp"),
    ('RowCount "gone" > 1', "has no column 'gone'"),
    ('ColumnNamesMatchPattern ".*" where "gone > 1"', "gone"),
    ('DataFreshness "id" < 1 hours', "a date or timestamp is needed"),
    ('DataFreshness "made" < 5', "is not a time such as 24 hours"),
    ('Mean "id" matches "3"', "is about texts"),
    ("RowCount > last(5)", "reduce it"),
    ("FileSize > 5 MB", "the files of the data are not known"),
    ('(IsComplete "gone") or (RowCount > 1)', "has no column 'gone'"),
]


@pytest.fixture(scope="module")
def results(orders: DataFrame) -> dict[str, RuleResult]:
    rules = [rule for rule, *_ in CASES] + [rule for rule, _ in ERRORS]
    found = evaluate(orders, "Rules = [\n" + ",\n".join(rules) + "\n]", now=NOW).rules
    return dict(zip(rules, found, strict=True))


@pytest.mark.parametrize(("rule", "outcome", "ratio", "failed"), CASES)
def test_a_rule_passes_or_fails_with_its_share_of_rows(
    results: dict[str, RuleResult], rule: str, outcome: str, ratio: float, failed: int | None
) -> None:
    result = results[rule]
    assert (result.outcome, result.failed_rows) == (outcome, failed), result.message
    assert result.ratio == pytest.approx(ratio)
    assert result.message
    assert result.text == rule


@pytest.mark.parametrize(("rule", "said"), ERRORS)
def test_a_rule_that_cannot_be_evaluated_is_an_error_and_stops_no_other(
    results: dict[str, RuleResult], rule: str, said: str
) -> None:
    result = results[rule]
    assert (result.outcome, result.ratio, result.failed_rows) == ("Error", 0.0, None)
    assert said in result.message


def test_metrics_have_the_names_of_aws(results: dict[str, RuleResult]) -> None:
    assert results["RowCount = 5"].metrics == {"Dataset.*.RowCount": 5}
    assert results['Completeness "name" >= 0.8'].metrics == {"Column.name.Completeness": 0.8}
    assert results['IsUnique "id" "day"'].metrics == {"Multicolumn.id,day.Uniqueness": 1.0}
    assert results['Mean "id" = 2.8'].metrics == {"Column.id.Mean": 2.8}


def test_failed_metrics_say_what_was_found_and_what_was_needed(results: dict[str, RuleResult]) -> None:
    assert results['Mean "id" > 3'].message == "Mean is 2.8; needed > 3"
    assert results['IsComplete "name"'].message == "1 of 5 row(s) do not meet it (80.00% do)"
    assert results['Mean "price" > 0'].message.startswith("Mean has no value (NaN)")
    assert "1 value(s) occur more than once" in results['IsUnique "id"'].message


def test_labels_set_dimension_and_criticality(orders: DataFrame) -> None:
    found = evaluate(
        orders,
        'DefaultLabels=["team"="sales"] Rules = [ IsComplete "id" labels=["critical"="true"],'
        ' RowCount > 1 labels=["dimension"="accuracy", "criticality"="high"],'
        ' RowCount > avg(last(3)), (IsUnique "id") or (RowCount > 1) ]',
    ).rules
    assert [rule.dimension for rule in found] == ["completeness", "accuracy", "anomaly", "consistency"]
    assert [rule.critical for rule in found] == [True, True, False, False]
    assert found[0].labels == {"team": "sales", "critical": "true"}


def test_history_is_read_by_metric_name(orders: DataFrame) -> None:
    rules = 'Rules = [ RowCount > 0.9 * avg(last(3)), Completeness "name" >= last() ]'
    history = {"Dataset.*.RowCount": [1, 6, 6, 6], "Column.name.Completeness": [0.5, 0.9]}
    first, second = evaluate(orders, rules, history=history).rules
    assert (first.outcome, second.outcome) == ("Failed", "Failed")
    assert first.message == "the number of rows is 5; needed > 0.9 * avg(last(3)), which is 5.4 now"


def test_analyzers_give_metrics_and_their_problems(orders: DataFrame) -> None:
    found = evaluate(
        orders,
        'Analyzers = [ RowCount, ColumnValues "id", ColumnLength "name", Mean "id", DistinctValuesCount "id",'
        ' Distribution "id" with bins = 3, Mean "name" ]',
    )
    assert found.rules == []
    assert found.metrics == {
        "Dataset.*.RowCount": 5,
        "Column.id.Minimum": 1,
        "Column.id.Maximum": 5,
        "Column.name.MinimumLength": 0,
        "Column.name.MaximumLength": 3,
        "Column.id.Mean": 2.8,
        "Column.id.DistinctValuesCount": 4,
    }
    assert [problem.split(":")[0] for problem in found.problems] == ['Distribution "id" with bins = 3', 'Mean "name"']


def test_composites_can_be_combined_row_by_row(orders: DataFrame) -> None:
    rules = 'Rules = [ (ColumnValues "price" > 5) or (ColumnValues "amount" > 2), (IsComplete "id") or (RowCount > 9) ]'
    by_column = evaluate(orders, rules).rules
    by_row = evaluate(orders, rules, composite="ROW").rules
    assert by_column[0].outcome == "Failed"
    assert (by_row[0].outcome, by_row[0].failed_rows, by_row[0].ratio) == ("Failed", 1, 0.8)
    assert by_row[1].outcome == "Error"
    assert "cannot be combined row by row" in by_row[1].message
    with pytest.raises(ValueError, match="COLUMN or ROW"):
        evaluate(orders, rules, composite="CELL")
