"""Errors of the quality rules."""

from __future__ import annotations

from collections.abc import Sequence

from etl.errors import PipelineError


class DqdlSyntaxError(PipelineError):
    """A ruleset is not written in DQDL.

    Args:
        line: line of the fault, from 1.
        column: column of the fault, from 1.
        found: what stands there.
        expected: what could stand there instead.
        source: the ruleset's text, for the excerpt in the message.
    """

    def __init__(self, line: int, column: int, found: str, expected: Sequence[str], source: str) -> None:
        self.line = line
        self.column = column
        self.found = found
        self.expected = list(expected)
        super().__init__(
            f"line {line}, column {column}: found {found}; expected {_join(self.expected)}"
            f"{_excerpt(source, line, column)}"
        )


class RuleError(PipelineError):
    """One rule cannot be evaluated; the others go on. The message becomes the rule's message."""


def _join(options: Sequence[str]) -> str:
    if len(options) < 2:
        return "".join(options)
    return f"{', '.join(options[:-1])} or {options[-1]}"


def _excerpt(source: str, line: int, column: int) -> str:
    """The faulty line with a caret under the fault; nothing when the line is empty."""
    lines = source.splitlines()
    if not 1 <= line <= len(lines) or not lines[line - 1].strip():
        return ""
    start = max(0, column - 60)
    return f"\n  {lines[line - 1][start : start + 120]}\n  {' ' * (column - 1 - start)}^"
