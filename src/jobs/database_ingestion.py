"""Glue Python-shell job: new rows of databases into raw, as files of JSON lines. See docs/connectors.md."""

import sys

from connectors.job import main

if __name__ == "__main__":
    main(sys.argv[1:])
