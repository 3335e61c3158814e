"""The curated layer: Iceberg tables that change in whole steps, or not at all."""
