"""Expressions that give the same whenever a batch is processed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

import pytest
from pyspark.sql import DataFrame

from etl.contracts import Contract, Derived, Processing, Rule, SqlStep
from etl.errors import ExpressionError
from etl.transform.expressions import derive
from etl.transform.needed import Needed
from etl.transform.repeatable import at_time, contract_at, is_repeatable
from etl.transform.rules import judge
from etl.transform.steps import run_steps

Frame = Callable[..., DataFrame]
AT = datetime(2024, 1, 5, 12, 30, tzinfo=timezone.utc)
MOMENT, DAY = "timestamp'2024-01-05 12:30:00.000000Z'", "date'2024-01-05'"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at <= now()", f"at <= {MOMENT}"),
        ("at <= CURRENT_TIMESTAMP", f"at <= {MOMENT}"),
        ("at <= current_timestamp( )", f"at <= {MOMENT}"),
        ("d < current_date() - 3", f"d < {DAY} - 3"),
        ("d < Current_Date", f"d < {DAY}"),
        ("datediff(curdate(), d)", f"datediff({DAY}, d)"),
    ],
)
def test_the_present_time_of_an_expression_is_that_of_the_batch(text: str, expected: str) -> None:
    assert at_time(text, AT) == expected


@pytest.mark.parametrize(
    "text",
    [
        "note = 'now()'",
        'note = "it\'s current_date"',
        "note = 'a \\' now() '",
        "`current_date` > 1",
        "t.current_date > 1",
        "nownow() and known()",
        "a -- now()",
        "/* now() */ a",
        "current_date_of_order > 1",
        "now > 1",
    ],
)
def test_texts_names_and_comments_stay_as_they_are(text: str) -> None:
    assert at_time(text, AT) == text


def test_all_expressions_of_a_contract_see_the_time_of_the_batch() -> None:
    steps = Processing(
        rules=(Rule("past", "at <= now()", "set", values={"at": "now()"}),),
        derive=(Derived("age", "datediff(current_date, born)"),),
        steps=(SqlStep("all", "select *, now() as seen from batch"),),
    )
    found = contract_at(Contract("orders", processing=steps, delete_when="at < now()"), AT)
    texts = [found.processing.rules[0].condition, found.processing.rules[0].values["at"], found.delete_when]
    texts += [found.processing.derive[0].expression, found.processing.steps[0].sql]
    assert not any("now()" in text or "current_date" in text for text in texts)


def test_what_is_random_is_refused_wherever_it_stands(frame: Frame) -> None:
    rows = frame("id int, event_date date")
    assert is_repeatable(rows)
    with pytest.raises(ExpressionError, match=r"orders: derived column 'x': 'rand\(\)' gives other values each time"):
        derive(rows, Derived("x", "rand()"), "orders")
    with pytest.raises(ExpressionError, match=r"orders: rule 'some': .* gives other values"):
        judge(rows, [Rule("some", "rand() < 0.5")], "orders")
    with pytest.raises(ExpressionError, match=r"orders: rule 'mend': set id: .* gives other values"):
        judge(rows, [Rule("mend", "id > 0", "set", values={"id": "cast(rand() * 9 as int)"})], "orders")
    with pytest.raises(ExpressionError, match="orders: step 'marked' gives other values"):
        step = SqlStep("marked", "select *, uuid() as mark from batch")
        run_steps(rows, [step], {}, "orders", Needed.of(Contract("orders"), {}))
