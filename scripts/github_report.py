#!/usr/bin/env python3
"""What the workflows tell on GitHub: a pull request's comment, kept up to date, and one open issue per trouble."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import requests
import typer

SECONDS, PAGE = 30, 100
# GitHub takes 65,536 characters.
MOST = 65_000
CUT = "\n\n(The rest is in the run's log.)"

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
Body = Annotated[Path, typer.Argument(help="file with the text, in Markdown", exists=True, dir_okay=False)]


@dataclass(frozen=True)
class Repository:
    """The repository that a workflow runs for.

    Args:
        api: address of the repository in GitHub's API.
        token: what lets us in.
    """

    api: str
    token: str

    def call(self, method: str, path: str, **content: Any) -> Any:
        """One call of the API.

        Raises:
            typer.Exit: GitHub refuses; its answer has been printed.
        """
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/vnd.github+json"}
        reply = requests.request(method, f"{self.api}/{path}", headers=headers, timeout=SECONDS, **content)
        if not reply.ok:
            typer.echo(f"GitHub answers {reply.status_code} to {method} {path}: {reply.text[:500]}", err=True)
            raise typer.Exit(1)
        return reply.json()

    def pages(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Everything of a list, page by page."""
        number = 1
        while found := self.call("GET", path, params={**query, "per_page": PAGE, "page": number}):
            yield from found
            if len(found) < PAGE:
                return
            number += 1


@app.command()
def comment(
    pull_request: Annotated[int, typer.Argument(help="its number", min=1)],
    body: Body,
    key: Annotated[str, typer.Option(help="what the comment is of; an earlier one with this key is replaced")],
) -> None:
    """Write a comment, or bring the one that was written before up to date."""
    mark, here = f"<!-- {key} -->", _repository()
    text = {"body": _short(f"{mark}\n{body.read_text(encoding='utf-8')}")}
    ours = (one for one in here.pages(f"issues/{pull_request}/comments") if one["body"].startswith(mark))
    before = next((one for one in ours if one["user"]["type"] == "Bot"), None)
    if before:
        here.call("PATCH", f"issues/comments/{before['id']}", json=text)
    else:
        here.call("POST", f"issues/{pull_request}/comments", json=text)


@app.command()
def issue(
    title: Annotated[str, typer.Argument(help="title of a new issue")],
    body: Body,
    label: Annotated[str, typer.Option(help="an open issue with this label gets the text as a comment")],
) -> None:
    """Open an issue; while one is open, write to it instead."""
    here, text = _repository(), _short(body.read_text(encoding="utf-8"))
    # Pull requests are issues there, too.
    issues = (one for one in here.pages("issues", state="open", labels=label) if "pull_request" not in one)
    if found := next(issues, None):
        here.call("POST", f"issues/{found['number']}/comments", json={"body": text})
    else:
        here.call("POST", "issues", json={"title": title, "body": text, "labels": [label]})


def _short(text: str) -> str:
    return text if len(text) <= MOST else text[: MOST - len(CUT)] + CUT


def _repository() -> Repository:
    missing = [name for name in ("GITHUB_REPOSITORY", "GITHUB_TOKEN") if not os.environ.get(name)]
    if missing:
        raise typer.BadParameter(f"{' and '.join(missing)} must be set, as in a workflow of GitHub")
    api = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    return Repository(f"{api}/repos/{os.environ['GITHUB_REPOSITORY']}", os.environ["GITHUB_TOKEN"])


if __name__ == "__main__":
    app()
