"""Checks any file against DQDL rules (scripts/check_quality.py): reads, evaluates, tells, and writes what CI takes."""
