"""Rows of a table or view, over SQLAlchemy (1.4, which Glue's Python shell brings, or 2).

Every page is a query of its own that begins behind the last row of the page before it, in the order of the cursor and
the key. So no transaction stays open, and rows that change meanwhile move no other row to another page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError

from connectors.errors import ConfigurationError, SourceError
from connectors.loading import Page
from connectors.model import Connector, DatabaseSource
from connectors.values import cursor_type
from connectors.windows import Window

# Fields of a secret that take their part of the URL; those of secrets that RDS makes are among them.
_URL_FIELDS = {field: field for field in ("username", "password", "host", "port")} | {"dbname": "database"}
# How the values of a position are written, so that they read back as they were.
_KINDS: tuple[tuple[str, type], ...] = (("datetime", datetime), ("date", date), ("decimal", Decimal), ("uuid", UUID))
_READ: dict[str, Callable[[str], Any]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "decimal": Decimal,
    "uuid": UUID,
}


def open_engine(source: DatabaseSource, credentials: Mapping[str, str]) -> Engine:
    """An engine for a database.

    Args:
        source: its URL.
        credentials: fields of the secret: username, password, and where the database is if the URL does not say.

    Raises:
        SourceError: the driver is not installed.
    """
    url = make_url(source.url)
    given = {part: credentials[field] for field, part in _URL_FIELDS.items() if field in credentials}
    wanted: dict[str, Any] = {part: value for part, value in given.items() if getattr(url, part) in (None, "")}
    if "port" in wanted:
        wanted["port"] = int(wanted["port"])
    try:
        return sa.create_engine(url.set(**wanted), pool_pre_ping=True)
    except (ImportError, SQLAlchemyError) as error:
        raise SourceError(
            f"no driver for {url.drivername}: {error}; Glue's Python shell brings psycopg2, PyMySQL and pyodbc, others "
            "come by the job argument --additional-python-modules"
        ) from error


class DatabaseRows:
    """A connector's rows in a database.

    Args:
        connector: with a database as its source.
        engine: of that database.
    """

    def __init__(self, connector: Connector, engine: Engine) -> None:
        assert isinstance(connector.source, DatabaseSource)  # noqa: S101 - for the type checker # nosec B101
        self._name, self._source, self._engine = connector.name, connector.source, engine
        self._incremental = connector.incremental

    def pages(self, window: Window, position: Any) -> Iterator[Page]:
        """The pages of a window, each from a query of its own."""
        table = self._table()
        order = [table.c[name] for name in self._order()]
        names = [*self._source.columns, *self._order()] if self._source.columns else table.c.keys()
        shown = [table.c[name] for name in dict.fromkeys(names)]
        query = sa.select(*shown).where(*self._bounds(window, table)).order_by(*order).limit(self._source.page_rows)
        while True:
            behind = [] if position is None else [_behind(order, [_read(value) for value in position])]
            rows = self._fetch(query.where(*behind))
            if len(rows) < self._source.page_rows:
                yield Page(rows, None)
                return
            position = [_write(self._name, column.name, rows[-1][column.name]) for column in order]
            yield Page(rows, position)

    def _order(self) -> list[str]:
        """The cursor, then the key."""
        first = [self._incremental.cursor] if self._incremental else []
        return list(dict.fromkeys([*first, *self._source.key]))

    def _table(self) -> sa.Table:
        """The table as the database describes it.

        Raises:
            ConfigurationError: it has no such table or columns.
            SourceError: the database can't be asked.
        """
        where = f"{self._source.schema}.{self._source.table}" if self._source.schema else self._source.table
        try:
            table = sa.Table(
                self._source.table, sa.MetaData(), schema=self._source.schema or None, autoload_with=self._engine
            )
        except NoSuchTableError as error:
            raise ConfigurationError([f"{self._name}: database.table: there is no table or view {where}"]) from error
        except SQLAlchemyError as error:
            raise SourceError(f"{self._name}: the database can't be asked for {where}: {_first_line(error)}") from error
        missing = [name for name in [*self._source.columns, *self._order()] if name not in table.c]
        if missing:
            has = ", ".join(column.name for column in table.columns)
            raise ConfigurationError([f"{self._name}: {where} has no column {', '.join(missing)}; it has {has}"])
        return table

    def _bounds(self, window: Window, table: sa.Table) -> list[Any]:
        if self._incremental is None:
            return []
        column, kind = table.c[self._incremental.cursor], cursor_type(self._incremental.kind)
        bounds = []
        if window.lower:
            bounds.append(column >= _bound(column, kind.load(window.lower)))
        if window.upper:
            bounds.append(column < _bound(column, kind.load(window.upper)))
        # Rows without a cursor belong to no window; fetched with each, they are refused with their content.
        return [sa.or_(column.is_(None), sa.and_(*bounds))] if bounds else []

    def _fetch(self, query: Any) -> list[dict[str, Any]]:
        try:
            with self._engine.connect() as connection:
                return [dict(row) for row in connection.execute(query).mappings()]
        except SQLAlchemyError as error:
            raise SourceError(f"{self._name}: the database refused a query: {_first_line(error)}") from error


def _bound(column: Any, value: Any) -> Any:
    """A bound as the column's type compares it: times of columns without a zone are UTC."""
    if not isinstance(value, datetime):
        return value
    if isinstance(column.type, sa.Date):
        return value.date()
    return value if getattr(column.type, "timezone", False) else value.astimezone(timezone.utc).replace(tzinfo=None)


def _behind(columns: list[Any], values: list[Any]) -> Any:
    """Rows that come after a row in the order of the columns; databases differ in comparing whole tuples."""
    ways = []
    for number, column in enumerate(columns):
        same = [columns[earlier] == values[earlier] for earlier in range(number)]
        ways.append(sa.and_(*same, column > values[number]))
    return sa.or_(*ways)


def _write(connector: str, column: str, value: Any) -> Any:
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return value
    for name, kind in _KINDS:
        if isinstance(value, kind):
            return {name: value.isoformat() if isinstance(value, date) else str(value)}
    raise SourceError(
        f"{connector}: {column} is {value!r}, by which rows can't be put in order; cursor and key must be numbers, "
        "texts, times or UUIDs, and never null"
    )


def _read(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    ((name, text),) = value.items()
    return _READ[name](text)


def _first_line(error: Exception) -> str:
    """Without the query, its parameters and links to SQLAlchemy's pages."""
    return str(getattr(error, "orig", None) or error).strip().split("\n", 1)[0]
