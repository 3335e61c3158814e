"""Reads the basics of DQDL, AWS's language of data quality rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedInput

# Kind of rule -> fewest and most columns.
KINDS: dict[str, tuple[int, int]] = {
    "RowCount": (0, 0), "ColumnCount": (0, 0), "ColumnExists": (1, 1), "IsComplete": (1, 1), "Completeness": (1, 1),
    "IsUnique": (1, 9), "IsPrimaryKey": (1, 9), "Uniqueness": (1, 9), "DistinctValuesCount": (1, 1),
    "ColumnValues": (1, 1), "ColumnLength": (1, 1), "ColumnDataType": (1, 1), "Mean": (1, 1), "Sum": (1, 1),
    "StandardDeviation": (1, 1), "CustomSql": (1, 1),
}  # fmt: skip
_WITHOUT_CONDITION = {"ColumnExists", "IsComplete", "IsUnique", "IsPrimaryKey"}
NOW = object()


@dataclass(frozen=True)
class Condition:
    """What a value must be.

    Attributes:
        operator: = != < <= > >= between in matches.
        values: what it is compared with: int, float, str or NOW.
        negated: ``not in``, ``not matches``.
    """

    operator: str
    values: tuple[Any, ...]
    negated: bool = False


@dataclass(frozen=True)
class Rule:
    """A rule.

    Attributes:
        text: as it was written.
        kind: a name of KINDS.
        columns: what it is about; the query of a CustomSql.
        condition: what must be true of it.
        where: SQL; only rows for which it is true are looked at.
        threshold: which share of the rows must meet the condition; None for all.
    """

    text: str
    kind: str
    columns: tuple[str, ...]
    condition: Condition | None = None
    where: str = ""
    threshold: Condition | None = None

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values that the rule admits, when it lists them."""
        condition = self.condition
        listed = condition is not None and condition.operator in ("in", "=") and not condition.negated
        return condition.values if condition and listed and NOW not in condition.values else ()

    @property
    def pattern(self) -> str:
        """The regular expression that the rule demands, or ""."""
        condition = self.condition
        return (
            str(condition.values[0]) if condition and condition.operator == "matches" and not condition.negated else ""
        )

    def limits(self) -> tuple[float | None, float | None]:
        """The least and the greatest number that the rule admits, as far as it says so."""
        condition = self.condition
        if condition is None or not all(isinstance(value, int | float) for value in condition.values):
            return None, None
        first = condition.values[0]
        # Strict limits are moved inwards by one: whole numbers between 0 and 10 are 1 to 9.
        return {
            "=": (first, first),
            ">": (first + 1, None),
            ">=": (first, None),
            "<": (None, first - 1),
            "<=": (None, first),
            "between": (first + 1, condition.values[-1] - 1),
        }.get(condition.operator, (None, None))


@dataclass(frozen=True)
class Ruleset:
    """Rules, and those that can't be read here, each with its reason."""

    rules: tuple[Rule, ...] = ()
    unsupported: tuple[tuple[str, str], ...] = ()


def parse_rules(text: str) -> Ruleset:
    """Rules of a text: ``Rules = [ … ]``, or rules one after another, separated by commas."""
    body = re.sub(r"(?m)^\s*#.*$", "", text).strip()
    if listed := re.fullmatch(r"Rules\s*=\s*\[(.*)\]", body, re.DOTALL):
        body = listed[1]
    rules, unsupported = [], []
    for part in _split(body):
        rule = parse_rule(part)
        if isinstance(rule, Rule):
            rules.append(rule)
        else:
            unsupported.append((part, rule))
    return Ruleset(tuple(rules), tuple(unsupported))


def parse_rule(text: str) -> Rule | str:
    """One rule, or why it can't be read here."""
    try:
        rule: Rule = _Reader(text).transform(_parser().parse(text))
    except UnexpectedInput as error:
        return f"can't be read from column {getattr(error, 'column', 1)}; docs/rules.md says which rules can"
    if rule.kind not in KINDS:
        return f"{rule.kind} is not supported; these are: {', '.join(KINDS)}"
    least, most = KINDS[rule.kind]
    if not least <= len(rule.columns) <= most:
        return (
            f"{rule.kind} takes {least}{f' to {most}' if most != least else ''} quoted names, not {len(rule.columns)}"
        )
    if rule.condition is None and rule.kind not in _WITHOUT_CONDITION:
        return f"{rule.kind} needs a condition, such as > 0"
    return rule


@cache
def _parser() -> Lark:
    grammar = resources.files("glue_health_check").joinpath("data/dqdl.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="earley", lexer="dynamic")


def _split(text: str) -> Iterator[str]:
    """Parts between commas that stand in no brackets and no quotes."""
    depth, start, quoted, skip = 0, 0, False, False
    for end, sign in enumerate(text):
        if skip:
            skip = False
        elif quoted and sign == "\\":
            skip = True
        elif sign == '"':
            quoted = not quoted
        elif not quoted and sign in "[(":
            depth += 1
        elif not quoted and sign in "])":
            depth -= 1
        elif not quoted and sign == "," and depth == 0:
            yield text[start:end].strip()
            start = end + 1
    if text[start:].strip():
        yield text[start:].strip()


class _Reader(Transformer[Token, Any]):
    """Makes a rule of a tree."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def start(self, items: list[Any]) -> Rule:
        kind, *rest = items
        columns = tuple(item for item in rest if isinstance(item, str))
        conditions = [item for item in rest if isinstance(item, Condition)]
        named: dict[str, Any] = dict(item for item in rest if isinstance(item, tuple))
        return Rule(
            self._text,
            str(kind),
            columns,
            conditions[0] if conditions else None,
            named.get("where", ""),
            named.get("threshold"),
        )

    def filter(self, items: list[Any]) -> tuple[str, str]:
        return "where", items[0]

    def option(self, items: list[Any]) -> tuple[str, Condition]:
        return "threshold", items[0]

    def comparison(self, items: list[Any]) -> Condition:
        return Condition(str(items[0]), (items[1],))

    def between(self, items: list[Any]) -> Condition:
        return Condition("between", tuple(items))

    def in_list(self, items: list[Any]) -> Condition:
        negated = isinstance(items[0], Token)
        return Condition("in", tuple(items[1:] if negated else items), negated)

    def matches(self, items: list[Any]) -> Condition:
        return Condition("matches", (items[-1],), isinstance(items[0], Token))

    def string(self, items: list[Any]) -> str:
        return re.sub(r'\\(["\\])', r"\1", items[0][1:-1])

    def number(self, items: list[Any]) -> int | float:
        text = str(items[0])
        return int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text)

    def word(self, items: list[Any]) -> str:
        return str(items[0])

    def now(self, items: list[Any]) -> object:
        return NOW
