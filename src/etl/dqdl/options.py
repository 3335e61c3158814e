"""What ``with`` sets: which options a rule type takes, and which values. Errors are told when the text is parsed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from lark import Token

from etl.dqdl.errors import DqdlSyntaxError
from etl.dqdl.model import Call, Condition, Items, Keyword, Number, Rule, Text

HASHES = ("MD5", "SHA-1", "SHA-256")
FILTER_OPTIONS = ("recentFiles", "uriRegex")
MAX_BINS = 20  # AWS's limit


def check_options(rule: Rule, allowed: Sequence[str], options: Sequence[tuple[Token, Condition]], source: str) -> None:
    """Check names and values of a rule's options.

    Raises:
        DqdlSyntaxError: an option is not one of the rule type's, stands twice, or has a value that it can't have.
    """
    for position, (name, condition) in enumerate(options):
        problem, expected = _problem(rule, str(name), condition, allowed)
        if name in [other for other, _ in options[:position]]:
            problem, expected = "an option given twice", "each option once"
        if problem:
            place = name.line or 1, name.column or 1
            raise DqdlSyntaxError(*place, f"'with {name}' {problem}".strip(), [expected], source)


def _problem(rule: Rule, name: str, condition: Condition, allowed: Sequence[str]) -> tuple[str, str]:
    """What is wrong with an option, and what would be right; two empty texts when it is right."""
    if name not in allowed:
        close = difflib.get_close_matches(name, allowed, n=1)
        listed = ", ".join(f"'with {option}'" for option in allowed)
        expected = f"'with {close[0]}'" if close else listed or "no option: it takes none"
        return f"in a {rule.rule_type} rule", expected
    if name == "threshold":
        return _threshold_problem(condition)
    if condition.operator != "=":
        return str(condition), f"'with {name} = ...'"
    accepts, expected = VALUES[name]
    if not accepts(condition):
        return str(condition), expected
    if name == "filterOrder":
        return _order_problem(rule)
    return "", ""


def _threshold_problem(condition: Condition) -> tuple[str, str]:
    """A threshold is a share: numbers, or what ``last()`` makes of them."""
    operand = condition.operands[0] if condition.operands else None
    if condition.operator.endswith(("matches", "in")) or isinstance(operand, (Text, Keyword, Items)):
        return str(condition), "a share from 0 to 1, such as '> 0.9' or 'between 0.2 and 0.9'"
    return "", ""


def _order_problem(rule: Rule) -> tuple[str, str]:
    given = [name for name in FILTER_OPTIONS if name in dict(rule.options)]
    named = rule.option_items("filterOrder")
    if sorted(named) == sorted(given):
        return "", ""
    return f"= {named}", f"all filters of the rule and no others: {given}"


def _whole(condition: Condition, most: int | None = None) -> bool:
    operand = condition.operands[0]
    text = operand.value if isinstance(operand, Text) else str(operand) if isinstance(operand, Number) else ""
    return text.isdecimal() and int(text) > 0 and (most is None or int(text) <= most)


def _text(condition: Condition) -> str | None:
    operand = condition.operands[0]
    return operand.value if isinstance(operand, Text) else None


def _truth(condition: Condition) -> bool:
    operand = condition.operands[0]
    word = operand.value if isinstance(operand, Text) else operand.name if isinstance(operand, (Keyword, Call)) else ""
    return word.lower() in ("true", "false")


def _pattern(condition: Condition) -> bool:
    try:
        re.compile(_text(condition) or "(")
    except re.error:
        return False
    return True


def _zone(condition: Condition) -> bool:
    try:
        ZoneInfo(_text(condition) or "/")
    except (KeyError, ValueError, OSError):
        return False
    return True


# option -> what its value must be, and how to say so
VALUES: dict[str, tuple[Callable[[Condition], bool], str]] = {
    "bins": (lambda condition: _whole(condition, MAX_BINS), f"a whole number from 1 to {MAX_BINS}"),
    "failFast": (_truth, '"true" or "false"'),
    "filterOrder": (lambda condition: isinstance(condition.operands[0], Items), '["uriRegex", "recentFiles"]'),
    "format": (lambda condition: bool(_text(condition)), 'a date pattern of Spark in quotes, such as "dd/MM/yyyy"'),
    "hashAlgorithm": (lambda condition: _text(condition) in HASHES, " or ".join(f'"{name}"' for name in HASHES)),
    "ignoreCase": (_truth, '"true" or "false"'),
    "matchFileName": (_truth, '"true" or "false"'),
    "rebin": (_truth, "true or false"),
    "recentFiles": (_whole, "a whole number from 1"),
    "timeZone": (_zone, 'a time zone in quotes, such as "Europe/Paris"'),
    "uriRegex": (_pattern, "a regular expression in quotes"),
}
