"""Dataset contracts: what a dataset is, written by people as YAML, and checked before anything runs.

:mod:`etl.contracts.model` is what the rest of the library works with, :mod:`etl.contracts.reading` makes it of texts.
The checks by schema and by hand stand beside them; those that need Spark in :mod:`etl.analysis`.
"""

from etl.contracts.model import (
    DEFAULT_THRESHOLD,
    TARGET_FILE_SIZE_MB,
    Aggregate,
    AsOf,
    Column,
    Contract,
    Derived,
    Enrichment,
    Processing,
    Quality,
    Rule,
    Source,
    SqlStep,
    TableLayout,
    inferred,
)
from etl.contracts.reading import parse_contracts

__all__ = [
    "DEFAULT_THRESHOLD",
    "TARGET_FILE_SIZE_MB",
    "Aggregate",
    "AsOf",
    "Column",
    "Contract",
    "Derived",
    "Enrichment",
    "Processing",
    "Quality",
    "Rule",
    "Source",
    "SqlStep",
    "TableLayout",
    "inferred",
    "parse_contracts",
]
