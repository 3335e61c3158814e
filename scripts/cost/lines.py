"""What an estimate consists of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cost.assumptions import Assumptions
from cost.prices import Price, Prices
from cost.values import Environment
from cost.workload import Workload

# The order of the services on every page.
SERVICES = (
    "Glue",
    "S3",
    "DynamoDB",
    "KMS",
    "Secrets Manager",
    "Lambda",
    "SQS",
    "SNS",
    "EventBridge",
    "CloudWatch",
    "X-Ray",
    "Athena",
    "Kinesis",
    "Firehose",
    "VPC",
    "Data transfer",
)


@dataclass(frozen=True)
class Line:
    """One line of an estimate: a quantity at a price.

    Attributes:
        service: of SERVICES.
        what: is paid for.
        quantity: units in a month.
        price: of a unit.
        how: the quantity's formula, in words and numbers.
    """

    service: str
    what: str
    quantity: float
    price: Price
    how: str = ""

    @property
    def usd(self) -> float:
        """US dollars a month."""
        return self.quantity * self.price.amount


@dataclass(frozen=True)
class Case:
    """All that a line is computed from."""

    environment: Environment
    assume: Assumptions
    work: Workload
    prices: Prices

    def line(self, service: str, what: str, key: str, quantity: float, how: str = "") -> Line:
        """A line at the price of a key.

        Raises:
            CostError: the region has no such price.
        """
        return Line(service, what, quantity, self.prices[key], how)


def total(lines: Iterable[Line]) -> float:
    """US dollars a month of all lines."""
    return sum(line.usd for line in lines)
