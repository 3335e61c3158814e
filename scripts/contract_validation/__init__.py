"""Looks through dataset contracts without running the pipeline (scripts/validate_contracts.py)."""
