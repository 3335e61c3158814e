"""How fast and how long a stream goes: ``50/s``, ``12/m``, ``2m``."""

from __future__ import annotations

import re

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_RATE = re.compile(r"(\d+(?:\.\d+)?)/([smh])")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smh])")


class RateError(ValueError):
    """The text is no rate or duration; the message says what would be one."""


def per_second(text: str) -> float:
    """A rate in units a second.

    Args:
        text: a number, a slash and s, m or h: ``50/s``, ``12/m``.

    Raises:
        RateError: it is none, or zero.
    """
    found = _RATE.fullmatch(text.strip())
    rate = float(found[1]) / _SECONDS[found[2]] if found else 0.0
    if not rate:
        raise RateError(f"{text!r} is no rate: write a number above 0 a second, minute or hour, such as 50/s or 12/m")
    return rate


def seconds(text: str) -> float:
    """A duration in seconds.

    Args:
        text: a number and s, m or h: ``90s``, ``2m``.

    Raises:
        RateError: it is none, or zero.
    """
    found = _DURATION.fullmatch(text.strip())
    length = float(found[1]) * _SECONDS[found[2]] if found else 0.0
    if not length:
        raise RateError(f"{text!r} is no duration: write a number above 0 and s, m or h, such as 90s or 2m")
    return length
