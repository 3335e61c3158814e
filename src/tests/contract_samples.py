"""Contracts for tests, changed at one place, and the problems that they have then."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from etl.contracts import parse_contracts
from etl.errors import ContractError

PAGE = Path(__file__).parents[2] / "docs" / "contracts.md"
CUSTOMERS: dict[str, Any] = {
    "name": "customers",
    "key": ["customer_id"],
    "columns": [
        {"name": "customer_id", "type": "string", "required": True},
        {"name": "country", "type": "string", "required": True},
    ],
}
ORDERS: dict[str, Any] = {
    "name": "orders",
    "description": "What people bought.",
    "source": {
        "patterns": ["orders*"],
        "format": "csv",
        "options": {"delimiter": ";", "encoding": "windows-1252"},
        "nested": "flatten",
    },
    "columns": [
        {"name": "order_id", "type": "string", "required": True, "aliases": ["Order No", "bestellNr"]},
        {"name": "customer_id", "type": "string"},
        {"name": "amount", "type": "decimal(12,2)", "on_bad_value": "reject"},
        {"name": "ordered_at", "type": "timestamp", "formats": ["dd.MM.yyyy"]},
    ],
    "key": ["order_id"],
    "event_time": "ordered_at",
    "order_by": ["ordered_at"],
    "schema_mode": "rescue",
    "late_after_days": 3,
    "processing": {
        "rules": [{"name": "positive", "condition": "amount > 0", "on_failure": "flag"}],
        "derive": [{"name": "cents", "expression": "amount * 100"}],
        "enrich": [
            {"dataset": "customers", "keys": {"customer_id": "customer_id"}, "columns": ["country"], "prefix": "c_"}
        ],
        "aggregates": [{"name": "daily", "group_by": ["c_country", "cents"], "measures": {"total": "sum(amount)"}}],
    },
    "quality": {"rules": "Rules = [ RowCount > 0 ]", "threshold": 90, "on_breach": "halt", "weights": {"validity": 2}},
}


def changed(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy of a document with another value at ``a.0.b``; None takes the field away."""
    copied = copy.deepcopy(document)
    *folders, last = path.split(".")
    place: Any = copied
    for part in folders:
        place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
    key = int(last) if isinstance(place, list) else last
    if value is None:
        del place[key]
    else:
        place[key] = value
    return copied


def texts(*documents: dict[str, Any]) -> dict[str, str]:
    return {f"{document['name']}.yml": yaml.safe_dump(document) for document in documents}


def problems_of(files: dict[str, str]) -> list[str]:
    with pytest.raises(ContractError) as caught:
        parse_contracts(files)
    for problem in caught.value.problems:
        assert problem in str(caught.value)
    return caught.value.problems


def problem_with(path: str, value: object, document: dict[str, Any] = ORDERS) -> str:
    """The only problem of otherwise good contracts with another value at a path; it names the file."""
    wrong = changed(document, path, value)
    others = [good for good in (ORDERS, CUSTOMERS) if good is not document]
    files = {**texts(*others), f"{document['name']}.yml": yaml.safe_dump(wrong)}
    [problem] = problems_of(files)
    assert problem.startswith(f"{document['name']}.yml: ")
    return problem.removeprefix(f"{document['name']}.yml: ")


def documented() -> list[dict[str, Any]]:
    """The YAML of every example on the page of contracts."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [yaml.safe_load(block) for block in blocks]


def example(number: int) -> list[dict[str, Any]]:
    """An example of the page as a contract of orders, and the customers that it may need."""
    first, shown = documented()[0], documented()[number]
    # One that shows a section stands in the first, whole one.
    whole = {"name": "orders", **shown} if "columns" in shown else {**first, **shown}
    if "processing" in shown:
        added = [{"name": name, "type": "string"} for name in ("customer_id", "currency")]
        whole["columns"] = [*first["columns"], *added]
    return [whole, changed(CUSTOMERS, "columns.1.name", "segment")]
