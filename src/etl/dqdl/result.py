"""The outcome of a ruleset: per rule, and per row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from etl.dqdl.frames import quoted
from etl.dqdl.plans import Mark, RowTest, marked, within
from etl.dqdl.values import Numeric

PASSED, FAILED, ERROR = "Passed", "Failed", "Error"
OUTCOME_COLUMNS = (
    "DataQualityRulesPass",
    "DataQualityRulesFail",
    "DataQualityRulesSkip",
    "DataQualityEvaluationResult",
)
_RULE = "__dqdl_rule"


@dataclass(frozen=True)
class RuleResult:
    """The outcome of one rule.

    Args:
        text: the rule, without its labels.
        rule_type: e.g. ``IsComplete``; ``and``/``or`` for composites.
        columns: the columns it is about.
        dimension: completeness, validity, consistency, accuracy or anomaly.
        outcome: Passed, Failed or Error (it could not be evaluated; the message says why).
        metrics: metric name -> value.
        ratio: how far the rule holds, from 0 to 1, for the score: 1 when passed, 0 for an error, else
            the share of rows (or values) that meet it, or 0 when there is no such share.
        message: for people.
        failed_rows: rows that do not meet it; None for rules that are not about single rows.
        rows: rows that were judged; None likewise.
        labels: the rule's labels with the default labels.
        critical: labelled ``critical=true`` or ``criticality=high``.
        row_level: whether single rows can be told good or bad (see RulesetResult.row_outcomes).
    """

    text: str
    rule_type: str
    columns: tuple[str, ...]
    dimension: str
    outcome: str
    metrics: Mapping[str, Numeric]
    ratio: float
    message: str
    failed_rows: int | None = None
    rows: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    critical: bool = False
    row_level: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON knows it."""
        return {
            "rule": self.text,
            "rule_type": self.rule_type,
            "columns": list(self.columns),
            "dimension": self.dimension,
            "outcome": self.outcome,
            "metrics": {name: plain(value) for name, value in self.metrics.items()},
            "ratio": self.ratio,
            "message": self.message,
            "failed_rows": self.failed_rows,
            "rows": self.rows,
            "labels": dict(self.labels),
            "critical": self.critical,
            "row_level": self.row_level,
        }


@dataclass(frozen=True)
class RulesetResult:
    """The outcome of a ruleset.

    Args:
        rules: one result per rule, in the order of writing.
        row_count: rows of the data.
        metrics: every metric of rules and analyzers; keep them, and give them back as ``history``.
        problems: analyzers that could not be computed, with the reason, and what the profile lacks.
        profile: one entry per column, when it was asked for.
    """

    rules: list[RuleResult]
    row_count: int
    metrics: dict[str, float]
    problems: list[str] = field(default_factory=list)
    profile: list[dict[str, Any]] = field(default_factory=list)
    _tests: tuple[RowTest | None, ...] = ()
    _marks: tuple[Mark, ...] = ()

    @property
    def passed(self) -> bool:
        """True when every rule passed."""
        return all(rule.outcome == PASSED for rule in self.rules)

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON knows it."""
        return {
            "passed": self.passed,
            "row_count": self.row_count,
            "rules": [rule.to_dict() for rule in self.rules],
            "metrics": self.metrics,
            "problems": self.problems,
        }

    def row_outcomes(self, data: DataFrame, filtered: str = "PASSED") -> DataFrame:
        """The data with AWS's four columns.

        DataQualityRulesPass, DataQualityRulesFail and DataQualityRulesSkip are arrays of rules; rules that
        are not about single rows, or ended in an error, are skipped. DataQualityEvaluationResult is Failed
        for a row that fails a rule, else Passed.

        Args:
            data: the data that was evaluated.
            filtered: what a row is for a rule whose ``where`` leaves it out: PASSED (as in AWS) or SKIPPED.
        """
        passed, failed, skipped = [], [], []
        for rule, test in zip(self.rules, self._tests, strict=True):
            name = sf.lit(rule.text)
            if test is None:
                skipped.append(name)
                continue
            judged = within(test.where)
            good = sf.coalesce(test.good, sf.lit(False))
            left_out = (good | ~judged) if filtered == "PASSED" else (good & judged)
            passed.append(sf.when(left_out, name))
            failed.append(sf.when(judged & ~good, name))
            skipped.append(sf.when(~judged, name) if filtered == "SKIPPED" else sf.lit(None).cast("string"))
        fail = _texts(failed)
        columns = [_texts(passed), fail, _texts(skipped), sf.when(sf.size(fail) > 0, FAILED).otherwise(PASSED)]
        outcomes = [column.alias(name) for column, name in zip(columns, OUTCOME_COLUMNS, strict=True)]
        return marked(data, self._marks).select(*_all(data), *outcomes)

    def failing_rows(self, data: DataFrame, rule: RuleResult | int, limit: int = 10) -> DataFrame:
        """Rows that do not meet a rule; none for rules that are not about single rows.

        Args:
            data: the data that was evaluated.
            rule: a result of this ruleset, or its position.
            limit: how many rows at most.
        """
        position = rule if isinstance(rule, int) else self.rules.index(rule)
        test = self._tests[position]
        if test is None:
            return data.limit(0)
        bad = (within(test.where) & ~test.good).alias("__dqdl_bad")
        judged = marked(data, self._marks).select(*_all(data), bad)
        return judged.where(sf.col("__dqdl_bad")).drop("__dqdl_bad").limit(limit)

    @property
    def broken_by_rows(self) -> list[RuleResult]:
        """The rules that single rows do not meet."""
        return [rule for rule in self.rules if rule.row_level and rule.failed_rows]

    def samples(self, data: DataFrame, rules: Sequence[RuleResult], limit: int) -> dict[str, list[dict[str, Any]]]:
        """Some rows for each of several rules that they do not meet, found by one Spark job.

        Args:
            data: the data that was evaluated.
            rules: some of :attr:`broken_by_rows`.
            limit: how many rows of each at most.

        Returns:
            The rule's text -> rows, column -> value.
        """
        texts = list(dict.fromkeys(rule.text for rule in rules))
        if not texts or not limit:
            return {}
        of = {rule.text: rule for rule in rules}
        frames = [
            self.failing_rows(data, of[text], limit).withColumn(_RULE, sf.lit(position))
            for position, text in enumerate(texts)
        ]
        found: dict[str, list[dict[str, Any]]] = {text: [] for text in texts}
        for row in reduce(DataFrame.unionAll, frames).collect():
            values = row.asDict(recursive=True)
            found[texts[values.pop(_RULE)]].append(values)
        return found


def plain(value: Any) -> Any:
    """A number as JSON knows it."""
    return float(value) if isinstance(value, Decimal) else value


def _texts(columns: Sequence[Column]) -> Column:
    """An array of the texts that are not null."""
    if not columns:
        return sf.array().cast("array<string>")
    return sf.filter(sf.array(*columns), lambda text: text.isNotNull())


def _all(data: DataFrame) -> list[Column]:
    return [sf.col(quoted(name)) for name in data.columns]
