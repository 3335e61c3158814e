"""Errors of connectors. Each says what is wrong, where, and what would be right."""

from __future__ import annotations

from collections.abc import Sequence


class ConnectorError(Exception):
    """Base of every error that a connector raises on purpose."""


class ConfigurationError(ConnectorError):
    """One or more connector files are wrong.

    Args:
        problems: one line per problem, each naming file, field, and what would be right.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        super().__init__(f"{len(self.problems)} problem(s) in the connectors:\n{lines}")


class CredentialsError(ConnectorError):
    """A secret can't be read, or does not hold what its connector needs; its text is never repeated."""


class SourceError(ConnectorError):
    """The source can't be reached, refuses, or answers with something other than it should."""


class BusyError(ConnectorError):
    """Another run of the same connector is at work."""


class LeaseLostError(ConnectorError):
    """This run lost its connector to another one, and writes nothing more."""
