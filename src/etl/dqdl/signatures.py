"""Checks of one parsed rule against what its type takes. All raise DqdlSyntaxError."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from lark import Token

from etl.dqdl.catalog import ALIASES, MANY, METRICS, RULE_TYPES, RuleType
from etl.dqdl.errors import DqdlSyntaxError
from etl.dqdl.model import Call, Condition, Node, Rule
from etl.dqdl.options import check_options

MAX_LABELS, MAX_KEY, MAX_VALUE = 10, 128, 256  # AWS's limits
FUNCTIONS = {  # name -> fewest and most arguments
    "now": (0, 0),
    "last": (0, 1),
    "avg": (1, 1),
    "mean": (1, 1),
    "median": (1, 1),
    "max": (1, 1),
    "min": (1, 1),
    "sum": (1, 1),
    "std": (1, 1),
    "abs": (1, 1),
    "index": (2, 2),
    "percentile": (2, 2),
}
# Words of SQL that are taken for names, and what DQDL says.
FROM_SQL = {
    "like": 'matches "regular expression"',
    "rlike": 'matches "regular expression"',
    "is": "= NULL or != NULL",
    "equals": "'='",
    "contains": 'matches ".*text.*"',
}
Options = Sequence[tuple[Token, Condition]]


def check_rule(rule: Rule, name: Token, options: Options, source: str) -> None:
    """Check type, parameters, condition, where and options of a rule."""
    kind = _rule_type(name, source)
    if kind.use == "analyzer":
        raise _error(name, f"'{name}' as a rule", [f"'{name}' under Analyzers only"], source)
    _check_parameters(rule, kind, name, source)
    if rule.rule_type == "DetectAnomalies":
        _check_watched(rule, name, source)
    _check_condition(rule, kind, name, source)
    if rule.where is not None and not kind.where:
        raise _error(name, f"'where' in a {name} rule", ["no 'where': it is not about rows"], source)
    check_options(rule, kind.options, options, source)


def check_analyzer(rule: Rule, name: Token, options: Options, source: str) -> None:
    """Check type, parameters and options of an analyzer."""
    kind = _rule_type(name, source)
    if kind.use == "rule":
        usable = ", ".join(known for known, other in RULE_TYPES.items() if other.use != "rule")
        raise _error(name, f"'{name}' as an analyzer", [f"one of {usable}; {name} belongs under Rules"], source)
    _check_parameters(rule, kind, name, source)
    check_options(rule, kind.options, options, source)


def check_call(call: Call, name: Token, source: str) -> None:
    """Check a function's name and number of arguments."""
    if call.name not in FUNCTIONS:
        expected = _close(call.name, FUNCTIONS) or [f"one of {', '.join(FUNCTIONS)}"]
        raise _error(name, f"the unknown function '{name}'", expected, source)
    fewest, most = FUNCTIONS[call.name]
    if not fewest <= len(call.arguments) <= most:
        wanted = f"{fewest} argument(s)" if fewest == most else f"{fewest} to {most} arguments"
        raise _error(name, f"{call.name}() with {len(call.arguments)} argument(s)", [wanted], source)


def with_labels(node: Node, labels: tuple[tuple[str, str], ...], source: str) -> Node:
    """The node with these labels under its own; AWS's limits are checked."""
    keys = [key for key, _ in labels]
    problem = ""
    if len(set(keys)) < len(keys):
        problem = "a label key given twice"
    for key, value in labels:
        if not key or len(key) > MAX_KEY or len(value) > MAX_VALUE:
            problem = f"the label {key!r} with {len(value)} characters"
    merged = {**dict(labels), **dict(node.labels)}
    if len(merged) > MAX_LABELS:
        problem = f"{len(merged)} labels on one rule"
    if problem:
        limits = f"at most {MAX_LABELS} labels, keys of 1-{MAX_KEY} and values of 0-{MAX_VALUE} characters"
        raise DqdlSyntaxError(max(node.line, 1), 1, problem, [limits], source)
    return replace(node, labels=tuple(merged.items()))


def _rule_type(name: Token, source: str) -> RuleType:
    known = ALIASES.get(str(name), str(name))
    if known in RULE_TYPES:
        return RULE_TYPES[known]
    expected = _close(str(name), RULE_TYPES) or ["a rule type of DQDL, such as IsComplete"]
    raise _error(name, f"the unknown rule type '{name}'", expected, source)


def _check_parameters(rule: Rule, kind: RuleType, name: Token, source: str) -> None:
    fewest, most = kind.parameters
    count = len(rule.parameters)
    # A missing comma makes the next rule look like parameters of this one; `and` without parentheses likewise.
    watches = rule.rule_type == "DetectAnomalies"
    swallowed = next((p.value for p in rule.parameters[watches:] if not p.quoted and p.value in RULE_TYPES), None)
    if swallowed:
        expected = f"',' before {swallowed}, or (...) and (...) around the parts of one rule"
        raise _error(name, f"'{swallowed}' among the parameters of {name}", [expected], source)
    if fewest <= count <= most:
        return
    sql = next((p.value for p in rule.parameters if not p.quoted and p.value.lower() in FROM_SQL), None)
    if sql:
        raise _error(name, f"'{sql}' in a {name} rule", [FROM_SQL[sql.lower()]], source)
    if rule.rule_type == "CustomSql" and count > 1:
        expected = 'one SQL statement in double quotes; quotes inside it as \\" or as single quotes'
        raise _error(name, f"{name} with {count} parts", [expected], source)
    amount = str(fewest) if fewest == most else f"{fewest} to {most}" if most < MANY else f"at least {fewest}"
    raise _error(name, f"{name} with {count} parameter(s)", [f"{amount} {kind.takes}(s)"], source)


def _check_condition(rule: Rule, kind: RuleType, name: Token, source: str) -> None:
    if rule.rule_type == "FileMatch":
        _check_file_match(rule, name, source)
    elif kind.condition == "required" and rule.condition is None:
        raise _error(name, f"'{rule.text}' without a condition", ["a condition, such as '> 0.9'"], source)
    elif kind.condition == "none" and rule.condition is not None:
        raise _error(name, f"a condition after '{name}'", [f"no condition: {name} is true or false"], source)


def _check_file_match(rule: Rule, name: Token, source: str) -> None:
    """Either files and their checksums, or two paths."""
    listed = rule.condition is not None and rule.condition.operator == "in"
    if (listed and len(rule.parameters) < 2) or (rule.condition is None and len(rule.parameters) == 2):
        return
    forms = ['FileMatch "path" in ["checksum"]', 'FileMatch "path" "other path"']
    raise _error(name, f"'{rule.text}'", forms, source)


def _check_watched(rule: Rule, name: Token, source: str) -> None:
    """DetectAnomalies names a rule type, and what that type takes."""
    watched = ALIASES.get(rule.values[0], rule.values[0])
    if watched not in METRICS:
        expected = _close(watched, METRICS) or [f"one of {', '.join(METRICS)}"]
        raise _error(name, f"DetectAnomalies of '{rule.values[0]}'", expected, source)
    fewest, most = RULE_TYPES[watched].parameters
    if not fewest <= len(rule.values) - 1 <= most:
        expected = [f"{fewest} {RULE_TYPES[watched].takes}(s) after it, as {watched} takes"]
        raise _error(name, f"DetectAnomalies of {watched} with {len(rule.values) - 1}", expected, source)


def _close(name: str, known: Iterable[str]) -> list[str]:
    by_lower = {word.lower(): word for word in known}
    return [by_lower[match] for match in difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)]


def _error(token: Token, found: str, expected: list[str], source: str) -> DqdlSyntaxError:
    return DqdlSyntaxError(token.line or 1, token.column or 1, found, expected, source)
