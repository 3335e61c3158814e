"""A script as static checks see it."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from glue_health_check.errors import MisuseError
from glue_health_check.models import Finding, Severity


@dataclass(frozen=True)
class Source:
    """A script.

    Attributes:
        file: its path as findings show it.
        text: what is in it.
        python: the Python version that will run it.
    """

    file: str
    text: str
    python: tuple[int, int]

    @cached_property
    def parsed(self) -> ast.Module | SyntaxError:
        """The tree, or why there is none. The grammar is that of ``python``, as far as the running Python knows it."""
        try:
            # Python 3.7's grammar is the oldest that ast tells apart.
            return ast.parse(self.text, self.file, feature_version=max(self.python, (3, 7)))
        except SyntaxError as error:
            return error
        except ValueError as error:  # NUL bytes
            return SyntaxError(str(error))

    @property
    def tree(self) -> ast.Module:
        """The tree; an empty one when the script does not parse, which the syntax check tells."""
        return self.parsed if isinstance(self.parsed, ast.Module) else ast.Module([], [])


def read_source(path: Path, python: tuple[int, int]) -> Source:
    """Read a script.

    Raises:
        MisuseError: it can't be read.
    """
    try:
        return Source(path.as_posix(), path.read_text(encoding="utf-8"), python)
    except (OSError, UnicodeDecodeError) as error:
        raise MisuseError(f"the script {path} can't be read: {error}; --script takes a Python file in UTF-8") from error


def syntax(source: Source) -> list[Finding]:
    """Whether a script parses for its Python version."""
    error = source.parsed
    if not isinstance(error, SyntaxError):
        return []
    wanted, running = ".".join(map(str, source.python)), ".".join(map(str, sys.version_info[:2]))
    if source.python > sys.version_info[:2]:
        return [
            Finding(
                f"does not parse with Python {running}: {error.msg}",
                f"run the check with Python {wanted}, which the job will have, to know whether it is right there",
                Severity.WARNING,
                source.file,
                error.lineno or 0,
            )
        ]
    remedy = f"make it valid for Python {wanted}, which the job will have"
    return [Finding(f"does not parse: {error.msg}", remedy, Severity.ERROR, source.file, error.lineno or 0)]
