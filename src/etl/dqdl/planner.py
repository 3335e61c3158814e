"""Rule -> plan: the table of rule types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce

from pyspark.sql import Column, DataFrame

from etl.dqdl import anomaly_rules, column_rules, dataset_match, dataset_rules, file_rules
from etl.dqdl.errors import RuleError
from etl.dqdl.frames import RULE_ERRORS, Frame, spark_message
from etl.dqdl.history import History
from etl.dqdl.model import Composite, Node, Rule
from etl.dqdl.plans import Mark, Plan, within
from utils.glue_utils import Storage

RATIOS = ("Completeness", "DatasetMatch", "Uniqueness", "UniqueValueRatio", "ReferentialIntegrity")


@dataclass
class Leaf:
    """A simple rule, an analyzer, or a composite that is combined row by row, on its way to a result.

    Args:
        rule: the rule; for a composite one that only has its operator as type.
        planned: its plan.
        problem: why it cannot be evaluated.
    """

    rule: Rule
    planned: Plan | None = None
    problem: str = ""

    @property
    def plan(self) -> Plan | None:
        """The plan, unless a problem was found."""
        return None if self.problem else self.planned

    @property
    def by_row(self) -> bool:
        """True for a composite that is combined row by row."""
        return self.rule.rule_type in ("and", "or")

    def blame(self, error: Exception) -> None:
        """Note why the rule cannot be evaluated; the filter is named, since Spark reads it as SQL."""
        reason = str(error) if isinstance(error, RuleError) else spark_message(error)
        where = self.rule.where
        spark = not isinstance(error, RuleError)
        self.problem = f"{reason} (where: {where})" if where and spark else reason


@dataclass(frozen=True)
class Surroundings:
    """What rules may look at beside the data.

    Args:
        now: the time of ``now()``, with a zone.
        references: other data frames by name.
        history: what earlier runs measured.
        files: URIs of the files that the data came from, for rules about files that name no path.
    """

    now: datetime
    references: Mapping[str, DataFrame] = field(default_factory=dict)
    history: History = field(default_factory=History)
    files: Sequence[str] = ()


class Planner:
    """Rule -> plan."""

    def __init__(self, data: DataFrame, surroundings: Surroundings) -> None:
        self.data = data
        now, references = surroundings.now, surroundings.references
        frame = self.frame = Frame(data)
        others = {name: Frame(other, f"the reference {name!r}") for name, other in references.items()}
        self.references = others
        storage, files = Storage(data.sparkSession), surroundings.files
        self._kinds: dict[str, Callable[[Rule], Plan]] = {
            "AggregateMatch": lambda rule: dataset_rules.aggregate_match(rule, frame, others),
            "AllStatistics": lambda rule: anomaly_rules.all_statistics(rule, frame, self.plan),
            "ColumnCorrelation": lambda rule: column_rules.correlation(rule, frame),
            "ColumnCount": lambda rule: column_rules.column_count(rule, frame),
            "ColumnDataType": lambda rule: column_rules.column_data_type(rule, frame),
            "ColumnExists": lambda rule: column_rules.column_exists(rule, frame),
            "ColumnLength": lambda rule: column_rules.column_length(rule, frame),
            "ColumnNamesMatchPattern": lambda rule: column_rules.column_names_match(rule, frame),
            "ColumnValues": lambda rule: column_rules.column_values(rule, frame, now),
            "Completeness": lambda rule: column_rules.completeness(rule, frame),
            "CustomSql": lambda rule: dataset_rules.custom_sql(rule, frame, others),
            "DataFreshness": lambda rule: column_rules.data_freshness(rule, frame, now),
            "DatasetMatch": lambda rule: dataset_match.dataset_match(rule, frame, others),
            "DetectAnomalies": lambda rule: anomaly_rules.detect_anomalies(rule, self.plan, surroundings.history, now),
            "DistinctValuesCount": lambda rule: column_rules.distribution(rule, frame),
            "Distribution": anomaly_rules.distribution_analyzer,
            "Entropy": lambda rule: column_rules.distribution(rule, frame),
            "FileFreshness": lambda rule: file_rules.file_freshness(rule, storage, files, now),
            "FileMatch": lambda rule: file_rules.file_match(rule, storage, files),
            "FileSize": lambda rule: file_rules.file_size(rule, storage, files),
            "FileUniqueness": lambda rule: file_rules.file_uniqueness(rule, storage, files),
            "IsComplete": lambda rule: column_rules.completeness(rule, frame),
            "IsPrimaryKey": lambda rule: column_rules.uniqueness(rule, frame),
            "IsUnique": lambda rule: column_rules.uniqueness(rule, frame),
            "Mean": lambda rule: column_rules.statistic(rule, frame),
            "ReferentialIntegrity": lambda rule: dataset_rules.referential_integrity(rule, frame, others),
            "RowCount": lambda rule: column_rules.row_count_rule(rule, frame),
            "RowCountMatch": lambda rule: dataset_rules.row_count_match(rule, others),
            "SchemaMatch": lambda rule: dataset_rules.schema_match(rule, frame, others),
            "StandardDeviation": lambda rule: column_rules.statistic(rule, frame),
            "Sum": lambda rule: column_rules.statistic(rule, frame),
            "UniqueValueRatio": lambda rule: column_rules.distribution(rule, frame),
            "Uniqueness": lambda rule: column_rules.uniqueness(rule, frame),
        }

    def leaves(self, node: Node, by_row: bool) -> list[Leaf]:
        """The leaves of a rule; a composite that is combined row by row is one leaf."""
        if isinstance(node, Composite) and by_row:
            return [self._composite_leaf(node)]
        return [self.leaf(rule) for rule in node.leaves()]

    def leaf(self, rule: Rule) -> Leaf:
        """The rule with its plan, or with the reason why there is none."""
        leaf = Leaf(rule)
        try:
            leaf.planned = self.plan(rule)
        except RULE_ERRORS as error:
            leaf.blame(error)
        return leaf

    def plan(self, rule: Rule) -> Plan:
        """The plan of one rule."""
        if rule.rule_type not in self._kinds:
            raise RuleError(f"{rule.rule_type} is part of DQDL but is not evaluated by this engine")
        return self._kinds[rule.rule_type](rule)

    def _composite_leaf(self, node: Composite) -> Leaf:
        leaf = Leaf(Rule(node.operator, labels=node.labels, line=node.line))
        try:
            test, marks = self._composite_test(node)
            leaf.planned = column_rules.row_level(Rule(node.text), test, f"Dataset.*.{node.text}", marks)
        except RULE_ERRORS as error:
            leaf.blame(error)
        return leaf

    def _composite_test(self, node: Node) -> tuple[Column, tuple[Mark, ...]]:
        """The row-level test of a rule or composite."""
        if isinstance(node, Composite):
            parts = [self._composite_test(part) for part in node.parts]
            tests = [test for test, _ in parts]
            joined = reduce(lambda a, b: a & b if node.operator == "and" else a | b, tests)
            return joined, tuple(mark for _, marks in parts for mark in marks)
        plan = self.plan(node)
        if plan.test is None or plan.test.windowed or node.rule_type in RATIOS or node.threshold:
            raise RuleError(f"{node.text} cannot be combined row by row: it is not about single rows")
        return plan.test.good | ~within(node.where), plan.marks
