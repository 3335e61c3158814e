"""Rows of a REST API, over dlt's REST client: its paginators, its ways of authentication, its retries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import simplejson
from dlt.common.configuration.specs.runtime_configuration import RuntimeConfiguration
from dlt.sources.helpers.requests import Client
from dlt.sources.helpers.rest_client import RESTClient, paginators
from dlt.sources.helpers.rest_client.auth import (
    APIKeyAuth,
    AuthConfigBase,
    BearerTokenAuth,
    HttpBasicAuth,
    OAuth2ClientCredentials,
)
from requests import Request, RequestException, Response

from connectors.credentials import require
from connectors.errors import SourceError
from connectors.loading import Page
from connectors.model import Authentication, Connector, Paging, RestSource
from connectors.values import cursor_type
from connectors.windows import Window

_HINTS = {
    401: "the credentials in the secret are not accepted",
    403: "the credentials in the secret may not read this",
    404: "check rest.url",
    429: "the API limits the rate: lengthen the schedule, or raise rest.attempts and rest.longest_wait_seconds",
}
# The field that a secret is when it is no JSON object.
PLAIN_FIELD = {"bearer": "token", "api_key": "key"}


class _CheckedClient(RESTClient):
    """dlt's client, which shows every answer to a function when its retries are over.

    Args:
        check: raises what is wrong with an answer.
        options: of dlt's client.
    """

    def __init__(self, check: Callable[[Response], None], **options: Any) -> None:
        super().__init__(**options)
        self._check = check

    def _send_request(self, request: Request, **kwargs: Any) -> Response:
        response = super()._send_request(request, **kwargs)
        self._check(response)
        return response


class RestRows:
    """A connector's rows in a REST API.

    Args:
        connector: with a REST API as its source.
        credentials: fields of its secret; empty where it has none.
    """

    def __init__(self, connector: Connector, credentials: Mapping[str, str]) -> None:
        assert isinstance(connector.source, RestSource)  # noqa: S101 - for the type checker # nosec B101
        self._connector, self._source = connector, connector.source
        session = Client(
            request_timeout=self._source.timeout_seconds,
            raise_for_status=False,
            request_max_attempts=self._source.attempts,
            request_max_retry_delay=self._source.longest_wait_seconds,
        ).session
        authentication = self._source.authentication
        self._client = _CheckedClient(
            self._check,
            base_url=self._source.url,
            headers={"User-Agent": f"glue-etl-pipeline/{connector.name}", **self._source.headers},
            auth=auth_of(authentication, credentials, session) if authentication else None,
            session=session,
            config=RuntimeConfiguration(),  # else dlt looks for its own files
        )

    def pages(self, window: Window, position: Any) -> Iterator[Page]:
        """The pages of a window from a position on: the URL and parameters of the next request.

        Raises:
            SourceError: the API can't be reached, refuses, or answers with something else than rows.
        """
        start = position or {"url": self._source.url, "params": self._parameters(window)}
        pages = self._client.paginate(
            start["url"],
            params=dict(start["params"] or {}),  # dlt changes them
            paginator=paginator_of(self._source.paging, position),
            data_selector=self._source.records,
            hooks={"response": []},  # else dlt raises by itself, and says less
        )
        before = start
        try:
            for page in pages:
                following = None
                if page.paginator.has_next_page:
                    following = {"url": page.request.url, "params": dict(page.request.params or {})}
                    self._check_next(before, following)
                yield Page(list(page), following)
                before = following
        except RequestException as error:
            raise self._error(f"can't be reached: {error}") from error

    def _parameters(self, window: Window) -> dict[str, Any]:
        incremental, paging = self._connector.incremental, self._source.paging
        params = dict(self._source.params)
        if paging.size_parameter:
            params[paging.size_parameter] = paging.size
        if incremental is not None:
            kind = cursor_type(incremental.kind, incremental.format)
            if incremental.parameter and window.lower:
                params[incremental.parameter] = kind.render(kind.load(window.lower))
            if incremental.until_parameter and window.upper:
                params[incremental.until_parameter] = kind.render_end(kind.load(window.upper))
        return params

    def _check(self, response: Response) -> None:
        """Turn what is no page of rows into an error, and keep every digit of its numbers."""
        if not response.ok:
            hint = _HINTS.get(response.status_code, "")
            raise self._error(
                f"answered {response.status_code} {response.reason}: {response.text[:200]!r} {hint}".strip()
            )
        try:
            document = simplejson.loads(response.text, use_decimal=True)
        except ValueError as error:
            kind = response.headers.get("Content-Type", "no Content-Type")
            raise self._error(f"answered with no JSON ({error}; {kind}): {response.text[:200]!r}") from error
        self._check_records(document)
        response.json = lambda **_: document  # type: ignore[method-assign]

    def _check_records(self, document: Any) -> None:
        """dlt takes an answer without the rows' field for one without rows."""
        found = document
        for name in [] if self._source.records == "$" else self._source.records.split("."):
            if not isinstance(found, Mapping) or name not in found:
                has = ", ".join(sorted(found)) if isinstance(found, Mapping) else type(found).__name__
                raise self._error(f"answered without rest.records {self._source.records!r}; there is: {has[:300]}")
            found = found[name]
        if not isinstance(found, list):
            raise self._error(
                f"has {type(found).__name__} where a list of rows should be (rest.records {self._source.records!r})"
            )

    def _check_next(self, before: Mapping[str, Any], following: Mapping[str, Any]) -> None:
        """A link that leads elsewhere would carry the credentials there; one that leads back would never end."""
        here, there = urlsplit(self._source.url), urlsplit(following["url"])
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise self._error(
                f"links to the next page at {there.scheme}://{there.netloc}, which is another server; the credentials "
                "are not sent there"
            )
        if before == following:
            raise self._error("links from a page to the same page again")

    def _error(self, text: str) -> SourceError:
        place = urlsplit(self._source.url)
        return SourceError(f"{self._connector.name}: {place.scheme}://{place.netloc}{place.path} {text}")


def auth_of(config: Authentication, fields: Mapping[str, str], session: Any) -> AuthConfigBase:
    """How requests show who asks.

    Args:
        config: of the connector.
        fields: of its secret.
        session: with which a token is asked for.

    Raises:
        CredentialsError: a field is missing.
    """
    needed = {
        "bearer": ["token"],
        "api_key": ["key"],
        "basic": ["username", "password"],
        "oauth2_client_credentials": ["client_id", "client_secret"],
    }[config.kind]
    require(config.secret, fields, needed)
    if config.kind == "bearer":
        return BearerTokenAuth(token=fields["token"])
    if config.kind == "api_key":
        return APIKeyAuth(name=config.name, api_key=fields["key"], location=config.place)
    if config.kind == "basic":
        return HttpBasicAuth(fields["username"], fields["password"])
    data = {"scope": fields["scope"]} if "scope" in fields else {}
    return OAuth2ClientCredentials(
        access_token_url=config.token_url,
        client_id=fields["client_id"],
        client_secret=fields["client_secret"],
        access_token_request_data=data,
        session=session,
    )


def paginator_of(paging: Paging, position: Any) -> paginators.BasePaginator:
    """dlt's paginator, set to where the pages begin.

    Args:
        paging: of the connector.
        position: of a load that goes on; None at the beginning.
    """
    at = (position or {}).get("params") or {}
    if paging.kind == "next_link":
        return paginators.JSONLinkPaginator(next_url_path=paging.path)
    if paging.kind == "header_link":
        return paginators.HeaderLinkPaginator(links_next_key=paging.relation)
    if paging.kind == "token":
        return paginators.JSONResponseCursorPaginator(cursor_path=paging.path, cursor_param=paging.parameter)
    if paging.kind == "page":
        return paginators.PageNumberPaginator(
            base_page=paging.first,
            page=at.get(paging.parameter, paging.first),
            page_param=paging.parameter,
            total_path=paging.path or None,
        )
    if paging.kind == "offset":
        return paginators.OffsetPaginator(
            limit=paging.size,
            offset=at.get(paging.parameter, 0),
            offset_param=paging.parameter,
            limit_param=paging.size_parameter,
            total_path=paging.path or None,
        )
    return paginators.SinglePagePaginator()
