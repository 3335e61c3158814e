"""The repository's Markdown pages as their tests meet them: blocks of code, links, spans of code, anchors.

markdown-it, which GitHub's own rules of Markdown are built into, reads them: a `#` in a block of code is no heading.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

REPOSITORY = Path(__file__).resolve().parents[1]
READER = MarkdownIt("commonmark", {"html": True}).enable("table")
# Anchors that a page sets by itself: <a id="...">.
HTML_ANCHOR = re.compile(r"<\w+[^>]*\s(?:id|name)=\"([^\"]+)\"")


@dataclass(frozen=True)
class Found:
    """A piece of a page, and where it stands."""

    page: Path
    line: int
    text: str
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"

    @property
    def place(self) -> str:
        """Page and line, as editors open it."""
        return f"{self.page.relative_to(REPOSITORY)}:{self.line}"


@dataclass(frozen=True)
class Page:
    """A Markdown file of the repository."""

    path: Path

    def __str__(self) -> str:
        return str(self.path.relative_to(REPOSITORY))

    @cached_property
    def package(self) -> Path:
        """The folder of the package that the page belongs to: the repository, or one that stands alone within it."""
        return next(folder for folder in self.path.parents if (folder / "pyproject.toml").exists())

    @cached_property
    def blocks(self) -> list[Found]:
        """Blocks of code; the kind is the language that the fence names."""
        fences = [token for token in self._tokens if token.type == "fence"]
        return [Found(self.path, _line(token) + 1, token.content, token.info.strip()) for token in fences]

    @cached_property
    def links(self) -> list[Found]:
        """Where links and pictures lead."""
        found = []
        for token, line in self._inline():
            target = token.attrGet("href") if token.type == "link_open" else token.attrGet("src")
            if token.type in ("link_open", "image"):
                found.append(Found(self.path, line, str(target)))
        return found

    @cached_property
    def spans(self) -> list[Found]:
        """Code within text."""
        return [Found(self.path, line, token.content) for token, line in self._inline() if token.type == "code_inline"]

    @cached_property
    def tables(self) -> list[list[Found]]:
        """Tables: their rows as they are written, its header first and then the line of hyphens."""
        lines = self.path.read_text().splitlines()
        spans = [token.map for token in self._tokens if token.type == "table_open" and token.map]
        return [[Found(self.path, at + 1, lines[at]) for at in range(*span)] for span in spans]

    @cached_property
    def anchors(self) -> set[str]:
        """What links to a place of the page may name after the `#`."""
        seen: Counter[str] = Counter()
        anchors = set(HTML_ANCHOR.findall(self.path.read_text()))
        headings = [at + 1 for at, token in enumerate(self._tokens) if token.type == "heading_open"]
        for token in (self._tokens[at] for at in headings):
            slug = github_slug("".join(part.content for part in token.children or ()))
            anchors.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
        return anchors

    @cached_property
    def _tokens(self) -> list[Token]:
        return READER.parse(self.path.read_text())

    def _inline(self) -> Iterator[tuple[Token, int]]:
        for block in self._tokens:
            line = _line(block) if block.map else 0
            for token in block.children or ():
                yield token, line
                line += token.type in ("softbreak", "hardbreak")


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 0


def github_slug(heading: str) -> str:
    """The anchor that GitHub gives a heading: small letters, no punctuation, a hyphen for every space.

    Source: html-pipeline's TableOfContentsFilter, which GitHub wrote for its pages.
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def tracked_files() -> set[Path]:
    """The files that are in git, or would be after `git add`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return {path for name in listed.stdout.split("\0") if name and (path := REPOSITORY / name).exists()}


def all_pages() -> list[Page]:
    """Every Markdown page, in the order of its path."""
    return [Page(path) for path in sorted(tracked_files()) if path.suffix == ".md"]
