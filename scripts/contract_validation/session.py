"""A small, silent Spark session that needs no AWS."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pyspark.sql import SparkSession

from local_cloud.java import java_home
from utils.glue_utils import SESSION_SETTINGS

# Without an appender Spark takes its own settings instead, and for the class that it starts with its own level.
_SILENT = """
status = off
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
rootLogger.level = off
rootLogger.appenderRef.console.ref = console
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = off
"""
_QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData -Xshare:auto"
_SETTINGS = {
    **SESSION_SETTINGS,
    "spark.master": "local[1]",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": "1g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.catalogImplementation": "in-memory",
}


@contextmanager
def quiet_spark(
    name: str = "validate_contracts", quick: bool = True, settings: Mapping[str, str] | None = None
) -> Iterator[SparkSession]:
    """A session that writes nothing to the terminal and leaves nothing behind.

    Args:
        name: of the command that asks.
        quick: Java starts fast and computes slowly, which suits small data.
        settings: beside those of a session that only compiles, e.g. ``spark.master``.

    Raises:
        LocalCloudError: there is no Java 17.
    """
    os.environ["JAVA_HOME"] = str(java_home())
    os.environ["PYSPARK_PYTHON"] = sys.executable
    # What Java says while it starts comes before any logging is set.
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["SPARK_LAUNCHER_OPTS"] = _QUICK_JAVA
    with tempfile.TemporaryDirectory(prefix=f"{name.replace('_', '-')}-") as folder:
        logging = Path(folder, "log4j2.properties")
        logging.write_text(_SILENT)
        options = f"-Dlog4j2.configurationFile={logging.as_uri()} -Djava.io.tmpdir={folder}"
        chosen = {
            **_SETTINGS,
            "spark.app.name": name,
            "spark.driver.extraJavaOptions": f"{_QUICK_JAVA} {options}" if quick else options,
            "spark.local.dir": folder,
            "spark.sql.warehouse.dir": f"{folder}/warehouse",
            **(settings or {}),
        }
        builder = SparkSession.builder
        for key, value in chosen.items():
            builder = builder.config(key, value)
        spark = builder.getOrCreate()
        try:
            yield spark
        finally:
            spark.stop()
