"""A real Spark job with the settings that Terraform gives the pipeline's jobs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.local_cloud.helpers import Cloud

from local_cloud.class_archive import ArchiveMaker, existing_archive
from local_cloud.java import java_home
from local_cloud.settings import Settings

SCRIPT = """
import json, sys
from awsglue.utils import getResolvedOptions
from pyspark.sql import SparkSession

options = getResolvedOptions(sys.argv, ["raw_bucket", "processed_bucket", "curated_bucket"])
spark = SparkSession.builder.getOrCreate()
rows = spark.read.option("header", True).csv(f"s3://{options['raw_bucket']}/in/")
rows.coalesce(1).write.mode("overwrite").parquet(f"s3://{options['processed_bucket']}/out/batch_id=a b/")
again = spark.read.parquet(f"s3://{options['processed_bucket']}/out/")
spark.sql("CREATE TABLE IF NOT EXISTS glue_catalog.db.people (id STRING, name STRING) USING iceberg")
spark.sql("INSERT INTO glue_catalog.db.people VALUES ('1', 'old'), ('9', 'kept')")
again.createOrReplaceTempView("changes")
spark.sql('''
    MERGE INTO glue_catalog.db.people t USING changes c ON t.id = c.id
    WHEN MATCHED THEN UPDATE SET name = c.name WHEN NOT MATCHED THEN INSERT (id, name) VALUES (c.id, c.name)
''')
table = spark.table("glue_catalog.db.people").orderBy("id").collect()
print(json.dumps({
    "files": sorted(row[0] for row in rows.select("_metadata.file_path").distinct().collect()),
    "table": [list(row) for row in table],
    "snapshots": spark.table("glue_catalog.db.people.snapshots").count(),
    "partitions": spark.conf.get("spark.sql.shuffle.partitions"),
    "zone": spark.conf.get("spark.sql.session.timeZone"),
    "ui": spark.sparkContext.uiWebUrl,
    "host": spark.conf.get("spark.driver.host"),
}))
"""


def glue_conf(curated: str) -> str:
    catalog = "spark.sql.catalog.glue_catalog"
    return " --conf ".join(
        [
            "spark.sql.extensions=org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
            f"{catalog}=org.apache.iceberg.spark.SparkCatalog",
            f"{catalog}.catalog-impl=org.apache.iceberg.aws.glue.GlueCatalog",
            f"{catalog}.io-impl=org.apache.iceberg.aws.s3.S3FileIO",
            f"{catalog}.warehouse=s3://{curated}/",
            "spark.sql.session.timeZone=UTC",
            "spark.sql.shuffle.partitions=3",
        ]
    )


def test_a_job_reads_and_writes_s3_and_merges_into_iceberg(cloud: Cloud) -> None:
    raw, processed, curated = (cloud.bucket(role) for role in ("raw", "processed", "curated"))
    cloud.put(raw, "in/day=1/a ü%20.csv", "id,name\n1,new\n")
    cloud.put(raw, "in/day=2/b.csv", "id,name\n2,two\n")
    job = cloud.job(
        SCRIPT,
        kind="glueetl",
        arguments={
            "--job-language": "python",
            "--job-bookmark-option": "job-bookmark-disable",
            "--enable-glue-datacatalog": "true",
            "--datalake-formats": "iceberg",
            "--TempDir": f"s3://{cloud.scripts}/tmp/",
            "--raw_bucket": raw,
            "--processed_bucket": processed,
            "--curated_bucket": curated,
            "--conf": glue_conf(curated),
        },
    )
    run = cloud.run(job)
    assert run["JobRunState"] == "SUCCEEDED", cloud.log(run, "stderr.log")
    seen = json.loads(cloud.log(run))
    assert [file.rpartition("/")[2] for file in seen["files"]] == ["a%20ü%2520.csv", "b.csv"]
    assert all(file.startswith(f"s3://{raw}/in/") for file in seen["files"])
    assert seen["table"] == [["1", "new"], ["2", "two"], ["9", "kept"]]
    assert seen["snapshots"] == 2
    assert (seen["partitions"], seen["zone"], seen["ui"], seen["host"]) == ("3", "UTC", None, "127.0.0.1")
    keys = cloud.keys(processed)
    assert any(key.startswith("out/batch_id=a b/part-") for key in keys)
    assert not any(".crc" in key or "_temporary" in key for key in keys + cloud.keys(curated))
    assert any(key.startswith("db/people/metadata/") for key in cloud.keys(curated))
    assert sorted(cloud.keys(raw)) == ["in/day=1/a ü%20.csv", "in/day=2/b.csv"]


def test_an_error_of_spark_is_the_message_of_the_run(cloud: Cloud) -> None:
    raw = cloud.bucket("raw")
    job = cloud.job(
        f"from pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate().read.parquet('s3://{raw}/nothing/')",
        kind="glueetl",
        arguments={"--raw_bucket": raw},
    )
    run = cloud.run(job)
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"].startswith("AnalysisException: [PATH_NOT_FOUND] Path does not exist")


def test_the_archive_of_classes_is_made_and_java_takes_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, cache=tmp_path / "cache")
    assert existing_archive(settings) is None
    maker = ArchiveMaker(settings)
    maker.start()
    maker.wait()
    archive = existing_archive(settings)
    assert archive is not None
    assert not list((tmp_path / "cache").glob("archive-*"))
    java = str(java_home() / "bin" / "java")
    options = [f"-XX:SharedArchiveFile={archive}", "-XX:+UseSerialGC", "-version"]
    assert "sharing" in subprocess.run([java, *options], capture_output=True, text=True, check=True).stderr
