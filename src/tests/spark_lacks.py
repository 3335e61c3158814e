"""What the Spark of a Glue version lacks, and what becomes of the tests that need it: they are skipped, and say why.

The package that ships Iceberg's jar has it for Spark 3.5 only; for other versions ``ICEBERG_JAR`` names one. Without
one, a test that fails after Java has said that the catalog's class is not there is skipped. So is one that fails as the
pipeline refuses what needs a newer Spark, on that Spark only. Every other failure stays one.
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
MISSING = f"needs Iceberg for Spark {'.'.join(map(str, SPARK_VERSION))}: name its jar in ICEBERG_JAR"
# What the pipeline says of an Iceberg that is too old, or not there at all; and of what Spark 3.3 can't do.
REFUSALS = {
    "needs branches of Iceberg tables": MISSING,
    "pii: tokenise needs Spark 3.5": "pii: tokenise needs Spark 3.5",
}

told_otherwise = pytest.mark.skipif(SPARK_VERSION < (3, 4), reason="Spark 3.3 says the same in other words")
times_without_zone = pytest.mark.skipif(SPARK_VERSION < (3, 4), reason="Spark 3.3 has no times without a zone")


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


class SkipWhatSparkLacks:
    """Pytest's plugin for other versions than the one of the default Glue version."""

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
        """Turn the failure of a test that asked for what is not there into a skip with its reason."""
        report = yield
        told = report.longreprtext + report.caplog if report.failed else ""
        reasons = [MISSING] if self._asked else [reason for text, reason in REFUSALS.items() if text in told]
        if report.failed and reasons:
            report.outcome = "skipped"
            report.longrepr = (str(item.path), item.location[1], reasons[0])
        return report


def something_is_lacking() -> bool:
    """Whether tests may need what this Spark has not."""
    return iceberg_jar() is None or SPARK_VERSION < (3, 5)
