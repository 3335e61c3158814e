"""Fixtures of the library's tests: one Spark session per run, and a lake of temporary buckets."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import snowpark_connect_deps_iceberg as iceberg_deps
from pyspark.sql import DataFrame, SparkSession

from utils.glue_utils import SESSION_SETTINGS, Storage

SPARK_SETTINGS = {
    **SESSION_SETTINGS,
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.memory": "1g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    "spark.sql.catalog.glue_catalog": "org.apache.iceberg.spark.SparkCatalog",
    "spark.sql.catalog.glue_catalog.type": "hadoop",
    "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme",
    "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
}


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A local session with Iceberg, whose ``s3://`` buckets are folders (see the lake fixture)."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    jar = iceberg_deps.get_jar_path("iceberg-spark-runtime-3.5_2.12-1.9.2.jar")
    builder = SparkSession.builder.master("local[2]").appName("tests").config("spark.jars", str(jar))
    for name, value in SPARK_SETTINGS.items():
        builder = builder.config(name, value)
    warehouse = tmp_path_factory.mktemp("warehouse")
    session = (
        builder.config("spark.sql.catalog.glue_catalog.warehouse", "s3://warehouse/")
        .config("spark.hadoop.fs.viewfs.mounttable.warehouse.linkFallback", warehouse.as_uri())
        .config("spark.sql.warehouse.dir", str(warehouse / "hive"))
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture
def storage(spark: SparkSession) -> Storage:
    """Files by URI, as the jobs see them."""
    return Storage(spark)


class Lake:
    """Buckets that are folders of one temporary directory."""

    def __init__(self, spark: SparkSession, root: Path) -> None:
        self._hadoop = spark._jsc.hadoopConfiguration()
        self._root = root
        self._suffix = uuid.uuid4().hex[:8]

    def bucket(self, name: str) -> str:
        """The bucket's real name; it exists and ``s3://<name>/`` works from now on."""
        bucket = f"{name}-{self._suffix}"
        folder = self._root / bucket
        if not folder.exists():
            folder.mkdir(parents=True)
            self._hadoop.set(f"fs.viewfs.mounttable.{bucket}.linkFallback", folder.as_uri())
        return bucket

    def folder(self, name: str) -> Path:
        """The folder behind a bucket."""
        return self._root / self.bucket(name)

    def put(self, name: str, key: str, content: bytes | str) -> Path:
        """Write an object and return its local path."""
        path = self.folder(name) / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> Lake:
    """Temporary buckets under ``s3://``."""
    return Lake(spark, tmp_path / "lake")


@pytest.fixture
def frame(spark: SparkSession) -> Callable[..., DataFrame]:
    """A factory of small frames: ``frame("id string, n int", ("a", 1), ...)``."""

    def make(schema: str, *rows: tuple[object, ...]) -> DataFrame:
        return spark.createDataFrame(list(rows), schema)

    return make
