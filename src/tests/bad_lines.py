"""Tables of DynamoDB whose writes go wrong on the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "Write")


class BadLine:
    """A table whose next write goes wrong on the wire.

    Args:
        table: the real one.
        lands: whether the write reaches the table before the error.
        error: what the caller sees; None: the SDK sends the write again, and its answer is what the caller sees.
    """

    def __init__(self, table: Any, lands: bool, error: Exception | None) -> None:
        self._table, self._lands, self._error = table, lands, error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def put_item(self, **arguments: Any) -> Any:
        return self._write(self._table.put_item, arguments)

    def update_item(self, **arguments: Any) -> Any:
        return self._write(self._table.update_item, arguments)

    @property
    def meta(self) -> Any:
        """The connection of transactions."""
        real = self._table.meta.client.transact_write_items
        return SimpleNamespace(client=SimpleNamespace(transact_write_items=lambda **given: self._write(real, given)))

    def _write(self, write: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        if self._lands:
            write(**arguments)
        if self._error is not None:
            raise self._error
        return write(**arguments)


def cancelled(*reasons: str) -> ClientError:
    answer = {"Error": {"Code": "TransactionCanceledException", "Message": "cancelled"}}
    return ClientError({**answer, "CancellationReasons": [{"Code": reason} for reason in reasons]}, "Write")


class Barred:
    """A table whose transactions are refused some times before one is let through."""

    def __init__(self, table: Any, *refusals: ClientError) -> None:
        self._table, self._refusals = table, list(refusals)
        self.tries = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    @property
    def meta(self) -> Any:
        return SimpleNamespace(client=self)

    def transact_write_items(self, **arguments: Any) -> Any:
        self.tries += 1
        if self._refusals:
            raise self._refusals.pop(0)
        return self._table.meta.client.transact_write_items(**arguments)
