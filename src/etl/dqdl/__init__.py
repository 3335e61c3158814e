"""DQDL, the Data Quality Definition Language of AWS Glue, on plain Spark.

``parse_ruleset`` reads a ruleset, ``evaluate`` holds it against a data frame. The same text works in the
Glue console; docs/quality_rules.md has a row for each rule type and says where the readings differ.
"""

from etl.dqdl.engine import evaluate
from etl.dqdl.errors import DqdlSyntaxError
from etl.dqdl.explain import Explanation, explain
from etl.dqdl.history import History, Point
from etl.dqdl.model import Ruleset
from etl.dqdl.parser import parse_ruleset
from etl.dqdl.profile import profile_columns
from etl.dqdl.result import RuleResult, RulesetResult

__all__ = [
    "DqdlSyntaxError",
    "Explanation",
    "History",
    "Point",
    "RuleResult",
    "Ruleset",
    "RulesetResult",
    "evaluate",
    "explain",
    "parse_ruleset",
    "profile_columns",
]
