"""What a parsed ruleset consists of. ``str()`` of each part is DQDL again, on one line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

COMMA_OPTIONS = ("Distribution",)


@dataclass(frozen=True)
class Number:
    """A number as written; decimal, so that 0.1 stays 0.1."""

    value: Decimal

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True)
class Text:
    """A quoted string. Only ``\\"`` is unescaped: other backslashes belong to regular expressions."""

    value: str

    def __str__(self) -> str:
        return quote(self.value)


@dataclass(frozen=True)
class Quantity:
    """A number with a unit of time (minutes, hours, days) or of size (B, KB, MB, GB, TB)."""

    value: Decimal
    unit: str

    def __str__(self) -> str:
        return f"{self.value} {self.unit}"


@dataclass(frozen=True)
class Keyword:
    """NULL, EMPTY or WHITESPACES_ONLY; as the value of an option also another bare word, such as true."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Call:
    """A function: now, last, avg, min, max, sum, std, median, percentile, index, abs."""

    name: str
    arguments: tuple[Expression, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(str(argument) for argument in self.arguments)})"


@dataclass(frozen=True)
class Arithmetic:
    """Two expressions joined by ``+``, ``-``, ``*`` or ``/``."""

    operator: str
    left: Expression
    right: Expression

    def __str__(self) -> str:
        left, right = (f"({x})" if isinstance(x, Arithmetic) else str(x) for x in (self.left, self.right))
        return f"{left} {self.operator} {right}"


@dataclass(frozen=True)
class Negative:
    """An expression with its sign turned."""

    operand: Expression

    def __str__(self) -> str:
        return f"-({self.operand})"


@dataclass(frozen=True)
class Items:
    """A list as the value of an option."""

    items: tuple[Expression, ...]

    def __str__(self) -> str:
        return f"[{', '.join(str(item) for item in self.items)}]"


Expression = Number | Text | Quantity | Keyword | Call | Arithmetic | Negative | Items


@dataclass(frozen=True)
class Condition:
    """An operator and what it compares with, e.g. ``between`` and two expressions."""

    operator: str
    operands: tuple[Expression, ...]

    def __str__(self) -> str:
        operands = [_operand_text(operand) for operand in self.operands]
        if self.operator.endswith("between"):
            return f"{self.operator} {operands[0]} and {operands[1]}"
        if self.operator.endswith("in"):
            return f"{self.operator} [{', '.join(operands)}]"
        return f"{self.operator} {operands[0]}"

    @property
    def dynamic(self) -> bool:
        """True when it looks at earlier runs through ``last()``."""
        return any(_calls(operand, "last") for operand in self.operands)


@dataclass(frozen=True)
class Parameter:
    """A parameter of a rule: mostly a column's name."""

    value: str
    quoted: bool = True

    def __str__(self) -> str:
        return quote(self.value) if self.quoted else self.value


@dataclass(frozen=True)
class Rule:
    """One rule, or one analyzer (an analyzer has no condition)."""

    rule_type: str
    parameters: tuple[Parameter, ...] = ()
    condition: Condition | None = None
    where: str | None = None
    options: tuple[tuple[str, Condition], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    line: int = field(default=0, compare=False)

    @property
    def text(self) -> str:
        """The rule without its labels: the name under which it is reported."""
        parts = [self.rule_type, *map(str, self.parameters)]
        if self.condition:
            parts.append(str(self.condition))
        if self.where is not None:
            parts.append(f"where {quote(self.where)}")
        # AWS joins the options of its one analyzer that has any by commas, and those of rules not at all.
        joined = ", " if self.rule_type in COMMA_OPTIONS else " with "
        if self.options:
            parts.append("with " + joined.join(f"{name} {condition}" for name, condition in self.options))
        return " ".join(parts)

    @property
    def values(self) -> list[str]:
        """The parameters' values."""
        return [parameter.value for parameter in self.parameters]

    @property
    def threshold(self) -> Condition | None:
        """The condition of ``with threshold``."""
        return dict(self.options).get("threshold")

    def option(self, name: str) -> str | None:
        """The value of ``with <name> = <value>`` as text; None without it. Lists are read by :meth:`option_items`."""
        condition = dict(self.options).get(name)
        return None if condition is None else _plain(condition.operands[0])

    def option_items(self, name: str) -> list[str]:
        """The values of ``with <name> = ["a", "b"]``; empty without it."""
        condition = dict(self.options).get(name)
        found = condition.operands[0] if condition else Items(())
        return [_plain(item) for item in found.items] if isinstance(found, Items) else [_plain(found)]

    def switched_on(self, name: str) -> bool:
        """Whether ``with <name> = "true"`` is there, in upper or lower case."""
        return (self.option(name) or "").lower() == "true"

    def leaves(self) -> Iterator[Rule]:
        """The rule itself; a composite gives its parts."""
        yield self

    def __str__(self) -> str:
        return self.text + _labels_text(self.labels)


@dataclass(frozen=True)
class Composite:
    """Rules joined by ``and`` or ``or``."""

    operator: str
    parts: tuple[Rule | Composite, ...]
    labels: tuple[tuple[str, str], ...] = ()
    line: int = field(default=0, compare=False)

    @property
    def text(self) -> str:
        """The rule without its labels."""
        return f" {self.operator} ".join(f"({part.text})" for part in self.parts)

    def leaves(self) -> Iterator[Rule]:
        """All simple rules below, in the order of writing."""
        for part in self.parts:
            yield from part.leaves()

    def __str__(self) -> str:
        return f"({self.text}){_labels_text(self.labels)}" if self.labels else self.text


Node = Rule | Composite


@dataclass(frozen=True)
class Ruleset:
    """A parsed DQDL document. Constants are filled in, default labels merged into each rule."""

    rules: tuple[Node, ...] = ()
    analyzers: tuple[Rule, ...] = ()
    metadata: dict[str, str | list[str]] = field(default_factory=dict)
    data_sources: dict[str, str | list[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        blocks = [
            f"{name} = {_dictionary_text(values)}"
            for name, values in (("Metadata", self.metadata), ("DataSources", self.data_sources))
            if values
        ]
        for name, items in (("Rules", self.rules), ("Analyzers", self.analyzers)):
            if items:
                blocks.append(f"{name} = [\n    " + ",\n    ".join(map(str, items)) + "\n]")
        return "\n\n".join(blocks)


def quote(text: str) -> str:
    """A DQDL string."""
    return '"' + text.replace('"', '\\"') + '"'


def _plain(value: Expression) -> str:
    return value.value if isinstance(value, Text) else str(value)


def _operand_text(operand: Expression) -> str:
    """AWS wants date arithmetic in parentheses."""
    dated = isinstance(operand, Arithmetic) and _calls(operand, "now")
    return f"({operand})" if dated else str(operand)


def _calls(expression: Expression, name: str) -> bool:
    if isinstance(expression, Call):
        return expression.name == name or any(_calls(argument, name) for argument in expression.arguments)
    if isinstance(expression, Arithmetic):
        return _calls(expression.left, name) or _calls(expression.right, name)
    return isinstance(expression, Negative) and _calls(expression.operand, name)


def _labels_text(labels: tuple[tuple[str, str], ...]) -> str:
    if not labels:
        return ""
    return f" labels=[{', '.join(f'{quote(key)}={quote(value)}' for key, value in labels)}]"


def _dictionary_text(values: dict[str, str | list[str]]) -> str:
    pairs = []
    for key, value in values.items():
        text = quote(value) if isinstance(value, str) else f"[{', '.join(map(quote, value))}]"
        pairs.append(f"{quote(key)}: {text}")
    return "{ " + ", ".join(pairs) + " }"
