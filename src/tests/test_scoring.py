"""The quality score."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as hs

from etl.scoring import DIMENSIONS, score


@dataclass
class Rule:
    """What the score needs of a rule's result."""

    dimension: str
    ratio: float
    outcome: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    critical: bool = False
    text: str = "a rule"

    def __post_init__(self) -> None:
        self.outcome = self.outcome or ("Passed" if self.ratio == 1 else "Failed")


@dataclass
class Result:
    rules: list[Rule]


# The example of docs/quality_rules.md.
EXAMPLE = [
    Rule("completeness", 1.0, text='IsComplete "id"', critical=True),
    Rule("completeness", 0.9, text='IsComplete "email"'),
    Rule("validity", 0.8, text='ColumnValues "currency" in ["EUR", "USD"]', labels={"weight": "3"}),
    Rule("validity", 1.0, text='ColumnLength "country" = 2'),
    Rule("consistency", 1.0, text='IsUnique "id"'),
    Rule("accuracy", 0.0, "Error", text='Mean "gone" > 5'),
]
WEIGHTS = {"completeness": 2.0, "accuracy": 0.5}


def test_the_example_of_the_documentation() -> None:
    found = score(Result(EXAMPLE), WEIGHTS, threshold=80)
    assert {name: part.score for name, part in found.dimensions.items()} == pytest.approx(
        {"completeness": 95.0, "validity": 85.0, "consistency": 100.0, "accuracy": 0.0}
    )
    # (2 * 95 + 1 * 85 + 1 * 100 + 0.5 * 0) / (2 + 1 + 1 + 0.5) = 375 / 4.5 = 83.33
    assert (found.value, found.passed, found.capped) == (83.33, True, False)


def test_the_example_with_its_critical_rule_failing() -> None:
    rules = [Rule("completeness", 0.99, critical=True, text="the key"), *EXAMPLE[1:]]
    found = score(Result(rules), WEIGHTS, threshold=80)
    assert (found.value, found.passed, found.capped) == (79.0, False, True)
    assert found.critical_failures == ("the key",)


def test_an_error_counts_as_nothing_and_a_critical_error_caps() -> None:
    rules = [Rule("validity", 1.0), Rule("validity", 0.0, "Error", critical=True)]
    found = score(Result(rules), threshold=40)
    assert (found.value, found.passed) == (39.0, False)


def test_a_score_below_the_cap_stays_where_it_is() -> None:
    found = score(Result([Rule("validity", 0.2, critical=True)]), threshold=80)
    assert (found.value, found.capped, found.passed) == (20.0, False, False)


def test_a_critical_failure_fails_even_with_threshold_zero() -> None:
    found = score(Result([Rule("validity", 0.5, critical=True)]), threshold=0)
    assert (found.value, found.passed) == (0.0, False)


def test_only_dimensions_with_rules_count_and_each_counts_the_same() -> None:
    rules = [Rule("completeness", 1.0)] * 9 + [Rule("anomaly", 0.0)]
    assert score(Result(rules)).value == 50.0


def test_a_weight_of_zero_leaves_a_dimension_out() -> None:
    rules = [Rule("completeness", 1.0), Rule("anomaly", 0.0)]
    assert score(Result(rules), {"anomaly": 0}).value == 100.0


def test_one_hundred_means_that_every_rule_holds() -> None:
    assert score(Result([Rule("validity", 0.99999999)]), threshold=100).value == 99.99
    assert score(Result([Rule("validity", 1.0)] * 3), {"validity": 0.1}).value == 100.0
    light = Rule("validity", 0.0, labels={"weight": "1e-15"})
    assert score(Result([Rule("validity", 1.0), light]), threshold=100).value == 99.99


def test_the_threshold_itself_is_enough() -> None:
    assert score(Result([Rule("validity", 0.8)]), threshold=80).passed


def test_without_rules_there_is_nothing_to_complain_about() -> None:
    found = score(Result([]))
    assert (found.value, found.passed, found.dimensions) == (100.0, True, {})


@pytest.mark.parametrize("label", ["heavy", "-2", "nan", "inf"])
def test_a_rule_weight_that_is_no_weight_counts_as_one(label: str) -> None:
    rules = [Rule("validity", 1.0, labels={"weight": label}), Rule("validity", 0.0)]
    assert score(Result(rules)).value == 50.0


@pytest.mark.parametrize(
    ("weights", "threshold", "said"),
    [
        ({"beauty": 1.0}, 80, "unknown dimension.* beauty; known are completeness"),
        ({"validity": -1.0}, 80, "weight of validity is negative"),
        ({"validity": math.nan, "accuracy": math.inf}, 80, "weight of accuracy, validity is no number"),
        ({}, 101, "0 to 100, not 101"),
    ],
)
def test_settings_without_meaning_are_refused(weights: dict[str, float], threshold: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        score(Result(EXAMPLE), weights, threshold)


def test_the_score_is_json() -> None:
    told = score(Result(EXAMPLE), WEIGHTS, 80).to_dict()
    assert told["dimensions"]["validity"] == {"score": 85.0, "weight": 1.0, "rules": 2, "passed": 1}
    assert told["critical_failures"] == []


RATIOS = hs.one_of(hs.just(1.0), hs.floats(0, 1))
RULES = hs.builds(
    lambda dimension, ratio, weight, critical: Rule(
        dimension, ratio, labels={} if weight is None else {"weight": str(weight)}, critical=critical
    ),
    hs.sampled_from(DIMENSIONS),
    RATIOS,
    hs.one_of(hs.none(), hs.integers(0, 9), hs.floats(0, 1e308)),
    hs.booleans(),
)
WEIGHTINGS = hs.dictionaries(hs.sampled_from(DIMENSIONS), hs.one_of(hs.integers(0, 9), hs.floats(0, 1e308)))
THRESHOLDS = hs.floats(0, 100)


@given(hs.lists(RULES, max_size=8), WEIGHTINGS, THRESHOLDS)
def test_every_score_is_from_0_to_100_and_passes_without_critical_failures_only(
    rules: list[Rule], weights: dict[str, float], threshold: float
) -> None:
    found = score(Result(rules), weights, threshold)
    failing = [rule for rule in rules if rule.critical and rule.ratio < 1]
    assert 0 <= found.value <= 100
    assert found.passed == (found.value >= threshold and not failing)
    assert not failing or found.value <= max(0, threshold - 1)


@given(hs.lists(RULES, min_size=1, max_size=8), WEIGHTINGS, THRESHOLDS, hs.data())
def test_a_rule_that_gets_better_never_lowers_the_score(
    rules: list[Rule], weights: dict[str, float], threshold: float, data: hs.DataObject
) -> None:
    place = data.draw(hs.integers(0, len(rules) - 1))
    better = replace(rules[place], ratio=data.draw(hs.floats(rules[place].ratio, 1)), outcome="")
    before = score(Result(rules), weights, threshold)
    after = score(Result([*rules[:place], better, *rules[place + 1 :]]), weights, threshold)
    # Sums of floats are rounded: 9 decimals are kept, then two, downwards.
    assert after.value >= before.value - 0.01
    assert after.passed or not before.passed or after.value >= threshold - 0.01


@given(hs.permutations([*EXAMPLE, Rule("anomaly", 1 / 3)]), hs.sampled_from([1e-9, 0.1, 3, 7e12]))
def test_neither_order_nor_the_unit_of_the_weights_matters(rules: list[Rule], factor: float) -> None:
    weights = {name: WEIGHTS.get(name, 1.0) for name in DIMENSIONS}
    scaled = {name: weight * factor for name, weight in weights.items()}
    heavier = [replace(rule, labels={"weight": str(float(rule.labels.get("weight", 1)) * factor)}) for rule in rules]
    expected = score(Result([*EXAMPLE, Rule("anomaly", 1 / 3)]), weights, 80)
    assert score(Result(rules), scaled, 80).value == expected.value
    assert score(Result(heavier), weights, 80).value == expected.value
