"""The commands of the pages, read as a shell reads them, each with its place and its rule (documented_commands.yml)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import tree_sitter_bash
import yaml
from tests.pages import Found, Page, all_pages
from tree_sitter import Language, Node, Parser

SHELLS = {"bash", "sh", "shell", "console"}
RULES = Path(__file__).with_name("documented_commands.yml")
QUOTED = {"string", "raw_string"}
NOT_ARGUMENTS = {"variable_assignment", "file_redirect", "herestring_redirect", "heredoc_redirect"}


@dataclass(frozen=True)
class Statement:
    """What a reader types, up to the end of its line: a command, a pipeline, a loop."""

    found: Found
    node: Node
    variables: dict[str, str]

    def __str__(self) -> str:
        return str(self.found)

    @property
    def text(self) -> str:
        """As it stands on the page."""
        return self.found.text

    @property
    def one_line(self) -> str:
        """As rules meet it: lines that go on are joined, blanks are single."""
        return " ".join(self.text.replace("\\\n", " ").split())

    @property
    def faulty(self) -> bool:
        """Whether it is no bash."""
        return self.node.has_error

    def commands(self) -> Iterator[list[str]]:
        """Every command within it as a list of arguments, those of pipelines and substitutions among them."""
        nodes = [self.node]
        while nodes:
            node = nodes.pop()
            nodes.extend(node.children)
            if node.type == "command" and (words := list(self._words(node))):
                yield words

    def _words(self, command: Node) -> Iterator[str]:
        for child in command.named_children:
            if child.type in NOT_ARGUMENTS:
                continue
            text = _text(child)
            known = self.variables.get(text.removeprefix("$")) if text.startswith("$") else None
            yield from known.split() if known else [text[1:-1] if child.type in QUOTED else text]


@dataclass(frozen=True)
class Rule:
    """How the commands that meet one of its patterns are held true."""

    how: str
    patterns: tuple[re.Pattern[str], ...]
    why: str = ""
    tests: tuple[str, ...] = ()

    def takes(self, statement: Statement) -> bool:
        """Whether it is about this statement."""
        return any(pattern.fullmatch(statement.one_line) for pattern in self.patterns)


@dataclass(frozen=True)
class CommandPage:
    """The statements of a page, in the order of reading."""

    page: Page

    def __str__(self) -> str:
        return str(self.page)

    @cached_property
    def statements(self) -> list[Statement]:
        """All of them; variables that a block sets are known in the rest of it."""
        return [one for block in self.page.blocks if block.kind in SHELLS for one in _statements(block)]


def _statements(block: Found) -> Iterator[Statement]:
    variables: dict[str, str] = {}
    for node in Parser(Language(tree_sitter_bash.language())).parse(block.text.encode()).root_node.named_children:
        if node.type == "comment":
            continue
        if node.type == "variable_assignment":
            name, _, value = _text(node).partition("=")
            variables[name] = value.strip("'\"")
        yield Statement(Found(block.page, block.line + node.start_point.row, _text(node)), node, dict(variables))


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def command_pages() -> list[CommandPage]:
    """The pages that have commands."""
    return [page for page in map(CommandPage, all_pages()) if page.statements]


@cache
def rules() -> tuple[Rule, ...]:
    """The rules in their order: the first that takes a statement counts."""
    return tuple(
        Rule(
            entry["how"],
            tuple(re.compile(pattern) for pattern in entry["commands"]),
            entry.get("why", ""),
            tuple(entry.get("tests", ())),
        )
        for entry in yaml.safe_load(RULES.read_text())
    )


def rule_of(statement: Statement) -> Rule | None:
    """The rule that says how a statement is held true; None for one that nobody has thought of."""
    return next((rule for rule in rules() if rule.takes(statement)), None)
