"""The one error of the estimate: what is wrong, where, and what would be right."""

from __future__ import annotations


class CostError(Exception):
    """An estimate can't be made; the message says why, and what would be right."""
