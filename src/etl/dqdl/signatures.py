"""Checks of one parsed rule against what its type takes. All raise DqdlSyntaxError."""

from __future__ import annotations

import difflib
from dataclasses import replace

from lark import Token

from etl.dqdl.catalog import MANY, RULE_TYPES, RuleType
from etl.dqdl.errors import DqdlSyntaxError
from etl.dqdl.model import Call, Node, Rule

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


def check_rule(rule: Rule, name: Token, source: str) -> None:
    """Check type, parameters, condition, where and options of a rule."""
    kind = _rule_type(name, source)
    if kind.analyzer:
        raise _error(name, f"'{name}' as a rule", [f"'{name}' under Analyzers only"], source)
    _check_parameters(rule, kind, name, source)
    if kind.condition == "required" and rule.condition is None:
        raise _error(name, f"'{rule.text}' without a condition", ["a condition, such as '> 0.9'"], source)
    if kind.condition == "none" and rule.condition is not None:
        raise _error(name, f"a condition after '{name}'", [f"no condition: {name} is true or false"], source)
    if rule.where is not None and not kind.where:
        raise _error(name, f"'where' in a {name} rule", ["no 'where': it is about the whole dataset"], source)
    if rule.threshold and not kind.threshold:
        raise _error(name, f"'with threshold' in a {name} rule", ["no threshold here"], source)
    names = [option for option, _ in rule.options]
    if len(set(names)) < len(names):
        raise _error(name, f"an option given twice: {', '.join(names)}", ["each option once"], source)


def check_analyzer(rule: Rule, name: Token, source: str) -> None:
    """Check type and parameters of an analyzer."""
    _check_parameters(rule, _rule_type(name, source), name, source)


def check_call(call: Call, name: Token, source: str) -> None:
    """Check a function's name and number of arguments."""
    if call.name not in FUNCTIONS:
        raise _error(name, f"the unknown function '{name}'", [f"one of {', '.join(FUNCTIONS)}"], source)
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
    if str(name) in RULE_TYPES:
        return RULE_TYPES[str(name)]
    by_lower = {known.lower(): known for known in RULE_TYPES}
    close = difflib.get_close_matches(str(name).lower(), by_lower, n=3, cutoff=0.6)
    expected = [by_lower[match] for match in close] or ["a rule type of DQDL, such as IsComplete"]
    raise _error(name, f"the unknown rule type '{name}'", expected, source)


def _check_parameters(rule: Rule, kind: RuleType, name: Token, source: str) -> None:
    fewest, most = kind.parameters
    count = len(rule.parameters)
    # A missing comma makes the next rule look like parameters of this one.
    swallowed = next((p.value for p in rule.parameters if not p.quoted and p.value in RULE_TYPES), None)
    if swallowed:
        raise _error(name, f"'{swallowed}' among the parameters of {name}", [f"',' before {swallowed}"], source)
    if fewest <= count <= most:
        return
    amount = str(fewest) if fewest == most else f"{fewest} to {most}" if most < MANY else f"at least {fewest}"
    raise _error(name, f"{name} with {count} parameter(s)", [f"{amount} {kind.takes}(s)"], source)


def _error(token: Token, found: str, expected: list[str], source: str) -> DqdlSyntaxError:
    return DqdlSyntaxError(token.line or 1, token.column or 1, found, expected, source)
