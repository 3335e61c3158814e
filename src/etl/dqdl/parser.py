"""DQDL text -> :class:`etl.dqdl.model.Ruleset`. The grammar is ``dqdl.lark`` beside this file."""

from __future__ import annotations

import pkgutil
import re
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from lark import Lark, Token, Transformer, Tree
from lark.exceptions import UnexpectedInput, VisitError

from etl.dqdl import signatures
from etl.dqdl.catalog import ALIASES
from etl.dqdl.errors import DqdlSyntaxError
from etl.dqdl.mistakes import syntax_error
from etl.dqdl.model import (
    Arithmetic,
    Call,
    Composite,
    Condition,
    Expression,
    Items,
    Keyword,
    Negative,
    Node,
    Number,
    Parameter,
    Quantity,
    Rule,
    Ruleset,
    Text,
)


def parse_ruleset(text: str) -> Ruleset:
    """Parse a DQDL document.

    Args:
        text: the document, with ``Rules = [...]``, ``Analyzers = [...]`` or both.

    Raises:
        DqdlSyntaxError: it is not DQDL; the message has line, column, what was found and expected.
    """
    try:
        tree = _lark().parse(text)
    except UnexpectedInput as error:
        raise syntax_error(error, text) from None
    try:
        return _Builder(text, _constants(tree, text)).transform(tree)  # type: ignore[no-any-return]
    except VisitError as error:
        if isinstance(error.orig_exc, DqdlSyntaxError):
            raise error.orig_exc from None
        raise


@lru_cache(maxsize=1)
def _lark() -> Lark:
    # By pkgutil, not by path: on Glue the library is imported from a zip.
    grammar = pkgutil.get_data("etl.dqdl", "dqdl.lark")
    if grammar is None:
        raise FileNotFoundError("the grammar etl/dqdl/dqdl.lark is missing from the package")
    return Lark(grammar.decode("utf-8"), parser="lalr", maybe_placeholders=True)


def _unquote(token: str) -> str:
    """Strip the quotes; ``\\"`` becomes a quote, every other backslash stays (regular expressions)."""
    return re.sub(r"\\(.)", lambda m: '"' if m[1] == '"' else m[0], token[1:-1], flags=re.DOTALL)


def _constants(tree: Tree[Token], text: str) -> dict[str, Any]:
    """``name = "text"`` and ``name = [..]`` of the document; a constant may use one above it."""
    constants: dict[str, Any] = {}
    for node in tree.children:
        if isinstance(node, Tree) and node.data == "variable":
            name, value = node.children
            try:
                constants[str(name)] = _Builder(text, constants).transform(value)  # type: ignore[arg-type]
            except VisitError as error:
                raise error.orig_exc from None
    return constants


Options = list[tuple[Token, Condition]]


@dataclass(frozen=True)
class _Another:
    """An option that a comma joins to the analyzer before it."""

    name: Token
    value: Condition


def _named(options: Options) -> tuple[tuple[str, Condition], ...]:
    return tuple((str(name), value) for name, value in options)


def _type_name(name: Token) -> str:
    return ALIASES.get(str(name), str(name))


class _Builder(Transformer[Token, Any]):
    """Turns lark's tree into the model, and checks every rule against its type's signature."""

    def __init__(self, source: str, constants: dict[str, Any]) -> None:
        super().__init__()
        self._source = source
        self._constants = constants
        self._place = (1, 1)  # of the last constant used, for messages about it

    # -- document
    def start(self, sections: list[tuple[str, Any]]) -> Ruleset:
        parts: dict[str, Any] = {}
        for name, value in sections:
            if name in parts:
                raise _second_section(name, self._source)
            if name:
                parts[name] = value
        rules, analyzers = parts.get("Rules", ()), parts.get("Analyzers", ())
        if not rules and not analyzers:
            raise _end_of_document(self._source)
        defaults = parts.get("DefaultLabels", ())
        return Ruleset(
            tuple(signatures.with_labels(rule, defaults, self._source) for rule in rules),
            tuple(analyzers),
            parts.get("Metadata", {}),
            parts.get("DataSources", {}),
        )

    def metadata(self, children: list[Any]) -> tuple[str, Any]:
        return "Metadata", children[0]

    def data_sources(self, children: list[Any]) -> tuple[str, Any]:
        return "DataSources", children[0]

    def default_labels(self, children: list[Any]) -> tuple[str, Any]:
        return "DefaultLabels", children[0]

    def variable(self, _: list[Any]) -> tuple[str, Any]:
        return "", None

    def rules(self, children: list[Node | None]) -> tuple[str, Any]:
        return "Rules", tuple(child for child in children if child is not None)

    def analyzers(self, children: list[Any]) -> tuple[str, Any]:
        analyzers: list[tuple[Rule, Token, Options]] = []
        for child in children:
            if isinstance(child, _Another):
                rule, name, options = analyzers.pop()
                analyzers.append((rule, name, [*options, (child.name, child.value)]))
            elif child is not None:
                analyzers.append(child)
        return "Analyzers", tuple(self._analyzer(*analyzer) for analyzer in analyzers)

    def _analyzer(self, rule: Rule, name: Token, options: Options) -> Rule:
        rule = replace(rule, options=_named(options))
        signatures.check_analyzer(rule, name, options, self._source)
        return rule

    def dictionary(self, children: list[Any]) -> dict[str, Any]:
        return dict(child for child in children if child is not None)

    def pair(self, children: list[Any]) -> tuple[str, Any]:
        key, value = children
        return key.value, value if isinstance(value, list) else value.value

    def texts(self, children: list[Any]) -> list[str]:
        return [child.value for child in children if child is not None]

    # -- rules
    def rule(self, children: list[Any]) -> Node:
        node, labels = children
        return signatures.with_labels(node, labels or (), self._source) if labels else node

    def conjunction(self, children: list[Node]) -> Composite:
        return Composite("and", tuple(children), line=children[0].line)

    def disjunction(self, children: list[Node]) -> Composite:
        return Composite("or", tuple(children), line=children[0].line)

    def simple(self, children: list[Any]) -> Rule:
        (name, parameters), condition, where, *options = children
        rule = Rule(_type_name(name), parameters, condition, where, _named(options), line=name.line)
        signatures.check_rule(rule, name, options, self._source)
        return rule

    def analyzer(self, children: list[Any]) -> tuple[Rule, Token, Options]:
        (name, parameters), *options = children
        return Rule(_type_name(name), parameters, line=name.line), name, options

    def head(self, children: list[Any]) -> tuple[Token, tuple[Parameter, ...]]:
        return children[0], tuple(children[1:])

    def parameter(self, children: list[Any]) -> Parameter:
        value = children[0]
        if isinstance(value, Text):
            return Parameter(value.value)
        if isinstance(value, tuple):
            raise self._wrong("a list constant", "a text constant")
        return Parameter(str(value), quoted=False)

    def filter(self, children: list[Any]) -> str:
        return self._text(children[-1])

    def option(self, children: list[Any]) -> tuple[Token, Condition]:
        return children[0], children[1]

    def another_option(self, children: list[Any]) -> _Another:
        return _Another(children[0], children[1])

    def word(self, children: list[Token]) -> Condition:
        return Condition("=", (Keyword(str(children[1])),))

    def listing(self, children: list[Any]) -> Condition:
        return Condition("=", (Items(children[1]),))

    def label_list(self, children: list[Any]) -> tuple[tuple[str, str], ...]:
        return children[0]  # type: ignore[no-any-return]

    def labels(self, children: list[Any]) -> tuple[tuple[str, str], ...]:
        return tuple(child for child in children if child is not None)

    def label(self, children: list[Any]) -> tuple[str, str]:
        key, value = children
        if isinstance(value, Token) and str(value).upper() != "NULL":
            place = value.line or 1, value.column or 1
            raise DqdlSyntaxError(*place, f"'{value}' as a label's value", ["a quoted string or null"], self._source)
        return key.value, "" if isinstance(value, Token) else value.value

    # -- conditions
    def comparison(self, children: list[Any]) -> Condition:
        return Condition(str(children[0]), (self._single(children[1]),))

    def between(self, children: list[Any]) -> Condition:
        return Condition("between", tuple(map(self._single, children)))

    def not_between(self, children: list[Any]) -> Condition:
        return Condition("not between", tuple(map(self._single, children)))

    def in_list(self, children: list[Any]) -> Condition:
        return Condition("in", self._list(children[0]))

    def not_in_list(self, children: list[Any]) -> Condition:
        return Condition("not in", self._list(children[0]))

    def matches(self, children: list[Any]) -> Condition:
        return Condition("matches", (Text(self._text(children[0])),))

    def not_matches(self, children: list[Any]) -> Condition:
        return Condition("not matches", (Text(self._text(children[0])),))

    def items(self, children: list[Any]) -> tuple[Expression, ...]:
        expressions: list[Expression] = []
        for child in children:
            expressions.extend(child if isinstance(child, tuple) else [] if child is None else [child])
        return tuple(expressions)

    # -- expressions
    def arithmetic(self, children: list[Any]) -> Arithmetic:
        left, operator, right = children
        return Arithmetic(str(operator), self._single(left), self._single(right))

    def negative(self, children: list[Any]) -> Expression:
        operand = self._single(children[0])
        return Number(-operand.value) if isinstance(operand, Number) else Negative(operand)

    def quantity(self, children: list[Any]) -> Quantity:
        return Quantity(children[0].value, str(children[1]))

    def keyword(self, children: list[Token]) -> Keyword:
        return Keyword(str(children[0]).upper())

    def call(self, children: list[Any]) -> Call:
        name, *arguments = children
        call = Call(str(name), tuple(self._single(argument) for argument in arguments if argument is not None))
        signatures.check_call(call, name, self._source)
        return call

    def number(self, children: list[Token]) -> Number:
        return Number(Decimal(str(children[0])))

    def string(self, children: list[Token]) -> Text:
        return Text(_unquote(str(children[0])))

    def reference(self, children: list[Token]) -> Any:
        name = children[0]
        if str(name) not in self._constants:
            known = ", ".join(f"${constant}" for constant in self._constants) or "no constants are defined"
            raise DqdlSyntaxError(
                name.line or 1, name.column or 1, f"the unknown constant ${name}", [known], self._source
            )
        self._place = (name.line or 1, name.column or 1)
        return self._constants[str(name)]

    def _single(self, value: Any) -> Expression:
        if isinstance(value, tuple):
            raise self._wrong("a list constant", "a single value here")
        return value  # type: ignore[no-any-return]

    def _list(self, value: Any) -> tuple[Expression, ...]:
        if not isinstance(value, tuple):
            raise self._wrong(f"the constant {value}", "a list constant after 'in'")
        return value

    def _text(self, value: Any) -> str:
        if not isinstance(value, Text):
            raise self._wrong("a list constant", "a text constant")
        return value.value

    def _wrong(self, found: str, expected: str) -> DqdlSyntaxError:
        return DqdlSyntaxError(*self._place, found, [expected], self._source)


def _second_section(name: str, source: str) -> DqdlSyntaxError:
    start = [match.start() for match in re.finditer(rf"\b{name}\s*=", source)][-1]
    line, column = source.count("\n", 0, start) + 1, start - source.rfind("\n", 0, start)
    return DqdlSyntaxError(line, column, f"a second '{name}' section", [f"one '{name}' section"], source)


def _end_of_document(source: str) -> DqdlSyntaxError:
    expected = ["'Rules = [ ... ]' with at least one rule, or 'Analyzers = [ ... ]'"]
    return DqdlSyntaxError(1, 1, "a document without rules and analyzers", expected, source)
