"""Processing killed by SIGKILL at every write, run after run: tables, aggregates and quarantine end up right."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from pyiceberg.table import StaticTable

from exactly_once.site import Site

pytestmark = pytest.mark.timeout(1200)

RULES = [
    {"name": "positive", "condition": "amount > 0"},
    {"name": "small", "condition": "amount < 50", "on_failure": "flag"},
]
AGGREGATES = [
    {"name": "daily", "measures": {"n": "count(*)", "total": "sum(amount)"}},
    {"name": "totals", "over": "table", "measures": {"n": "count(*)", "total": "sum(amount)"}},
]


class Rows:
    """What files have brought, and what must be in the tables for it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.curated: dict[str, int] = {}
        self.rejected: Counter[str] = Counter()

    def drop(self, name: str) -> None:
        """A file with a new row, a bad one, a correction of the row that all files have, and a deletion."""
        number = len(self._site.batches()) + len(self.curated)
        rows = [(f"{name}-a", str(number + 1)), (f"{name}-bad", "-1"), ("shared", str(number + 2))]
        rows += [(f"{name}-gone", "99")]
        self._site.drop(f"{name}.csv", *((key, amount, f"t{number:04}") for key, amount in rows))
        self.curated |= {f"{name}-a": number + 1, "shared": number + 2}
        self.rejected[f"{name}-bad"] += 1


def test_processing_killed_at_every_write_ends_in_the_tables_of_an_undisturbed_run(site: Site) -> None:
    processing = {"rules": RULES, "aggregates": AGGREGATES}
    site.publish("orders", delete_when="amount = 99", processing=processing)
    rows = Rows(site)
    rows.drop("first")
    site.run()
    site.kill_at("processing.make_aggregate.after", "data_processing")
    site.run("data_processing")
    rows.drop("second")
    site.run()
    # The lease has its own tests, and is the same for every stage.
    points = [point for point in site.points("data_processing") if not point.startswith("lease.")]
    assert {"processing.put_tombstones.after", "processing.put_rows.after", "ledger.advance.after"} <= set(points)
    for number, point in enumerate(points):
        if {batch["status"] for batch in site.batches()} == {"PROCESSED"}:
            rows.drop(f"file{number}")
            site.run()
        site.kill_at(point, "data_processing")
    site.run("data_processing")
    assert {batch["status"] for batch in site.batches()} == {"PROCESSED"}
    assert {row["id"]: row["amount"] for row in table(site, "orders")} == rows.curated
    assert len(table(site, "orders")) == len(rows.curated)
    total = sum(rows.curated.values())
    assert [(row["n"], row["total"]) for row in table(site, "totals")] == [(len(rows.curated), total)]
    assert sum(row["total"] for row in table(site, "daily")) == total
    assert rejected(site) == rows.rejected


def table(site: Site, name: str) -> list[dict[str, Any]]:
    """The rows of a curated table."""
    folder = site.bucket("curated") / site.name / name / "metadata"
    newest = max(folder.glob("*.metadata.json"), key=lambda path: int(path.name.split(".")[0].lstrip("v")))
    properties = {"py-io-impl": "exactly_once.lake_io.LakeIO", "lake": str(site.bucket("curated").parent)}
    rows: list[dict[str, Any]] = StaticTable.from_metadata(str(newest), properties).scan().to_arrow().to_pylist()
    return rows


def rejected(site: Site) -> Counter[str]:
    """Id -> how often it is in the quarantine of processing."""
    found: Counter[str] = Counter()
    for batch in site.batches():
        place = site.bucket("quality").parent / batch["rejected_to"].removeprefix("s3://")
        lines = [line for file in place.glob("*.json") for line in file.read_text().splitlines()]
        found.update(json.loads(json.loads(line)["record"])["id"] for line in lines)
    return found
