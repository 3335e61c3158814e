"""What a connector is: the dataclasses that its YAML file becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_ROWS, MAX_MEGABYTES = 50_000, 32


@dataclass(frozen=True)
class Incremental:
    """How only what is new is fetched.

    Attributes:
        cursor: the field (REST: a dotted path) or column whose value grows.
        kind: timestamp, number or text.
        start: where the first load begins; None: at the very first row.
        lag_seconds: how far behind the present a timestamp window ends, so that rows which are still being written
            are not passed over.
        overlap_seconds: how far a timestamp window reaches back into the one before it.
        format: how a REST API writes times: iso, date, epoch_seconds or epoch_milliseconds.
        parameter: REST query parameter that takes the lower bound; "" where the API has none.
        until_parameter: REST query parameter that takes the upper bound; "" where the API has none.
    """

    cursor: str
    kind: str = "timestamp"
    start: str | int | None = None
    lag_seconds: int = 60
    overlap_seconds: int = 0
    format: str = "iso"
    parameter: str = ""
    until_parameter: str = ""


@dataclass(frozen=True)
class Paging:
    """How a REST API divides its rows into pages; which fields count depends on ``kind`` (docs/connectors.md)."""

    kind: str = "none"
    path: str = ""
    parameter: str = ""
    size_parameter: str = ""
    size: int = 100
    first: int = 1
    relation: str = "next"


@dataclass(frozen=True)
class Authentication:
    """How a REST API is told who asks. ``secret``: name in ``connector_secrets``."""

    kind: str
    secret: str
    name: str = "Authorization"
    place: str = "header"
    token_url: str = ""


@dataclass(frozen=True)
class RestSource:
    """An endpoint of a REST API.

    Attributes:
        records: dotted path to the list of rows in an answer; ``$``: the answer is the list.
        timeout_seconds: of one request. attempts: tries of one request. longest_wait_seconds: between two of them.
    """

    url: str
    records: str = "$"
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    authentication: Authentication | None = None
    paging: Paging = Paging()
    timeout_seconds: int = 30
    attempts: int = 5
    longest_wait_seconds: int = 60


@dataclass(frozen=True)
class DatabaseSource:
    """A table or view.

    Attributes:
        url: SQLAlchemy URL without user and password.
        key: columns that tell rows apart; they order rows whose cursor is the same.
        columns: which to fetch; empty: all.
        page_rows: rows of one query.
        secret: name in ``connector_secrets``; "": the database asks for no credentials.
    """

    url: str
    table: str
    key: tuple[str, ...]
    schema: str = ""
    columns: tuple[str, ...] = ()
    page_rows: int = 10_000
    secret: str = ""


@dataclass(frozen=True)
class Connector:
    """One source of one dataset.

    Attributes:
        name: of the connector, and of its file.
        dataset: folder under data/incoming/ that its files go to.
        source: where the rows are.
        incremental: None: every load takes everything.
        max_rows, max_megabytes: of one file in raw.
    """

    name: str
    dataset: str
    source: RestSource | DatabaseSource
    description: str = ""
    schedule: str = ""
    incremental: Incremental | None = None
    max_rows: int = MAX_ROWS
    max_megabytes: int = MAX_MEGABYTES

    @property
    def secret(self) -> str:
        """Name of its secret, or ""."""
        if isinstance(self.source, DatabaseSource):
            return self.source.secret
        return self.source.authentication.secret if self.source.authentication else ""


def connector_from(document: Mapping[str, Any]) -> Connector:
    """The connector of a document that is valid (:mod:`connectors.reading`)."""
    output = document.get("output", {})
    incremental = document.get("incremental")
    return Connector(
        name=document["name"],
        dataset=document["dataset"],
        source=_rest(document["rest"]) if "rest" in document else _database(document["database"]),
        description=document.get("description", ""),
        schedule=document.get("schedule", ""),
        incremental=None if incremental is None else Incremental(**_kind(incremental)),
        max_rows=int(output.get("max_rows", MAX_ROWS)),
        max_megabytes=int(output.get("max_megabytes", MAX_MEGABYTES)),
    )


def _kind(section: Mapping[str, Any]) -> dict[str, Any]:
    """``type`` in the file is ``kind`` here."""
    return {("kind" if name == "type" else name): value for name, value in section.items()}


def _rest(section: Mapping[str, Any]) -> RestSource:
    plain = dict(section)
    paging, authentication = plain.pop("paging", None), plain.pop("authentication", None)
    if paging:
        plain["paging"] = Paging(**_kind(paging))
    if authentication:
        plain["authentication"] = Authentication(**_kind(authentication))
    return RestSource(**plain)


def _database(section: Mapping[str, Any]) -> DatabaseSource:
    lists = {name: tuple(section[name]) for name in ("key", "columns") if name in section}
    return DatabaseSource(**{**section, **lists})
