"""How often a schedule fires in a month."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from functools import cache

from croniter import croniter

from cost.errors import CostError
from cost.volume import DAYS_PER_MONTH
from local_cloud.protocol import GlueError
from local_cloud.schedule import next_time

_MINUTES = {"minute": 1, "hour": 60, "day": 1440}
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
# Four years, so that every weekday and the 29th of February count as often as they come.
_FROM = datetime(2025, 1, 1, tzinfo=timezone.utc)
_DAYS = 1461


@cache
def fires_per_month(expression: str | None) -> float:
    """Times a month, on average over four years.

    Args:
        expression: ``rate(…)`` or ``cron(…)`` as AWS has it; None fires never.

    Raises:
        CostError: it is neither.
    """
    if expression is None:
        return 0.0
    rate = _RATE.fullmatch(expression.strip())
    if rate and int(rate[1]) > 0:
        return DAYS_PER_MONTH * 1440 / (int(rate[1]) * _MINUTES[rate[2]])
    fields = expression.strip().removeprefix("cron(").removesuffix(")").split()
    if not expression.strip().startswith("cron(") or len(fields) != 6:
        raise CostError(f"the schedule {expression!r} is neither rate(30 minutes) nor cron(0 2 * * ? *)")
    return _times_a_day(fields) * _days(fields) / _DAYS * DAYS_PER_MONTH


def _times_a_day(fields: list[str]) -> int:
    try:
        minutes, hours, *_ = croniter.expand(f"{fields[0]} {fields[1]} * * *")[0]
    except ValueError as error:
        raise CostError(f"the schedule cron({' '.join(fields)}): {error}") from error
    return (60 if minutes == ["*"] else len(minutes)) * (24 if hours == ["*"] else len(hours))


def _days(fields: list[str]) -> int:
    """Days of the four years on which it fires: the schedule at midnight, counted."""
    daily, count, moment = f"cron(0 0 {' '.join(fields[2:])})", 0, _FROM - timedelta(seconds=1)
    try:
        while (found := next_time(daily, moment)) is not None and found < _FROM + timedelta(days=_DAYS):
            count, moment = count + 1, found
    except (GlueError, ValueError) as error:
        raise CostError(f"the schedule cron({' '.join(fields)}): {error}") from error
    return count
