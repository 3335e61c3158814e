"""The Glue runtime seen from a job: arguments, Spark session, storage, logging.

The only file that knows ``awsglue``. Jobs reach storage through Hadoop's FileSystem and never through
boto3's S3, so that the same code runs on S3, on the laptop's lake and on a test's temporary folder.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

# What every run needs whatever the job definition says; --conf of the job sets the static ones (catalogs).
SESSION_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # Values that don't fit a format become null and are rescued; the default would stop the job.
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    # Contracts' expressions mean the same on every Glue version: what can't be computed is null, and rules see it. With
    # Spark 4's default one division by zero would stop the whole batch.
    "spark.sql.ansi.enabled": "false",
    # Spark 4 reads files of a few encodings only, and stops at bytes that are no text; as Spark 3 does, take any of
    # Java's encodings and put a question mark for such bytes.
    "spark.sql.legacy.javaCharsets": "true",
    "spark.sql.legacy.codingErrorAction": "true",
    # Spark looks up the files of a batch in tasks; its default is a task for each file.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "64",
    # Target size of the output files (AQE's rebalance).
    "spark.sql.adaptive.advisoryPartitionSizeInBytes": "128m",
}
HASHING_THREADS = 16
# Their listFiles starts a process for each file, to ask for permissions.
_LOCAL_FILESYSTEMS = ("RawLocalFileSystem", "LocalFileSystem", "ViewFileSystemOverloadScheme", "ViewFileSystem")
READ_BY_AWSGLUE = ("JOB_ID", "JOB_RUN_ID", "SECURITY_CONFIGURATION")


class MissingArgumentError(Exception):
    """A required job argument was not given."""


@dataclass(frozen=True)
class StoredFile:
    """A file as a listing shows it: URI, size in bytes, modification time in milliseconds since 1970."""

    uri: str
    size: int
    modified_ms: int


def resolve_arguments(argv: Sequence[str], required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, str]:
    """Read job arguments as Glue passes them (``--name value``).

    Args:
        argv: the process's arguments, ``sys.argv``.
        required: names that must be there.
        optional: names that are left out of the answer when they are not given.

    Raises:
        MissingArgumentError: naming every missing argument.
    """
    from awsglue.utils import GlueArgumentError, getResolvedOptions

    given = {arg.split("=", 1)[0].removeprefix("--") for arg in argv if arg.startswith("--")}
    missing = [name for name in required if name not in given]
    if missing:
        names = ", ".join(f"--{name}" for name in missing)
        raise MissingArgumentError(
            f"missing job argument(s): {names}. They are default arguments of the Glue job (terraform/modules/glue); "
            f"a run started by hand can pass them with --arguments."
        )
    wanted = [*required, *(name for name in optional if name in given)]
    try:
        # awsglue reads its own names by itself, and refuses to be asked for them.
        options = getResolvedOptions(list(argv), [name for name in wanted if name not in READ_BY_AWSGLUE])
    except GlueArgumentError as error:
        raise MissingArgumentError(f"job arguments cannot be read: {error}") from error
    return {name: options[name] for name in wanted}


def spark_session(app_name: str) -> SparkSession:
    """The job's Spark session: Glue's on AWS (GlueContext), plain Spark elsewhere.

    Args:
        app_name: shown in the Spark UI and history.
    """
    session = SparkSession.builder.appName(app_name).getOrCreate()
    if _runs_on_glue(session):
        from awsglue.context import GlueContext

        session = GlueContext(session.sparkContext).spark_session
    for name, value in SESSION_SETTINGS.items():
        session.conf.set(name, value)
    return session


def _runs_on_glue(session: SparkSession) -> bool:
    """Glue's own JVM classes tell; the awsglue Python package is installed in both places."""
    jvm: Any = session._jvm
    loader = jvm.Thread.currentThread().getContextClassLoader()
    return loader.getResource("com/amazonaws/services/glue/GlueContext.class") is not None


def job_logger(name: str) -> logging.Logger:
    """A logger that writes to standard output, which Glue sends to CloudWatch Logs.

    Args:
        name: the logger's name, usually the stage.
    """
    logger = logging.getLogger(name)
    if not logging.getLogger().handlers:
        logging.basicConfig(
            stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
        logging.getLogger("py4j").setLevel(logging.WARNING)
        logging.getLogger("botocore").setLevel(logging.WARNING)
    return logger


class Storage:
    """Files by URI through Hadoop's FileSystem.

    Args:
        spark: the session whose Hadoop configuration knows the URI schemes in use.
    """

    def __init__(self, spark: SparkSession) -> None:
        self._jvm: Any = spark._jvm
        self._conf = spark._jsc.hadoopConfiguration()

    def _path(self, uri: str) -> Any:
        # Path(String) takes the key as it is; a URI would be percent-decoded.
        return self._jvm.org.apache.hadoop.fs.Path(uri)

    def _filesystem(self, path: Any) -> Any:
        return path.getFileSystem(self._conf)

    def exists(self, uri: str) -> bool:
        """Whether a file or folder is there."""
        path = self._path(uri)
        return bool(self._filesystem(path).exists(path))

    def list_files(self, uri: str) -> Iterator[StoredFile]:
        """All files below a folder, recursively; nothing when the folder is not there."""
        path = self._path(uri)
        filesystem = self._filesystem(path)
        if not filesystem.exists(path):
            return
        if filesystem.getClass().getSimpleName() in _LOCAL_FILESYSTEMS:
            yield from self._walk(filesystem, path)
            return
        # One request for a thousand objects, however many folders they lie in.
        found = filesystem.listFiles(path, True)
        while found.hasNext():
            yield _stored_file(found.next())

    def _walk(self, filesystem: Any, path: Any) -> Iterator[StoredFile]:
        for status in filesystem.listStatus(path):
            if status.isDirectory():
                yield from self._walk(filesystem, status.getPath())
            else:
                yield _stored_file(status)

    def list_folder(self, uri: str) -> list[StoredFile]:
        """The files of a folder itself, without those of its subfolders; nothing when it is not there."""
        path = self._path(uri)
        try:
            statuses = self._filesystem(path).listStatus(path)
        except Py4JJavaError as error:
            if java_class(error) != "java.io.FileNotFoundException":
                raise
            return []
        return [_stored_file(status) for status in statuses if status.isFile()]

    def read_bytes(self, uri: str, start: int, length: int) -> bytes:
        """``length`` bytes from ``start``; fewer never: the caller knows the size."""
        path = self._path(uri)
        with closing(self._filesystem(path).open(path)) as stream:
            stream.seek(start)
            return bytes(self._jvm.org.apache.commons.io.IOUtils.toByteArray(stream, length))

    def read_text(self, uri: str) -> str:
        """A whole small file as UTF-8 text."""
        path = self._path(uri)
        with closing(self._filesystem(path).open(path)) as stream:
            return str(self._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))

    def write_text(self, uri: str, text: str) -> None:
        """Write a small file as UTF-8, replacing what was there."""
        path = self._path(uri)
        with closing(self._filesystem(path).create(path, True)) as stream:
            stream.write(bytearray(text.encode("utf-8")))

    def copy(self, source: str, target: str) -> None:
        """Copy a file byte for byte, replacing the target."""
        from_path, to_path = self._path(source), self._path(target)
        self._jvm.org.apache.hadoop.fs.FileUtil.copy(
            self._filesystem(from_path),
            from_path,
            self._filesystem(to_path),
            to_path,
            False,
            True,
            self._conf,
        )

    def delete(self, uri: str) -> None:
        """Remove a file or a whole folder; nothing happens when it is not there."""
        path = self._path(uri)
        self._filesystem(path).delete(path, True)

    def content_hashes(self, uris: Sequence[str], algorithm: str = "SHA-256") -> dict[str, str]:
        """A hash of each file's bytes, streamed inside the JVM so that any size passes.

        Args:
            uris: the files.
            algorithm: a name Java knows: SHA-256, SHA-1, MD5.

        Returns:
            URI -> hexadecimal digest; a file that is gone is left out.
        """
        with ThreadPoolExecutor(HASHING_THREADS) as pool:
            found = zip(uris, pool.map(lambda uri: self._content_hash(uri, algorithm), uris), strict=True)
            return {uri: digest for uri, digest in found if digest is not None}

    def _content_hash(self, uri: str, algorithm: str) -> str | None:
        path = self._path(uri)
        digests = self._jvm.org.apache.commons.codec.digest.DigestUtils(algorithm)
        try:
            with closing(self._filesystem(path).open(path)) as stream:
                return str(digests.digestAsHex(stream))
        except Py4JJavaError as error:
            if java_class(error) != "java.io.FileNotFoundException":
                raise
            return None


def java_class(error: Py4JJavaError) -> str:
    """The full name of the Java exception behind an error."""
    return str(error.java_exception.getClass().getName())


def _stored_file(status: Any) -> StoredFile:
    return StoredFile(status.getPath().toString(), int(status.getLen()), int(status.getModificationTime()))
