"""Which other data frames the rules of a ruleset speak of, so that only these need be opened."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from etl.dqdl.model import Rule, Ruleset

# The parameter of a rule that names a reference, alone or before a dot: customers, customers.id, customers.{a,b}.
_PLACES = {"ReferentialIntegrity": 1, "RowCountMatch": 0, "SchemaMatch": 0, "DatasetMatch": 0}
_LITERAL = re.compile(r"'(?:[^'\\]|\\.)*'")
_TABLE = re.compile(r"(?:\bfrom|\bjoin|,)[\s(]*`?([A-Za-z_][A-Za-z0-9_]*)`?", re.IGNORECASE)
_QUALIFIED = re.compile(r"\(\s*`?([A-Za-z_][A-Za-z0-9_]*)`?\s*\.")


def mentioned(ruleset: Ruleset, names: Collection[str]) -> set[str]:
    """The names that rules and analyzers refer to.

    Args:
        ruleset: parsed.
        names: of all data frames that there are.
    """
    rules = [*(leaf for node in ruleset.rules for leaf in node.leaves()), *ruleset.analyzers]
    return {name for rule in rules for name in _of_rule(rule)} & set(names)


def _of_rule(rule: Rule) -> Iterable[str]:
    if rule.rule_type == "CustomSql":
        return _TABLE.findall(_LITERAL.sub("''", rule.values[0]))
    if rule.rule_type == "AggregateMatch":
        return [name for text in rule.values for name in _QUALIFIED.findall(text)]
    if rule.rule_type in _PLACES:
        return [rule.values[_PLACES[rule.rule_type]].partition(".")[0].strip()]
    return []
