"""What happens to rows between processed and curated, steered by a dataset's contract: ``DataFrame -> DataFrame``.

:mod:`etl.transform.flow` puts the steps in their order; each step has a module of its own.
"""
