"""Tells GitHub how a check goes, where a token is configured. What can't be told spoils no check."""

from __future__ import annotations

from aws_lambda_powertools import Logger

from glue_health_check.errors import InfrastructureError
from glue_health_check.lambdas.github import GitHub, status_of
from glue_health_check.lambdas.requests import Source
from glue_health_check.lambdas.surroundings import secret, settings
from glue_health_check.models import Report

logger = Logger(child=True)


def github() -> GitHub:
    """GitHub's API, with the token if there is one."""
    token = secret(settings().token_secret) if settings().token_secret else ""
    return GitHub(settings().github_api, token)


def tell_pending(source: Source | None) -> None:
    """Say at the commit that it is being checked."""
    _tell(source, "pending", "the health check is under way")


def tell_report(source: Source | None, report: Report) -> None:
    """Say at the commit what came of it."""
    _tell(source, *status_of(report))


def _tell(source: Source | None, state: str, description: str) -> None:
    if source is None or not settings().token_secret:
        return
    try:
        github().set_status(source.repository, source.commit, state, description)
    except InfrastructureError:
        logger.exception("the status of a commit was not set")
