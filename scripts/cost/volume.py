"""How much data comes, as people say it: ``50 GB/day``."""

from __future__ import annotations

import re

from cost.errors import CostError

HOURS_PER_MONTH = 730.0
DAYS_PER_MONTH = HOURS_PER_MONTH / 24
_GB = {"MB": 0.001, "GB": 1.0, "TB": 1000.0, "PB": 1e6}
_PER_DAY = {"hour": 24.0, "day": 1.0, "week": 1 / 7, "month": 1 / DAYS_PER_MONTH}
_FORM = re.compile(r"\s*([0-9][0-9_,]*(?:\.[0-9]+)?)\s*([A-Za-z]+)\s*(?:/|per|a)\s*([A-Za-z]+)\s*", re.IGNORECASE)


def gb_per_day(text: str) -> float:
    """``50 GB/day``, ``1.5 TB per month`` -> GB a day.

    Args:
        text: amount, unit (MB, GB, TB, PB, by thousands), ``/``, ``per`` or ``a``, and hour, day, week or month.

    Raises:
        CostError: it is nothing of the kind.
    """
    match = _FORM.fullmatch(text)
    unit, period = (match[2].upper(), match[3].lower()) if match else ("", "")
    if not match or unit not in _GB or period not in _PER_DAY:
        raise CostError(
            f"the volume {text!r} is not understood; say it like '50 GB/day': a number of 0 or more, "
            f"one of {', '.join(_GB)}, and one of {', '.join(_PER_DAY)}"
        )
    return float(match[1].replace(",", "").replace("_", "")) * _GB[unit] * _PER_DAY[period]
