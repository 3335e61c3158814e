"""What would be otherwise: the same environment with one thing changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cost.estimate import Estimate, estimate
from cost.prices import load_prices
from cost.values import FLEX_WORKERS, Job
from cost.volume import HOURS_PER_MONTH


@dataclass(frozen=True)
class WhatIf:
    """One variant.

    Attributes:
        topic: what it is about.
        what: is changed.
        usd: a month then.
        change: against the estimate as it is.
        remark: what comes with it.
    """

    topic: str
    what: str
    usd: float
    change: float
    remark: str


def what_ifs(base: Estimate) -> list[WhatIf]:
    """All variants that make sense for an estimate's environment."""
    return [*_engine(base), *_network(base), *_retention(base), *_frequency(base), *_growth(base), _region(base)]


def streaming_workers(base: Estimate) -> list[tuple[str, float]]:
    """US dollars a month of a streaming job with two workers, by worker type: day and night, FLEX is not for it."""
    price = base.case.prices["glue.dpu_hour"].amount
    return [
        (kind, Job("streaming_ingestion", kind, 2).dpus * HOURS_PER_MONTH * price)
        for kind in ("G.025X", "G.1X", "G.2X")
    ]


def changed(base: Estimate, values: dict[str, Any] | None = None, assume: dict[str, Any] | None = None) -> Estimate:
    """An estimate with other values of Terraform, or other assumptions.

    Raises:
        CostError: there are no such values or assumptions.
    """
    case = base.case
    environment = case.environment.with_values(**values or {})
    return estimate(environment, case.work.gb_per_day, case.assume.with_values(assume or {}, "what-if"), case.prices)


def _variant(base: Estimate, topic: str, what: str, other: Estimate, remark: str = "") -> WhatIf:
    return WhatIf(topic, what, other.usd, other.usd - base.usd, remark)


def _engine(base: Estimate) -> Iterator[WhatIf]:
    values = base.case.environment
    jobs = values.jobs()
    if all(job.worker_type in FLEX_WORKERS for job in jobs):
        other = "STANDARD" if all(job.flex for job in jobs) else "FLEX"
        remark = "starts when there is spare capacity, and may be interrupted: the ledger takes it up again"
        engine: dict[str, Any] = {
            "execution_class": other,
            "job_overrides": _without(values["job_overrides"], "execution_class"),
        }
        yield _variant(base, "Glue", f"execution class {other}", changed(base, engine), remark)
    scales = all(job.scales for job in jobs)
    change: dict[str, Any] = {
        "auto_scaling": not scales,
        "job_overrides": _without(values["job_overrides"], "auto_scaling"),
    }
    yield _variant(
        base,
        "Glue",
        f"auto scaling {'off' if scales else 'on'}",
        changed(base, change),
        "idle workers are given back" if not scales else "every worker is paid for as long as the run takes",
    )
    half = max(int(values["number_of_workers"]) // 2, 2)
    if half < values["number_of_workers"]:
        yield _variant(base, "Glue", f"{half} workers", changed(base, {"number_of_workers": half}), "runs take longer")


def _without(overrides: dict[str, dict[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    return {job: {key: value for key, value in own.items() if key != name} for job, own in overrides.items()}


def _network(base: Estimate) -> Iterator[WhatIf]:
    off = {"enable_vpc": False, "existing_vpc": None, "enable_nat_gateway": False}
    own = {
        "enable_vpc": True,
        "existing_vpc": None,
        "interface_endpoints": list(base.case.environment["interface_endpoints"]),
    }
    runs = base.case.work.workflow_runs / (HOURS_PER_MONTH / 24)
    through = {"nat_gb_per_day": base.case.assume["nat_gb_per_day"] + runs * base.case.assume["endpoint_gb_per_run"]}
    yield _variant(
        base,
        "Network",
        "no VPC",
        changed(base, off),
        "jobs reach AWS over its public addresses; IAM, TLS and bucket policies hold as before",
    )
    yield _variant(
        base,
        "Network",
        "own VPC, interface endpoints",
        changed(base, {**own, "enable_nat_gateway": False}),
        "no way to the internet",
    )
    yield _variant(
        base,
        "Network",
        "own VPC, NAT gateway in place of the interface endpoints",
        changed(base, {**own, "interface_endpoints": [], "enable_nat_gateway": True}, through),
        "computed only: modules/networking wants the endpoints, so that nothing leaves by the internet",
    )
    yield _variant(
        base,
        "Network",
        "own VPC, endpoints and a NAT gateway",
        changed(base, {**own, "enable_nat_gateway": True}),
        "for sources in the internet",
    )


def _retention(base: Estimate) -> Iterator[WhatIf]:
    days = base.case.environment["retention_days"]
    kept = base.case.environment["maintenance_retention_days"]
    # What moves to Glacier stays paid for 90 days there, so a later move is left out.
    archive = days["raw_archive"] if days["raw_archive"] <= 90 else 0
    expiring = {**days, "raw_archive": archive, "raw_deep_archive": 0, "raw_expire": 180}
    never = {**days, "raw_infrequent": 0, "raw_archive": 0, "raw_deep_archive": 0}
    yield _variant(base, "Retention", "raw stays in Standard", changed(base, {"retention_days": never}))
    tiers = {**never, "raw_infrequent": 30, "raw_archive": 90}
    yield _variant(
        base,
        "Retention",
        "raw to Standard-IA after 30, Glacier IR after 90 days",
        changed(base, {"retention_days": tiers}),
        "reading it again costs by the GB, and deleting it early the rest of 30 or 90 days",
    )
    yield _variant(
        base,
        "Retention",
        "raw deleted after 180 days",
        changed(base, {"retention_days": expiring}),
        "tables can't be made again from raw then",
    )
    yield _variant(
        base,
        "Retention",
        "old versions for 7 days",
        changed(base, {"retention_days": {**days, "noncurrent": 7}}),
        "less time to bring back what was deleted or overwritten",
    )
    yield _variant(
        base,
        "Retention",
        "processed batches for 7 days",
        changed(base, {"maintenance_retention_days": {**kept, "processed": 7}}),
    )


def _frequency(base: Estimate) -> Iterator[WhatIf]:
    least = base.case.assume["billed_seconds_least"]
    for runs in (1, 4, 12, 24, 96):
        if runs != base.case.assume["runs_per_day"]:
            other = changed(base, assume={"runs_per_day": runs})
            seconds = [other.case.work.runs_of[job.key].seconds for job in other.case.environment.jobs()]
            short = sum(each <= least for each in seconds)
            remark = f"a run of the three jobs takes {sum(seconds) / 60:.0f} min"
            remark += (
                f"; {short} of the three {'is' if short == 1 else 'are'} charged a minute, which is the least"
                if short
                else ""
            )
            remark += "; so many do not fit into a day" if other.case.work.hours_per_day > 24 else ""
            yield _variant(base, "Frequency", f"{runs} run{'s' if runs > 1 else ''} a day", other, remark)


def _growth(base: Estimate) -> Iterator[WhatIf]:
    for months in (1, 6, 24):
        yield _variant(
            base,
            "Growth",
            f"after {months} month{'s' if months > 1 else ''}",
            changed(base, assume={"months_running": months}),
            "storage grows, and each quality check reads the whole table",
        )
    yield _variant(
        base,
        "Growth",
        "one row in ten is new, the others replace rows",
        changed(base, assume={"new_rows_share": 0.1}),
        "tables grow less, so quality checks read less",
    )


def _region(base: Estimate) -> WhatIf:
    case = base.case
    region = "eu-central-1" if case.prices.region != "eu-central-1" else "us-east-1"
    other = estimate(case.environment, case.work.gb_per_day, case.assume, load_prices(region))
    return _variant(base, "Region", region, other)
