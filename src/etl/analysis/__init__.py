"""Contracts tried on tables without rows: whatever of them Spark can't compile is told before anything is read."""

from etl.analysis.contracts import analyse

__all__ = ["analyse"]
