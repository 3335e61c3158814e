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
        where: whether ``where`` is allowed.
        takes: what its parameters are, for messages.
        options: what ``with`` may set.
        use: where it may stand: ``rule``, ``analyzer`` or ``both``.
    """

    dimension: str
    parameters: tuple[int, int] = (1, 1)
    condition: str = "required"
    where: bool = True
    takes: str = "column"
    options: tuple[str, ...] = ()
    use: str = "rule"


MANY = 100

THRESHOLD = ("threshold",)
FILTERS = ("recentFiles", "uriRegex", "filterOrder")

RULE_TYPES: dict[str, RuleType] = {
    "AggregateMatch": RuleType(ACCURACY, (2, 2), where=False, takes="aggregation"),
    "AllStatistics": RuleType(ANOMALY, condition="none", use="analyzer"),
    "ColumnCorrelation": RuleType(ACCURACY, (2, 2), use="both"),
    "ColumnCount": RuleType(CONSISTENCY, (0, 0), where=False, use="both"),
    "ColumnDataType": RuleType(VALIDITY, options=(*THRESHOLD, "format")),
    "ColumnExists": RuleType(CONSISTENCY, condition="none", where=False),
    "ColumnLength": RuleType(VALIDITY, options=THRESHOLD, use="both"),
    "ColumnNamesMatchPattern": RuleType(VALIDITY, condition="none", takes="pattern"),
    "ColumnValues": RuleType(VALIDITY, options=(*THRESHOLD, "format", "ignoreCase"), use="both"),
    "Completeness": RuleType(COMPLETENESS, use="both"),
    "CustomSql": RuleType(
        ACCURACY, condition="optional", options=THRESHOLD, where=False, takes="SQL statement", use="both"
    ),
    "DataFreshness": RuleType(ACCURACY, options=(*THRESHOLD, "format")),
    "DatasetMatch": RuleType(CONSISTENCY, (2, 3), where=False, takes="parameter"),
    "DetectAnomalies": RuleType(ANOMALY, (1, MANY), "none", where=False, takes="parameter"),
    "DistinctValuesCount": RuleType(CONSISTENCY, (1, MANY), use="both"),
    "Distribution": RuleType(ANOMALY, condition="none", options=("bins", "rebin"), use="analyzer"),
    "Entropy": RuleType(ACCURACY, use="both"),
    "FileFreshness": RuleType(
        ACCURACY, (0, 1), where=False, takes="path", options=(*THRESHOLD, *FILTERS, "failFast", "timeZone")
    ),
    "FileMatch": RuleType(
        ACCURACY,
        (0, 2),
        "optional",
        where=False,
        takes="path",
        options=(*THRESHOLD, *FILTERS, "hashAlgorithm", "matchFileName"),
    ),
    "FileSize": RuleType(ACCURACY, (0, 1), where=False, takes="path", options=(*THRESHOLD, *FILTERS, "failFast")),
    "FileUniqueness": RuleType(
        CONSISTENCY, (0, 1), where=False, takes="path", options=(*FILTERS, "hashAlgorithm", "matchFileName")
    ),
    "IsComplete": RuleType(COMPLETENESS, condition="none"),
    "IsPrimaryKey": RuleType(CONSISTENCY, (1, MANY), "none"),
    "IsUnique": RuleType(CONSISTENCY, (1, MANY), "none"),
    "Mean": RuleType(ACCURACY, use="both"),
    "ReferentialIntegrity": RuleType(CONSISTENCY, (2, 2), takes="column list"),
    # AWS's documentation has an example with a column: RowCount "id" > 100.
    "RowCount": RuleType(COMPLETENESS, (0, 1), use="both"),
    "RowCountMatch": RuleType(CONSISTENCY, where=False, takes="reference"),
    "SchemaMatch": RuleType(CONSISTENCY, where=False, takes="reference"),
    "StandardDeviation": RuleType(ACCURACY, use="both"),
    "Sum": RuleType(ACCURACY, use="both"),
    "UniqueValueRatio": RuleType(CONSISTENCY, (1, MANY), use="both"),
    "Uniqueness": RuleType(CONSISTENCY, (1, MANY), use="both"),
}
# As AWS's documentation writes it in places; the language is case sensitive otherwise.
ALIASES = {"CustomSQL": "CustomSql"}
# What DetectAnomalies can watch.
METRICS = tuple(name for name, kind in RULE_TYPES.items() if kind.use == "both")
