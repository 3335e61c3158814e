"""Fixtures of the library's tests: one Spark session per run, a lake of temporary buckets, and moto's AWS.

Tests that need no Spark take ``aws`` alone; ``start`` makes whole runs on the lake.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from pyspark.sql import DataFrame, SparkSession

from etl.pipeline import Pipeline, open_pipeline
from etl.settings import settings_from
from shop import Shop
from spark_lacks import CATALOG_CLASS, SkipWhatSparkLacks, iceberg_jar, something_is_lacking
from utils.glue_utils import SESSION_SETTINGS, Storage

CONTRACTS = Path(__file__).parents[1] / "config" / "datasets"
BOOKMARKS, STATE = "bookmarks", "state"
ALERTS_TOPIC = "arn:aws:sns:us-east-1:123456789012:alerts"
# Set on a developer's machine or in CI, these would send a test's calls elsewhere than to moto.
FOREIGN_SETTINGS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_GLUE", "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE")

ICEBERG_EXTENSIONS = "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"
SPARK_SETTINGS = {
    **SESSION_SETTINGS,
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.memory": "1g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.catalog.glue_catalog": CATALOG_CLASS,
    "spark.sql.catalog.glue_catalog.type": "hadoop",
    "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme",
    "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
}


def pytest_configure(config: pytest.Config) -> None:
    """On the Spark of another Glue version, tests of what it has not are skipped."""
    if something_is_lacking():
        config.pluginmanager.register(SkipWhatSparkLacks())


def pytest_make_parametrize_id(val: object) -> str | None:
    """Bytes in the names of tests would be unreadable; and packed ones hold the time, and differ between workers."""
    return "bytes" if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A local session with Iceberg, whose ``s3://`` buckets are folders (see the lake fixture)."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    # One task at a time: the workers of a run share the machine's cores, and small frames gain nothing by more.
    builder = SparkSession.builder.master("local[1]").appName("tests")
    if jar := iceberg_jar():
        builder = builder.config("spark.jars", str(jar)).config("spark.sql.extensions", ICEBERG_EXTENSIONS)
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


@pytest.fixture(scope="session")
def boto_session() -> boto3.Session:
    """One session for all tests: loading the services' models takes most of a small test's time."""
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")


@pytest.fixture
def aws(boto_session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """moto in this process, with the tables, the topic and the database that Terraform makes elsewhere."""
    for name in FOREIGN_SETTINGS:
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        # moto starts every test without a session.
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto_session)
        _create_table(BOOKMARKS, "source", "object_key")
        _create_table(STATE, "entity", "id")
        boto3.client("sns").create_topic(Name=ALERTS_TOPIC.rpartition(":")[2])
        boto3.client("glue").create_database(DatabaseInput={"Name": "tests"})
        yield


def _create_table(name: str, hash_key: str, range_key: str) -> None:
    keys = [(hash_key, "HASH"), (range_key, "RANGE")]
    boto3.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key, _ in keys],
    )


@pytest.fixture
def start(aws: None, spark: SparkSession, lake: Lake) -> Callable[..., Pipeline]:
    """A factory of runs on the test's own buckets: ``start()``, or ``start(dataset="orders")`` with job arguments.

    Every run has an id of its own; the curated tables get a database of their own.
    """
    runs = iter(range(1000))

    def make(**arguments: str) -> Pipeline:
        buckets = {f"{layer}_bucket": lake.bucket(layer) for layer in ("raw", "processed", "curated", "quality")}
        settings = settings_from(
            {
                **buckets,
                "JOB_NAME": "job",
                "JOB_RUN_ID": f"jr_{next(runs)}",
                "environment": "test",
                "contracts_path": CONTRACTS.as_uri(),
                "bookmarks_table": BOOKMARKS,
                "state_table": STATE,
                "database": "db_" + lake.bucket("raw").replace("-", "_"),
                "alerts_topic_arn": ALERTS_TOPIC,
                **arguments,
            }
        )
        glue = boto3.client("glue")
        if settings.database not in [found["Name"] for found in glue.get_databases()["DatabaseList"]]:
            glue.create_database(DatabaseInput={"Name": settings.database})
        return open_pipeline(settings, spark, "test")

    return make


@pytest.fixture
def shop(start: Callable[..., Pipeline], lake: Lake, spark: SparkSession) -> Shop:
    """The contract of orders is there, and no file yet."""
    shop = Shop(start, lake, spark)
    shop.contract()
    return shop
