"""docs/cost: the pages that are made of estimates, and the check that they are not stale."""

from __future__ import annotations

from pathlib import Path

from cost.assumptions import Assumptions, load_assumptions
from cost.charts import bars
from cost.compute import MEMORY_GB, VCPUS, engines
from cost.estimate import Estimate, estimate
from cost.health_check import health_check_cost
from cost.prices import Prices, load_prices
from cost.report import render, service_chart
from cost.values import ROOT, read_environment
from cost.volume import HOURS_PER_MONTH
from cost.whatif import streaming_workers, what_ifs

FOLDER = ROOT / "docs" / "cost"
REGIONS = ("us-east-1", "eu-central-1")
# Examples, GB a day and runs a day: what a team may see in each environment.
EXAMPLES = {"dev": (1.0, 4), "staging": (5.0, 4), "prod": (50.0, 4)}
_DECISIONS = ("Glue", "Network", "Frequency", "Growth")
_HANGING_HOURS = 0.5


def pages() -> dict[str, str]:
    """Every file of docs/cost, by name.

    Raises:
        CostError: an estimate can't be made.
    """
    assume, prices = load_assumptions(), load_prices(REGIONS[0])
    done = {name: _example(name, assume, prices) for name in EXAMPLES}
    cases = [(each, what_ifs(each), streaming_workers(each)) for each in done.values()]
    compared = [(each, engines(each)) for each in done.values()]
    checks = {name: health_check_cost(each.case.environment, assume, prices) for name, each in done.items()}
    values = {
        "assume": assume,
        "cases": cases,
        "compared": compared,
        "checks": checks,
        "units": _units(prices, assume),
        "regions": [load_prices(region) for region in REGIONS],
        "hanging": 2 * _HANGING_HOURS * prices["glue.dpu_hour"].amount,
        "decisions": [
            each
            for each in cases[-1][1]
            if each.topic in _DECISIONS and each.change and "do not fit" not in each.remark
        ],
    }
    names = ("aws_cost_analysis", "cost_summary_executive", "compute_cost_analysis")
    files = {f"{name}.md": _tidy(render(f"{name}.md.j2", **values)) for name in names}
    files |= {f"{name}_by_service.svg": service_chart(each) for name, each in done.items()}
    for each, found in compared:
        name = each.case.environment.name
        files[f"{name}_engines.svg"] = bars(
            f"{name}: AWS and people, a month",
            {one.name.split(",")[0] if one.name.startswith("EC2") else one.name: one.sum_usd for one in found},
        )
    files["environments.svg"] = bars("Monthly cost", {name: each.usd for name, each in done.items()})
    return files


def write(folder: Path = FOLDER) -> list[str]:
    """Write the pages; the names of those that have changed."""
    folder.mkdir(parents=True, exist_ok=True)
    files = pages()
    changed = stale(folder, files)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return changed


def stale(folder: Path = FOLDER, files: dict[str, str] | None = None) -> list[str]:
    """The names of pages that are missing, or are not what would be written."""
    wanted = pages() if files is None else files
    return [
        name
        for name, text in wanted.items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]


def _example(name: str, assume: Assumptions, prices: Prices) -> Estimate:
    gb_per_day, runs = EXAMPLES[name]
    return estimate(read_environment(name), gb_per_day, assume.with_values({"runs_per_day": runs}, "example"), prices)


def _units(prices: Prices, assume: Assumptions) -> list[tuple[str, float, str]]:
    disk = assume["node_disk_gb"] * prices["ebs.gp3_gb_month"].amount / HOURS_PER_MONTH
    ec2, emr = prices["ec2.m5_xlarge_hour"].amount + disk, prices["emr.m5_xlarge_hour"].amount
    serverless = VCPUS * prices["emr.serverless_vcpu_hour"].amount + MEMORY_GB * prices["emr.serverless_gb_hour"].amount
    return [
        ("Glue", prices["glue.dpu_hour"].amount, "by the second, a minute at least; the start of workers is free"),
        ("Glue, FLEX", prices["glue.flex_dpu_hour"].amount, "the same; G.1X and G.2X"),
        ("EMR Serverless", serverless, "by the second, a minute at least, the start of workers included"),
        ("EMR on EC2 (m5.xlarge)", ec2 + emr, "by the second, a minute at least, from the cluster's start on"),
        ("EC2 (m5.xlarge)", ec2, "by the second, a minute at least, while the machine is on"),
    ]


def _tidy(text: str) -> str:
    """One empty line where the template left several."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.strip() or (lines and lines[-1]):
            lines.append(line.rstrip())
    return "\n".join(lines).strip() + "\n"
