"""Proves the AWS Glue job of a pull request before it merges."""

__version__ = "0.1.0"
