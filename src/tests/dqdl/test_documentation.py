"""AWS's reference: each example is read, and what it says about outcomes holds; our table has a row for each type."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import DataFrame

from dqdl.documented import DOCUMENTS, EXAMPLES, MISTAKEN
from etl.dqdl import DqdlSyntaxError, evaluate, parse_ruleset
from etl.dqdl.catalog import RULE_TYPES

GUIDE = Path(__file__).parents[3] / "docs" / "quality_rules.md"


@pytest.mark.parametrize("text", [example for page in EXAMPLES.values() for example in page])
def test_an_example_of_the_reference_is_read_and_written_back_as_the_same_rule(text: str) -> None:
    (rule,) = parse_ruleset(f"Rules = [\n{text}\n]").rules
    assert parse_ruleset(f"Rules = [ {rule} ]").rules == (rule,)
    assert str(rule).lower().replace(" ", "")[:12] == text.lower().replace("of ", "").replace(" ", "")[:12]


@pytest.mark.parametrize("text", DOCUMENTS)
def test_a_document_of_the_reference_is_read(text: str) -> None:
    ruleset = parse_ruleset(text)
    assert len(ruleset.rules) + len(ruleset.analyzers) > 0
    assert parse_ruleset(str(ruleset)) == ruleset


@pytest.mark.parametrize(("text", "expected"), MISTAKEN.items())
def test_an_example_that_breaks_the_references_own_rules_is_refused(text: str, expected: str) -> None:
    with pytest.raises(DqdlSyntaxError) as caught:
        parse_ruleset(f"Rules = [ {text} ]")
    assert expected in " ".join(caught.value.expected), str(caught.value)


def test_every_rule_type_has_a_page_with_examples() -> None:
    assert {name for name, kind in RULE_TYPES.items() if kind.use != "analyzer"} == set(EXAMPLES) - {"dqdl", "spoken"}
    for name in EXAMPLES.keys() & RULE_TYPES.keys():
        assert any(text.startswith(name) for text in EXAMPLES[name])


def test_the_guides_table_has_exactly_one_row_for_each_rule_type() -> None:
    (table,) = [part for part in GUIDE.read_text(encoding="utf-8").split("\n\n") if part.startswith("| Rule type |")]
    header, _, *rows = [line.strip("| ").split(" | ") for line in table.splitlines()]
    assert sorted(row[0].strip("*") for row in rows) == sorted(RULE_TYPES)
    for row in rows:
        assert len(row) == len(header), row
        assert all(len(cell) > 1 for cell in row[3:5]), row  # our reading, and AWS's
        kind = RULE_TYPES[row[0].strip("*")]
        assert row[1] == ("\u2013" if kind.use == "analyzer" else kind.dimension), row


# -- what the reference says about outcomes


def test_null_is_left_out_of_statistics_as_in_the_references_tables(frame: Callable[..., DataFrame]) -> None:
    rows = [(100, 0, 0), (101, None, 0), (102, 20, 20), (103, None, 0), (104, 40, 40)]
    data = frame("id int, units int, units2 int", *rows)
    reference = frame("units int", (10,), (10,))
    rules = [
        'Mean "units" = 20',
        'Sum "units" = 60',
        'StandardDeviation "units" between 16.32 and 16.34',
        'StandardDeviation "units2" = 16',
        'ColumnCorrelation "id" "units" > 0.999999',
        'AggregateMatch "avg(units)" "avg(reference.units)" = 2',
    ]
    found = evaluate(data, f"Rules = [ {', '.join(rules)} ]", {"reference": reference})
    assert found.passed, [rule.message for rule in found.rules]


def test_outcomes_on_texts_are_those_of_the_reference(frame: Callable[..., DataFrame]) -> None:
    data = frame("zip string, letter string, age int", ("12345", "a", 20), (None, "a", None), ("54321", "b", 30))
    expected = {
        'ColumnLength "zip" < 6': "Passed",  # null is a text of length 0
        'ColumnLength "zip" > 4': "Failed",
        '(ColumnLength "zip" > 4) AND (ColumnValues "zip" != NULL)': "Failed",
        'ColumnValues "age" > 10': "Failed",  # null fails
        'ColumnValues "age" != 21': "Passed",  # but not with != and not in
        'ColumnValues "age" not in [21, 22, 23]': "Passed",
        'ColumnValues "age" not in [21, 22, 23, NULL]': "Failed",
        '(ColumnValues "age" != 21) AND (ColumnValues "age" != NULL)': "Failed",
        'ColumnValues "age" between 20 and 30': "Failed",  # exclusive
        'ColumnValues "age" not between 20 and 30 where "age is not null"': "Passed",  # inclusive
        'UniqueValueRatio "letter" = 0.5': "Passed",  # the set [a, a, b]
        'Completeness "zip" > 0.5 where "age = 20"': "Passed",
        'RowCount "zip" = 3': "Passed",
    }
    found = evaluate(data, "Rules = [\n" + ",\n".join(expected) + "\n]").rules
    assert {text: rule.outcome for text, rule in zip(expected, found, strict=True)} == expected


def test_composites_are_judged_by_column_or_by_row_as_in_the_reference(frame: Callable[..., DataFrame]) -> None:
    data = frame("myCol1 int, myCol2 int", (2, 1), (0, 3))
    text = 'Rules = [ (ColumnValues "myCol1" > 1) OR (ColumnValues "myCol2" > 2) ]'
    assert evaluate(data, text).rules[0].outcome == "Failed"
    by_row = evaluate(data, text, composite="ROW")
    assert by_row.rules[0].outcome == "Passed"
    assert {row["DataQualityEvaluationResult"] for row in by_row.row_outcomes(data).collect()} == {"Passed"}


def test_filtered_rows_are_labelled_as_in_the_references_table(frame: Callable[..., DataFrame]) -> None:
    rows = [(1, "a", "f"), (2, "b", "d"), (3, "a", None), (4, "a", "f"), (5, "b", None), (6, "a", "f")]
    data = frame("id int, att1 string, att2 string", *rows)
    result = evaluate(data, "Rules = [ IsComplete att2 where \"att1 = 'a'\" ]")
    verdicts = {row["id"]: row["DataQualityEvaluationResult"] for row in result.row_outcomes(data).collect()}
    assert verdicts == {1: "Passed", 2: "Passed", 3: "Failed", 4: "Passed", 5: "Passed", 6: "Passed"}
    skipped = result.row_outcomes(data, filtered="SKIPPED").where("size(DataQualityRulesSkip) > 0")
    assert sorted(row["id"] for row in skipped.collect()) == [2, 5]


def test_labels_are_merged_as_in_the_reference() -> None:
    plain, overriding, composite = parse_ruleset(DOCUMENTS[4]).rules
    assert dict(plain.labels) == {"frequency": "monthly"}
    assert dict(overriding.labels) == {"foo": "bar", "frequency": "daily"}
    assert dict(composite.labels) == {"foo": "bar", "frequency": "monthly"}
