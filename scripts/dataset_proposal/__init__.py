"""Proposes a dataset's contract from a sample of its files (scripts/new_dataset.py)."""
