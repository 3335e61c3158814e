"""The Iceberg jar of the tests' Spark, and what becomes of tests that need it where there is none.

The package that ships the jar has it for Spark 3.5 only. For other versions of Spark ``ICEBERG_JAR`` names one
(``scripts/test.sh --glue`` fetches it from Maven). Without one, a test that fails after Java has said that the
catalog's class is not there is skipped, and says so; every other failure stays one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import py4j.protocol
import pytest

from utils.spark_versions import SPARK_VERSION

CATALOG_CLASS = "org.apache.iceberg.spark.SparkCatalog"
# What the pipeline says of an Iceberg that is too old, or not there at all.
NO_BRANCHES = "needs branches of Iceberg tables"
MISSING = f"needs Iceberg for Spark {'.'.join(map(str, SPARK_VERSION))}: name its jar in ICEBERG_JAR"


def iceberg_jar() -> Path | None:
    """The jar for the Spark of this environment; none where there is none.

    Raises:
        FileNotFoundError: ``ICEBERG_JAR`` names a file that is not there.
    """
    if given := os.environ.get("ICEBERG_JAR"):
        if not Path(given).is_file():
            raise FileNotFoundError(f"ICEBERG_JAR names {given}, which is no file")
        return Path(given)
    if SPARK_VERSION != (3, 5):
        return None
    from snowpark_connect_deps_iceberg import get_jar_path

    return Path(get_jar_path("iceberg-spark-runtime-3.5_2.12-1.9.2.jar"))


class SkipWithoutIceberg:
    """Pytest's plugin for environments without the jar."""

    def __init__(self) -> None:
        self._asked = False

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Iterator[Any]:
        """Note whether Java misses the class while a test runs, even where a job keeps the error to itself."""
        self._asked = False
        real = py4j.protocol.Py4JJavaError.__init__

        def noting(error: Any, message: str, java_error: Any) -> None:
            real(error, message, java_error)
            self._asked = self._asked or CATALOG_CLASS in str(java_error)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(py4j.protocol.Py4JJavaError, "__init__", noting)
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Iterator[Any]:
        """Turn the failure of a test that asked for the catalog into a skip with its reason."""
        report = yield
        if report.failed and (self._asked or NO_BRANCHES in report.longreprtext):
            report.outcome = "skipped"
            report.longrepr = (str(item.path), item.location[1], MISSING)
        return report
