"""What the workflows tell on GitHub, said to a server that stands in for GitHub's API."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
from github_report import MOST, app

HERE = "/repos/acme/pipeline"
COMMENTS = f"{HERE}/issues/7/comments"


@pytest.fixture
def github(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> HTTPServer:
    monkeypatch.setenv("GITHUB_API_URL", httpserver.url_for("").rstrip("/"))
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/pipeline")
    monkeypatch.setenv("GITHUB_TOKEN", "t")
    return httpserver


@pytest.fixture
def body(tmp_path: Path) -> Path:
    file = tmp_path / "body.md"
    file.write_text("two to create")
    return file


def tell(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def written(github: HTTPServer) -> list[tuple[str, str, Any]]:
    """The calls that change something."""
    return [(call.method, call.path, call.get_json()) for call, _ in github.log if call.method != "GET"]


def test_the_first_comment_is_written_with_its_key(github: HTTPServer, body: Path) -> None:
    github.expect_request(COMMENTS, method="GET").respond_with_json([])
    github.expect_request(COMMENTS, method="POST").respond_with_json({})
    assert tell("comment", 7, body, "--key", "plan-dev").exit_code == 0
    assert written(github) == [("POST", COMMENTS, {"body": "<!-- plan-dev -->\ntwo to create"})]


def test_a_later_comment_takes_the_place_of_the_earlier_and_of_no_other(github: HTTPServer, body: Path) -> None:
    comments = [
        {"id": 1, "body": "<!-- plan-prod -->\n", "user": {"type": "Bot"}},
        {"id": 2, "body": "<!-- plan-dev -->\nforged", "user": {"type": "User"}},
        {"id": 3, "body": "<!-- plan-dev -->\none to create", "user": {"type": "Bot"}},
    ]
    others = [{"id": 9, "body": "looks good", "user": {"type": "User"}}] * 100
    github.expect_request(COMMENTS, method="GET", query_string={"per_page": "100", "page": "1"}).respond_with_json(
        others
    )
    github.expect_request(COMMENTS, method="GET", query_string={"per_page": "100", "page": "2"}).respond_with_json(
        comments
    )
    github.expect_request(f"{HERE}/issues/comments/3", method="PATCH").respond_with_json({})
    assert tell("comment", 7, body, "--key", "plan-dev").exit_code == 0
    assert [(method, path) for method, path, _ in written(github)] == [("PATCH", f"{HERE}/issues/comments/3")]


def test_a_text_that_is_too_long_for_github_is_cut_and_says_so(github: HTTPServer, body: Path) -> None:
    body.write_text("x" * 70_000)
    github.expect_request(COMMENTS, method="GET").respond_with_json([])
    github.expect_request(COMMENTS, method="POST").respond_with_json({})
    tell("comment", 7, body, "--key", "plan-dev")
    [(_, _, content)] = written(github)
    assert len(content["body"]) == MOST and content["body"].endswith("(The rest is in the run's log.)")


@pytest.mark.parametrize(
    ("issues", "path"),
    [
        ([], f"{HERE}/issues"),
        ([{"number": 5, "pull_request": {}}], f"{HERE}/issues"),
        ([{"number": 5, "pull_request": {}}, {"number": 6}], f"{HERE}/issues/6/comments"),
    ],
    ids=["no issue is open", "only a pull request has the label", "one is open"],
)
def test_an_issue_is_opened_only_while_none_is_open(
    issues: list[dict[str, Any]], path: str, github: HTTPServer, body: Path
) -> None:
    query = {"state": "open", "labels": "nightly", "per_page": "100", "page": "1"}
    github.expect_request(f"{HERE}/issues", method="GET", query_string=query).respond_with_json(issues)
    github.expect_request(path, method="POST").respond_with_json({})
    assert tell("issue", "The nightly run fails", body, "--label", "nightly").exit_code == 0
    assert [call[:2] for call in written(github)] == [("POST", path)]


def test_what_github_refuses_fails_with_its_answer(github: HTTPServer, body: Path) -> None:
    github.expect_request(COMMENTS).respond_with_data("Resource not accessible by integration", status=403)
    done = tell("comment", 7, body, "--key", "plan-dev")
    assert done.exit_code == 1
    assert "GitHub answers 403 to GET issues/7/comments: Resource not accessible" in done.output


def test_outside_of_a_workflow_the_missing_variables_are_named(monkeypatch: pytest.MonkeyPatch, body: Path) -> None:
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    done = tell("comment", 7, body, "--key", "plan-dev")
    assert done.exit_code == 2 and "GITHUB_REPOSITORY and GITHUB_TOKEN must be set" in done.output
