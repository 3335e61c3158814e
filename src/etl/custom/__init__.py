"""Python steps of datasets, for what SQL can't say: ``<dataset>.py`` with a function ``transform(df, context)``."""
