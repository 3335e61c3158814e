"""An estimate: all lines of an environment in a month."""

from __future__ import annotations

from dataclasses import dataclass

from cost.assumptions import Assumptions
from cost.lines import SERVICES, Case, Line, total
from cost.prices import Prices
from cost.services.events import events_lines
from cost.services.glue import glue_lines
from cost.services.network import network_lines
from cost.services.s3 import s3_lines
from cost.services.state import state_lines
from cost.services.streams import streams_lines
from cost.services.watching import watching_lines
from cost.values import Environment
from cost.workload import workload

GROUPS = (glue_lines, s3_lines, state_lines, events_lines, watching_lines, network_lines, streams_lines)


@dataclass(frozen=True)
class Estimate:
    """What an environment costs in a month.

    Attributes:
        case: what it was computed from.
        lines: in the order of SERVICES.
    """

    case: Case
    lines: tuple[Line, ...]

    @property
    def usd(self) -> float:
        """US dollars a month."""
        return total(self.lines)

    def by_service(self) -> dict[str, float]:
        """US dollars a month by service, the dearest first; services without lines are left out."""
        sums = {service: total(line for line in self.lines if line.service == service) for service in SERVICES}
        used = {line.service for line in self.lines}
        return dict(sorted(((name, usd) for name, usd in sums.items() if name in used), key=lambda item: -item[1]))

    def unconfirmed(self) -> list[str]:
        """Keys of the prices that no published text was found for."""
        return sorted({line.price.key for line in self.lines if not line.price.confirmed})

    def notes(self) -> list[str]:
        """What a reader has to know of this estimate beside its assumptions."""
        notes = []
        if self.case.environment.name == "local":
            notes.append("local runs on the laptop and costs nothing: this is what its values would cost on AWS.")
        if self.case.environment["glue_version"] == "6.0":
            notes.append(
                "AWS charges Glue 6.0 by a price of its own, which is said to be lower. It could not be confirmed, so "
                "the price of 5.x is taken: the jobs cost less than is written here."
            )
        hours = self.case.work.hours_per_day
        if hours > 24:
            notes.append(
                f"So many runs do not fit: the workflow would take {hours:.0f} hours a day, one run at a time. "
                "Take fewer runs (runs_per_day) or more workers; until then this sum can't be reached, and files wait."
            )
        budget = self.case.environment["monthly_budget_usd"]
        if budget is not None and self.usd > budget:
            notes.append(f"This is more than monthly_budget_usd ({budget:,.0f} USD): the budget would tell people.")
        return notes


def estimate(environment: Environment, gb_per_day: float, assume: Assumptions, prices: Prices) -> Estimate:
    """What an environment costs in a month.

    Args:
        environment: its values.
        gb_per_day: that arrive.
        assume: the assumptions.
        prices: of the region.

    Raises:
        CostError: the values can't be, or a price is missing.
    """
    case = Case(environment, assume, workload(environment, gb_per_day, assume), prices)
    lines = [line for group in GROUPS for line in group(case)]
    return Estimate(case, tuple(sorted(lines, key=lambda line: SERVICES.index(line.service))))
