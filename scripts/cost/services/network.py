"""Reading and wires: Athena, interface endpoints, NAT, transfer to the internet."""

from __future__ import annotations

from collections.abc import Iterator

from cost.lines import Case, Line
from cost.volume import DAYS_PER_MONTH, HOURS_PER_MONTH


def network_lines(case: Case) -> Iterator[Line]:
    """The lines of Athena, VPC and data transfer."""
    environment, assume = case.environment, case.assume
    scanned = case.work.gb * assume["curated_ratio"] * assume["athena_gb_per_gb"] / 1000
    yield case.line("Athena", "data that queries scan", "athena.tb", scanned, "by what comes new")
    if environment.endpoints:
        count = len(environment.endpoints)
        hours = count * environment.zones * HOURS_PER_MONTH
        yield case.line(
            "VPC", "interface endpoints", "vpc.endpoint_hour", hours, f"{count} services in {environment.zones} zones"
        )
        gb = case.work.workflow_runs * assume["endpoint_gb_per_run"]
        yield case.line("VPC", "data over interface endpoints", "vpc.endpoint_gb", gb, "by run")
    if environment["enable_nat_gateway"]:
        yield case.line("VPC", "NAT gateway", "vpc.nat_hour", HOURS_PER_MONTH, "one for all zones")
        yield case.line("VPC", "data over the NAT gateway", "vpc.nat_gb", assume["nat_gb_per_day"] * DAYS_PER_MONTH)
        yield case.line("VPC", "public address of the NAT gateway", "vpc.ipv4_hour", HOURS_PER_MONTH)
    yield case.line(
        "Data transfer",
        "to the internet",
        "transfer.internet_gb",
        assume["internet_gb_per_month"],
        "downloads of people",
    )
