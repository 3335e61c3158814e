"""The errors of a replay that are told to the user."""

from __future__ import annotations


class ReplayError(Exception):
    """A replay can't be done; the message says what, where, and what would be right."""
