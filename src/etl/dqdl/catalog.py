"""The rule types of DQDL: what each takes and which dimension it speaks about."""

from __future__ import annotations

from dataclasses import dataclass

COMPLETENESS, VALIDITY, CONSISTENCY, ACCURACY, ANOMALY = (
    "completeness",
    "validity",
    "consistency",
    "accuracy",
    "anomaly",
)
DIMENSIONS = (COMPLETENESS, VALIDITY, CONSISTENCY, ACCURACY, ANOMALY)


@dataclass(frozen=True)
class RuleType:
    """What a rule type takes.

    Args:
        dimension: the dimension its rules count for, unless a label says otherwise.
        parameters: fewest and most parameters.
        condition: whether it needs a condition: ``required``, ``none`` or ``optional``.
        threshold: whether ``with threshold`` is allowed.
        where: whether ``where`` is allowed.
        takes: what its parameters are, for messages.
        evaluated: False for types that are parsed but end in the outcome Error.
        analyzer: True for what can only stand under ``Analyzers``.
    """

    dimension: str
    parameters: tuple[int, int] = (1, 1)
    condition: str = "required"
    threshold: bool = False
    where: bool = True
    takes: str = "column"
    evaluated: bool = True
    analyzer: bool = False


MANY = 100

RULE_TYPES: dict[str, RuleType] = {
    "AggregateMatch": RuleType(ACCURACY, (2, 2), where=False, takes="aggregation"),
    "AllStatistics": RuleType(ANOMALY, (1, 1), "none", evaluated=False, analyzer=True),
    "ColumnCorrelation": RuleType(ACCURACY, (2, 2)),
    "ColumnCount": RuleType(CONSISTENCY, (0, 0), where=False),
    "ColumnDataType": RuleType(VALIDITY, threshold=True),
    "ColumnExists": RuleType(CONSISTENCY, condition="none", where=False),
    "ColumnLength": RuleType(VALIDITY, threshold=True),
    "ColumnNamesMatchPattern": RuleType(VALIDITY, condition="none", where=False, takes="pattern"),
    "ColumnValues": RuleType(VALIDITY, threshold=True),
    "Completeness": RuleType(COMPLETENESS),
    "CustomSql": RuleType(ACCURACY, condition="optional", threshold=True, where=False, takes="SQL statement"),
    "DataFreshness": RuleType(ACCURACY, threshold=True),
    "DatasetMatch": RuleType(CONSISTENCY, (2, 3), where=False, takes="parameter", evaluated=False),
    "DetectAnomalies": RuleType(ANOMALY, (1, MANY), "none", takes="parameter", evaluated=False),
    "DistinctValuesCount": RuleType(CONSISTENCY),
    "Distribution": RuleType(ANOMALY, (1, 1), "none", evaluated=False, analyzer=True),
    "Entropy": RuleType(ACCURACY),
    "FileFreshness": RuleType(ACCURACY, (0, 1), threshold=True, takes="path", evaluated=False),
    "FileMatch": RuleType(ACCURACY, (0, 2), "optional", threshold=True, takes="path", evaluated=False),
    "FileSize": RuleType(ACCURACY, (0, 1), threshold=True, takes="path", evaluated=False),
    "FileUniqueness": RuleType(CONSISTENCY, (0, 1), threshold=True, takes="path", evaluated=False),
    "IsComplete": RuleType(COMPLETENESS, condition="none"),
    "IsPrimaryKey": RuleType(CONSISTENCY, (1, MANY), "none"),
    "IsUnique": RuleType(CONSISTENCY, (1, MANY), "none"),
    "Mean": RuleType(ACCURACY),
    "ReferentialIntegrity": RuleType(CONSISTENCY, (2, 2), where=True, takes="column list"),
    "RowCount": RuleType(COMPLETENESS, (0, 0)),
    "RowCountMatch": RuleType(CONSISTENCY, where=False, takes="reference"),
    "SchemaMatch": RuleType(CONSISTENCY, where=False, takes="reference"),
    "StandardDeviation": RuleType(ACCURACY),
    "Sum": RuleType(ACCURACY),
    "UniqueValueRatio": RuleType(CONSISTENCY, (1, MANY)),
    "Uniqueness": RuleType(CONSISTENCY, (1, MANY)),
}
