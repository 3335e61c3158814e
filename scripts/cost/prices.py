"""The price table: what AWS asks for a unit of something, where, since when, and where that stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cost.errors import CostError

TABLE = Path(__file__).with_name("prices.json")
FIELDS = {"key", "region", "amount", "unit", "date", "source", "confirmed"}


@dataclass(frozen=True)
class Price:
    """A price in US dollars.

    Attributes:
        key: what it is for, ``<service>.<what>``.
        region: where it holds.
        amount: US dollars for one unit.
        unit: what one unit is.
        date: of the price list or page that it was read from; of the entry, if it is not confirmed.
        source: address of AWS's price list or pricing page.
        confirmed: a published text was found that quotes it from there. False: the well-known list price.
    """

    key: str
    region: str
    amount: float
    unit: str
    date: str
    source: str
    confirmed: bool


@dataclass(frozen=True)
class Prices:
    """The prices of one region."""

    region: str
    by_key: Mapping[str, Price]

    def __getitem__(self, key: str) -> Price:
        """The price of something.

        Raises:
            CostError: the table has none for this region.
        """
        if key not in self.by_key:
            raise CostError(
                f"there is no price {key} for {self.region} in {TABLE.name}: add it with its source, "
                "or estimate another region"
            )
        return self.by_key[key]

    def has(self, key: str) -> bool:
        """Whether there is a price."""
        return key in self.by_key


def load_prices(region: str, table: Path = TABLE) -> Prices:
    """The prices of a region.

    Args:
        region: such as us-east-1.
        table: a JSON file as prices.json.

    Raises:
        CostError: the table can't be read, is wrong, or has no prices for the region.
    """
    every = _read(table)
    regions = sorted({price.region for price in every})
    if region not in regions:
        raise CostError(
            f"there are no prices for the region {region!r} in {table}; there are for: {', '.join(regions)}"
        )
    return Prices(region, {price.key: price for price in every if price.region == region})


def _read(table: Path) -> list[Price]:
    try:
        entries = json.loads(table.read_text(encoding="utf-8"))["prices"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CostError(f"the price table {table} can't be read: {error!r}") from error
    prices: dict[tuple[str, str], Price] = {}
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or set(entry) != FIELDS:
            raise CostError(f"{table}, price {number}: it must have exactly {', '.join(sorted(FIELDS))}")
        price = Price(**entry)
        if isinstance(price.amount, bool) or not isinstance(price.amount, (int, float)) or price.amount < 0:
            raise CostError(f"{table}, {price.key} in {price.region}: the amount {price.amount!r} must be a number ≥ 0")
        if (price.key, price.region) in prices:
            raise CostError(f"{table}: {price.key} in {price.region} stands there twice")
        prices[price.key, price.region] = price
    return list(prices.values())
