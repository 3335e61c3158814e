"""The Spark settings of a job run on the laptop: s3:// as folders, a local catalog, a quick start."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from local_cloud.arguments import listed
from local_cloud.java import java_home
from local_cloud.settings import HOST, LocalCloudError, Settings

_VIEWFS = "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme"
_LOCAL_FILES = "org.apache.hadoop.fs.RawLocalFileSystem"  # the checksummed one litters .crc files
_SCHEMES = ("s3", "s3a", "s3n")
_GLUE_CATALOG = "org.apache.iceberg.aws.glue.GlueCatalog"
_S3_FILE_IO = "org.apache.iceberg.aws.s3.S3FileIO"
_ICEBERG_JAR = "iceberg-spark-runtime-3.5_2.12-*.jar"

# Quick start of small runs: the first compiler only, the collector with the least threads.
_QUICK_JAVA = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xshare:auto")


def job_settings(
    settings: Settings,
    *,
    arguments: Mapping[str, str],
    job_conf: Mapping[str, str],
    buckets: Iterable[str],
    scratch: Path,
    archive: str | None,
) -> dict[str, str]:
    """All Spark settings of a run. What the job's own ``--conf`` says wins.

    Args:
        settings: of the local cloud.
        arguments: the merged arguments of the run.
        job_conf: the settings in its ``--conf``.
        buckets: the buckets that ``s3://`` addresses may name.
        scratch: a folder for temporary files, gone after the run.
        archive: the archive of loaded Java classes as Java's SharedArchiveFile takes it, when there is one.
    """
    formats = listed(arguments.get("--datalake-formats", ""))
    return {
        **_base(settings, scratch),
        **_storage(settings, buckets),
        # The archive belongs to a class path with Iceberg on it; Java refuses it for any other.
        **_java(settings, scratch, archive if "iceberg" in formats else None),
        **(_class_path([iceberg_jar()]) if "iceberg" in formats else {}),
        **local_catalogs(job_conf),
    }


def local_catalogs(job_conf: Mapping[str, str]) -> dict[str, str]:
    """The job's own settings, with every catalog that is Glue's on AWS made one of folders."""
    changed = dict(job_conf)
    for name, value in job_conf.items():
        if name.endswith(".catalog-impl") and value == _GLUE_CATALOG:
            del changed[name]
            changed[name.removesuffix("catalog-impl") + "type"] = "hadoop"
        elif (name.endswith(".type") and value == "glue") and name.startswith("spark.sql.catalog."):
            changed[name] = "hadoop"
        elif name.endswith(".io-impl") and value == _S3_FILE_IO:
            del changed[name]
    return changed


def properties_text(settings: Mapping[str, str]) -> str:
    """Settings as the text of a ``spark-defaults.conf``."""
    return "".join(f"{_escaped(name, key=True)}={_escaped(value)}\n" for name, value in settings.items())


def iceberg_jar() -> Path:
    """The Iceberg runtime, from a Python package, so that no Maven is needed.

    Raises:
        LocalCloudError: the package is not installed, or does not hold the jar.
    """
    package = "snowpark-connect-deps-iceberg"
    spec = importlib.util.find_spec(package.replace("-", "_"))
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    for folder in folders:
        for jar in sorted(Path(folder, "jars").glob(_ICEBERG_JAR)):
            return jar
    raise LocalCloudError(f"--datalake-formats iceberg needs the jar {_ICEBERG_JAR}; run: pip install {package}==1.0.1")


def quick_java_options(settings: Settings) -> list[str]:
    """Options of every Java of this local cloud; none for the profile ``large``."""
    return list(_QUICK_JAVA) if settings.profile == "small" else []


def spark_environment(settings: Settings, conf_file: Path, scratch: Path) -> dict[str, str]:
    """The environment that makes pyspark start with a file of settings, and with nothing of the user's."""
    return {
        "JAVA_HOME": str(java_home()),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": f"--properties-file {shlex.quote(str(conf_file))} pyspark-shell",
        # Spark puts this folder on its class path, and a class archive allows no folder there that has files.
        "SPARK_CONF_DIR": str(settings.home / "no-spark-conf"),
        "SPARK_LAUNCHER_OPTS": " ".join(quick_java_options(settings)),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_LOCAL_DIRS": str(scratch),
    }


def _base(settings: Settings, scratch: Path) -> dict[str, str]:
    return {
        "spark.master": "local[*]",
        "spark.driver.host": HOST,
        "spark.driver.bindAddress": HOST,
        "spark.driver.memory": settings.driver_memory,
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.sql.shuffle.partitions": "2" if settings.profile == "small" else "16",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }


def _storage(settings: Settings, buckets: Iterable[str]) -> dict[str, str]:
    conf = {"spark.hadoop.fs.file.impl": _LOCAL_FILES}
    for scheme in _SCHEMES:
        conf[f"spark.hadoop.fs.{scheme}.impl"] = _VIEWFS
        conf[f"spark.hadoop.fs.viewfs.overload.scheme.target.{scheme}.impl"] = _LOCAL_FILES
    for bucket in buckets:
        folder = settings.lake / bucket
        conf[f"spark.hadoop.fs.viewfs.mounttable.{bucket}.linkFallback"] = folder.as_uri()
    return conf


def _java(settings: Settings, scratch: Path, archive: str | None) -> dict[str, str]:
    options = [
        *quick_java_options(settings),
        "-Duser.timezone=UTC",
        f"-Djava.io.tmpdir={scratch}",
        # Should Java refuse the archive, it says so on standard output, which belongs to the job.
        *([f"-XX:SharedArchiveFile={archive}", "-Xlog:disable", "-Xlog:all=error:stderr"] if archive else []),
    ]
    return {"spark.driver.extraJavaOptions": " ".join(f'"{one}"' if " " in one else one for one in options)}


def _class_path(jars: list[Path]) -> dict[str, str]:
    # On the class path and not in spark.jars: only classes of the class path go into the archive.
    joined = ":".join(str(jar) for jar in jars)
    return {"spark.driver.extraClassPath": joined, "spark.executor.extraClassPath": joined}


def _escaped(text: str, *, key: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    if key:
        for sign in "=: #!":
            text = text.replace(sign, f"\\{sign}")
    return text
