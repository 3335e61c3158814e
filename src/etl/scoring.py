"""The quality score: from the outcomes of rules to one number from 0 to 100.

score = 100 * sum(weight of dimension * ratio of dimension) / sum(weight of dimension)

over the dimensions that have rules, where the ratio of a dimension is the weighted mean of its rules'
ratios. A critical rule that did not pass caps the score below the threshold. docs/quality_rules.md works
an example by hand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Protocol

DIMENSIONS = ("completeness", "validity", "consistency", "accuracy", "anomaly")
THRESHOLD = 80.0
CRITICAL_CAP = 1.0  # points below the threshold
WEIGHT_LABEL = "weight"


class ScoredRule(Protocol):
    """What the score needs of a rule's result."""

    @property
    def text(self) -> str:
        """The rule as it stands in the ruleset."""
        ...

    @property
    def dimension(self) -> str:
        """Completeness, validity, consistency, accuracy or anomaly."""
        ...

    @property
    def outcome(self) -> str:
        """Passed, Failed or Error."""
        ...

    @property
    def ratio(self) -> float:
        """Share of rows that pass, 0 to 1; of a rule on the whole dataset 0 or 1."""
        ...

    @property
    def labels(self) -> Mapping[str, str]:
        """What the rule's author has written beside it."""
        ...

    @property
    def critical(self) -> bool:
        """Whether its failure keeps the score below the threshold."""
        ...


class ScoredResult(Protocol):
    """A ruleset's result."""

    @property
    def rules(self) -> Sequence[ScoredRule]:
        """The result of each rule, in the ruleset's order."""
        ...


@dataclass(frozen=True)
class DimensionScore:
    """One dimension's part.

    Args:
        score: 0 to 100.
        weight: its weight among the dimensions.
        rules: how many rules it has.
        passed: how many of them passed.
    """

    score: float
    weight: float
    rules: int
    passed: int


@dataclass(frozen=True)
class Score:
    """The quality score.

    Args:
        value: 0 to 100, rounded down to two decimals: 100 means that every rule holds.
        threshold: what the value must reach.
        passed: whether it does.
        dimensions: the dimensions that have rules, in a fixed order.
        critical_failures: the texts of critical rules that did not pass.
        capped: whether they lowered the value.
    """

    value: float
    threshold: float
    passed: bool
    dimensions: Mapping[str, DimensionScore]
    critical_failures: tuple[str, ...] = ()
    capped: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The score as JSON knows it."""
        return {
            "value": self.value,
            "threshold": self.threshold,
            "passed": self.passed,
            "dimensions": {name: vars(part).copy() for name, part in self.dimensions.items()},
            "critical_failures": list(self.critical_failures),
            "capped": self.capped,
        }


def score(result: ScoredResult, weights: Mapping[str, float] | None = None, threshold: float = THRESHOLD) -> Score:
    """Score a ruleset's result.

    Args:
        result: the result, see etl.dqdl.evaluate.
        weights: weight per dimension, 1 by default; 0 leaves a dimension out.
        threshold: the score to reach, 0 to 100.

    Raises:
        ValueError: a weight is negative or for an unknown dimension, or the threshold is not 0 to 100.
    """
    _check(weights or {}, threshold)
    dimensions = {
        name: _dimension([rule for rule in result.rules if rule.dimension == name], (weights or {}).get(name, 1.0))
        for name in DIMENSIONS
        if any(rule.dimension == name for rule in result.rules)
    }
    value = _rounded_down(_mean([(part.weight, part.score) for part in dimensions.values()]))
    if value == 100.0 and any(rule.ratio < 1 and _counts(rule, dimensions) for rule in result.rules):
        value = 99.99  # 100 means that every rule holds, however little one of them weighs
    critical = tuple(rule.text for rule in result.rules if rule.critical and rule.outcome != "Passed")
    cap = max(0.0, threshold - CRITICAL_CAP)
    capped = bool(critical) and value > cap
    value = cap if capped else value
    return Score(value, threshold, value >= threshold and not critical, dimensions, critical, capped)


def _dimension(rules: Sequence[ScoredRule], weight: float) -> DimensionScore:
    weighted = [(_rule_weight(rule), 100.0 * rule.ratio) for rule in rules]
    passed = sum(rule.outcome == "Passed" for rule in rules)
    value = round(_mean(weighted), 9)  # 85, not 85.00000000000001
    return DimensionScore(value, weight if any(each for each, _ in weighted) else 0.0, len(rules), passed)


def _counts(rule: ScoredRule, dimensions: Mapping[str, DimensionScore]) -> bool:
    """Whether a rule has a weight, and its dimension has one."""
    return _rule_weight(rule) > 0 and rule.dimension in dimensions and dimensions[rule.dimension].weight > 0


def _mean(weighted: Sequence[tuple[float, float]]) -> float:
    """The weighted mean of pairs of weight and score; 100 when nothing has a weight: there is nothing to judge.

    Weights only matter by their proportions, so the largest is made 1: the sum of very large ones is no number. fsum
    rounds once, whatever the order.
    """
    largest = max((weight for weight, _ in weighted), default=0.0)
    if not largest:
        return 100.0
    parts = [(weight / largest, value) for weight, value in weighted]
    return math.fsum(weight * value for weight, value in parts) / math.fsum(weight for weight, _ in parts)


def _rule_weight(rule: ScoredRule) -> float:
    """The label ``weight``; a label that is no number, or negative, counts as 1."""
    try:
        weight = float(rule.labels.get(WEIGHT_LABEL, "1"))
    except ValueError:
        return 1.0
    return weight if 0 <= weight < float("inf") else 1.0


def _rounded_down(value: float) -> float:
    # Through 9 decimals first, so that 99.99999999999999 of floating point is 100.
    return float(Decimal(str(round(value, 9))).quantize(Decimal("0.01"), rounding=ROUND_FLOOR))


def _check(weights: Mapping[str, float], threshold: float) -> None:
    unknown = sorted(set(weights) - set(DIMENSIONS))
    if unknown:
        raise ValueError(f"unknown dimension(s) {', '.join(unknown)}; known are {', '.join(DIMENSIONS)}")
    negative = sorted(name for name, weight in weights.items() if weight < 0)
    if negative:
        raise ValueError(f"the weight of {', '.join(negative)} is negative; weights are 0 or more")
    odd = sorted(name for name, weight in weights.items() if not math.isfinite(weight))
    if odd:
        raise ValueError(f"the weight of {', '.join(odd)} is no number; weights are 0 or more")
    if not 0 <= threshold <= 100:
        raise ValueError(f"the threshold is 0 to 100, not {threshold:g}")
