"""A REST API that a test starts: it pages in every way that connectors know, and misbehaves as told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

Trouble = Callable[[Request], Response]


@dataclass
class Shop:
    """An API over a list of rows, at ``/orders``.

    Attributes:
        rows: what it has; ``since`` and ``until`` of a request bound their ``updated_at``.
        size: of a page, where a request says none.
        requests: parameters and headers of what was asked.
        troubles: answers to the next requests instead of rows.
    """

    server: HTTPServer
    rows: list[dict[str, Any]] = field(default_factory=list)
    size: int = 2
    requests: list[Request] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server.expect_request("/orders").respond_with_handler(self._answer)

    @property
    def url(self) -> str:
        """Its address."""
        return self.server.url_for("/orders")

    @property
    def asked(self) -> list[dict[str, str]]:
        """The parameters of every request."""
        return [request.args.to_dict() for request in self.requests]

    def _answer(self, request: Request) -> Response:
        self.requests.append(request)
        if self.troubles:
            return self.troubles.pop(0)(request)
        args = request.args
        rows = [
            row for row in self.rows if args.get("since", "") <= row.get("updated_at", "~") < args.get("until", "~~")
        ]
        size = int(args.get("size", self.size))
        start = int(args.get("token") or args.get("offset") or 0) or (int(args.get("page", 1)) - 1) * size
        more = start + size < len(rows)
        following = f"{self.url}?token={start + size}&" + "&".join(
            f"{name}={value}" for name, value in args.items() if name != "token"
        )
        body = {
            "data": rows[start : start + size],
            "links": {"next": following if more else None},
            "token": str(start + size) if more else None,
        }
        headers = {"Link": f'<{following}>; rel="next"'} if more else {}
        return Response(json.dumps(body), content_type="application/json", headers=headers)


def status(code: int, headers: dict[str, str] | None = None, body: str = "no") -> Trouble:
    """An answer with a status."""
    return lambda _: Response(body, status=code, headers=headers)


def cut(request: Request) -> Response:
    """A connection that ends in the middle of the answer."""
    return Response(iter([b'{"data": [']), headers={"Content-Length": "5000"}, content_type="application/json")
