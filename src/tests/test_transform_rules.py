"""Rules: rows judged, flagged, repaired and refused on small frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pyspark.sql import DataFrame

from etl.contracts import Rule
from etl.errors import ExpressionError
from etl.names import FLAGS, REASON
from etl.transform.rules import broken, judge, verdict

Frame = Callable[..., DataFrame]
COLUMNS = "id string, amount int, note string"


def column(frame: DataFrame, name: str) -> dict[str, Any]:
    """A column's values by id; an id that stands twice fails."""
    rows = frame.select("id", name).collect()
    values = {row["id"]: row[name] for row in rows}
    assert len(values) == len(rows)
    return values


def judged(frame: DataFrame, *rules: Rule) -> DataFrame:
    return verdict(judge(frame, rules, "orders"), rules)


def test_a_row_that_breaks_a_reject_rule_has_the_rule_as_its_reason(frame: Frame) -> None:
    rows = judged(frame(COLUMNS, ("good", 1, ""), ("bad", -1, "")), Rule("positive", "amount > 0"))
    assert column(rows, REASON) == {"good": None, "bad": "rule positive: amount > 0"}
    assert column(rows, broken(Rule("positive", ""))) == {"good": False, "bad": True}


def test_a_condition_that_is_null_counts_as_broken(frame: Frame) -> None:
    rules = (Rule("positive", "amount > 0"), Rule("flagged", "amount > 0", "flag"))
    rows = judged(frame(COLUMNS, ("null", None, "")), *rules)
    assert column(rows, REASON) == {"null": "rule positive: amount > 0"}
    assert column(rows, FLAGS) == {"null": ["flagged"]}


def test_of_several_broken_rules_the_first_is_the_reason_and_all_are_told(frame: Frame) -> None:
    rules = (Rule("small", "amount < 10"), Rule("even", "amount % 2 = 0"))
    rows = judged(frame(COLUMNS, ("both", 11, ""), ("second", 9, "")), *rules)
    assert column(rows, REASON) == {"both": "rule small: amount < 10", "second": "rule even: amount % 2 = 0"}
    assert column(rows, broken(rules[1])) == {"both": True, "second": True}


def test_a_flag_rule_names_itself_in_the_row_and_keeps_it(frame: Frame) -> None:
    rules = (Rule("small", "amount < 10", "flag"), Rule("even", "amount % 2 = 0", "flag"))
    rows = judged(frame(COLUMNS, ("both", 11, ""), ("none", 8, "")), *rules)
    assert column(rows, FLAGS) == {"both": ["small", "even"], "none": []}
    assert set(column(rows, REASON).values()) == {None}


def test_without_rules_every_row_passes_with_no_flags(frame: Frame) -> None:
    rows = judged(frame(COLUMNS, ("a", 1, "")))
    assert (column(rows, FLAGS), column(rows, REASON)) == ({"a": []}, {"a": None})


def test_flags_and_reasons_of_earlier_rules_stay_in_front(frame: Frame) -> None:
    first = judged(frame(COLUMNS, ("a", 11, "")), Rule("small", "amount < 10", "flag"), Rule("one", "amount = 1"))
    later = (Rule("even", "amount % 2 = 0", "flag"), Rule("two", "amount = 2"))
    rows = judged(first, *later)
    assert column(rows, FLAGS) == {"a": ["small", "even"]}
    assert column(rows, REASON) == {"a": "rule one: amount = 1"}


def test_a_set_rule_repairs_the_rows_that_break_it_and_keeps_the_columns_type(frame: Frame) -> None:
    rule = Rule("no_negatives", "amount >= 0", "set", values={"amount": "'7'", "note": "concat('was ', amount)"})
    rows = judged(frame(COLUMNS, ("good", 1, "as it came"), ("bad", -1, "x"), ("null", None, "y")), rule)
    assert column(rows, "amount") == {"good": 1, "bad": 7, "null": 7}
    assert column(rows, "note") == {"good": "as it came", "bad": "was -1", "null": None}
    assert (column(rows, FLAGS)["bad"], column(rows, REASON)["bad"]) == ([], None)
    assert column(rows, broken(rule)) == {"good": False, "bad": True, "null": True}
    assert rows.schema["amount"].dataType.simpleString() == "int"


def test_later_rules_see_the_repaired_value(frame: Frame) -> None:
    rules = (Rule("mend", "amount >= 0", "set", values={"amount": "0"}), Rule("positive", "amount > 0"))
    assert column(judged(frame(COLUMNS, ("bad", -1, "")), *rules), REASON) == {"bad": "rule positive: amount > 0"}


def test_a_set_rule_of_a_column_that_is_not_there_yet_names_those_that_are(frame: Frame) -> None:
    rule = Rule("mend", "amount >= 0", "set", values={"total": "0"})
    with pytest.raises(ExpressionError, match=r"no column 'total' after 'read'; columns are id, amount, note"):
        judge(frame(COLUMNS), [rule], "orders")


@pytest.mark.parametrize("condition", ["amuont > 0", "amount >", "amount", "nosuch(amount)", "sum(amount) > 1"])
def test_a_condition_that_does_not_compile_names_dataset_and_rule(frame: Frame, condition: str) -> None:
    with pytest.raises(ExpressionError, match=r"^orders: rule 'positive': .*does not compile: ") as caught:
        judge(frame(COLUMNS), [Rule("positive", condition)], "orders")
    assert condition in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_value_that_does_not_compile_names_rule_and_column(frame: Frame) -> None:
    rule = Rule("mend", "amount > 0", "set", values={"amount": "nope + 1"})
    with pytest.raises(ExpressionError, match=r"orders: rule 'mend': set amount: 'nope \+ 1' does not compile: "):
        judge(frame(COLUMNS), [rule], "orders")
