"""What can be wrong with a file or a request, said so that it can be put right."""

from __future__ import annotations


class ConversionError(Exception):
    """A file cannot be converted: what is wrong, where, and what would be right."""
