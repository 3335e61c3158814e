"""Staging: a file that Spark can't read as it lies is rewritten once, as a stream, into a folder of the batch.

Unpacking, decoding and the rewriting of JSON documents happen inside the JVM, with flat memory and no byte through
Python; Excel sheets are the exception (:mod:`etl.reading.excel`). The raw file is never changed. The copy of object
``<key>`` is ``<folder><key>/rows.staged``: the key can be read off it whatever characters it has
(:func:`etl.reading.readers.read_files` shows it in ``_source_file``), the name tells Hadoop no codec, is never hidden,
and is no longer than a file system allows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from etl.discovery import SourceFile
from etl.errors import UnreadableFileError
from etl.reading.excel import sheet_to_csv
from etl.reading.formats import FileFormat
from utils.glue_utils import Storage

STAGED_NAME = "/rows.staged"
# What S3 takes for a key.
MAX_KEY_BYTES = 1024
# The packing of a staged sheet: kind xlsx tells the reader that a row's place comes first.
STAGED = "staged"
_BUFFER = 1024 * 1024
_TEXT = ("csv", "json")
# Errors that begin in these packages are of the content; all others (storage, memory) are not the file's fault.
_DECODERS = (
    "com.github.luben.zstd.",
    "org.apache.hadoop.io.compress.",
    "org.apache.commons.compress.",
    "java.util.zip.",
    "java.nio.charset.",
    "sun.nio.cs.",
)
_CUT_OFF = ("Truncated source", "truncated source", "Unexpected end", "unexpected end")


def needs_staging(found: FileFormat) -> bool:
    """Whether a file must be staged before Spark can read it.

    Args:
        found: as :func:`etl.reading.formats.detect` tells it.
    """
    if found.kind == "xlsx":
        return found.packing != STAGED
    one_document = found.kind == "json" and found.multiline
    return bool(found.packing) or one_document or (found.kind in _TEXT and not _spark_decodes(found))


def _spark_decodes(found: FileFormat) -> bool:
    """Spark splits text at the byte of a line feed, and reads JSON lines as UTF-8."""
    if found.kind == "json":
        return found.encoding.upper() in ("UTF-8", "US-ASCII")
    ascii_text = bytes(range(128))
    try:
        return ascii_text.decode(found.encoding) == ascii_text.decode("ascii")
    except (LookupError, UnicodeDecodeError):
        return False


def stage(
    spark: SparkSession,
    storage: Storage,
    file: SourceFile,
    found: FileFormat,
    folder: str,
    options: Mapping[str, Any] | None = None,
) -> tuple[str, FileFormat]:
    """Rewrite a file into a folder so that Spark can read it.

    Safe to call from several threads; doing it again replaces the copy.

    Args:
        spark: the session.
        storage: copies and deletes.
        file: the raw file.
        found: what it is; :func:`needs_staging` is true for it.
        folder: URI of the batch's staging folder, with a trailing slash.
        options: the contract's ``source.options`` (``sheet`` and ``header`` of Excel files).

    Returns:
        The copy's URI, and how it is read.

    Raises:
        UnreadableFileError: the content is cut off, damaged or not in its encoding; nothing is left in the folder.
    """
    target = staged_uri(folder, file.key)
    try:
        if found.kind == "xlsx":
            return target, _stage_sheet(storage, file, target, options or {}, found)
        _stream(spark, file.uri, target, found)
    except Py4JJavaError as error:
        storage.delete(target)
        raise _as_reason(error, found) from error
    except BaseException:
        storage.delete(target)
        raise
    text = found.kind in _TEXT
    staged = replace(found, packing="", encoding="UTF-8" if text else found.encoding)
    return target, replace(staged, multiline=False) if found.kind == "json" else staged


def staged_uri(folder: str, key: str) -> str:
    """Where the copy of an object goes.

    Args:
        folder: URI of the staging folder, with a trailing slash.
        key: the raw object's key.

    Raises:
        UnreadableFileError: S3 has no key of that length.
    """
    uri = f"{folder}{key}{STAGED_NAME}"
    if len(uri.partition("://")[2].partition("/")[2].encode()) > MAX_KEY_BYTES:
        raise UnreadableFileError("the object's key is too long to keep a readable copy of it; shorten it")
    return uri


def _stream(spark: SparkSession, source: str, target: str, found: FileFormat) -> None:
    jvm: Any = spark._jvm
    conf = spark._jsc.hadoopConfiguration()
    from_path, to_path = jvm.org.apache.hadoop.fs.Path(source), jvm.org.apache.hadoop.fs.Path(target)
    with ExitStack() as stack:
        raw = stack.enter_context(closing(from_path.getFileSystem(conf).open(from_path)))
        buffered = jvm.java.io.BufferedInputStream(raw, _BUFFER)
        content = _unpacked(jvm, conf, buffered, found.packing or _codec_of(jvm, conf, from_path))
        out = stack.enter_context(closing(to_path.getFileSystem(conf).create(to_path, True)))
        if found.kind == "json" and found.multiline:
            _copy_document(jvm, content, out, found.encoding)
        elif found.kind in _TEXT and found.encoding.upper() != "UTF-8":
            _copy_text(jvm, content, out, found.encoding)
        else:
            jvm.org.apache.commons.io.IOUtils.copyLarge(content, out)


def _codec_of(jvm: Any, conf: Any, path: Any) -> str:
    """The packing that the file's name tells rightly."""
    codec = jvm.org.apache.hadoop.io.compress.CompressionCodecFactory(conf).getCodec(path)
    names = {".gz": "gzip", ".bz2": "bzip2"}
    return "" if codec is None else names.get(str(codec.getDefaultExtension()), "")


def _unpacked(jvm: Any, conf: Any, stream: Any, packing: str) -> Any:
    """A stream of what is packed; each of these takes several members behind each other."""
    if packing == "zstd":
        return jvm.com.github.luben.zstd.ZstdInputStream(stream)
    if packing == "bzip2":
        # Hadoop's does not notice that the last block's end is missing.
        return jvm.org.apache.commons.compress.compressors.bzip2.BZip2CompressorInputStream(stream, True)
    if packing == "gzip":
        # Java's own takes damage behind the first member for the end of the file.
        codec = jvm.org.apache.hadoop.io.compress.GzipCodec()
        codec.setConf(conf)
        return codec.createInputStream(stream)
    return stream


def _reader(jvm: Any, stream: Any, encoding: str) -> Any:
    """A reader that stops at bytes that are no text in the encoding, past a byte order mark."""
    report = jvm.java.nio.charset.CodingErrorAction.REPORT
    decoder = jvm.java.nio.charset.Charset.forName(encoding).newDecoder()
    decoder.onMalformedInput(report).onUnmappableCharacter(report)
    reader = jvm.java.io.PushbackReader(jvm.java.io.BufferedReader(jvm.java.io.InputStreamReader(stream, decoder)))
    first = reader.read()
    if first not in (-1, 0xFEFF):
        reader.unread(first)
    return reader


def _copy_text(jvm: Any, content: Any, out: Any, encoding: str) -> None:
    writer = jvm.java.io.BufferedWriter(jvm.java.io.OutputStreamWriter(out, "UTF-8"))
    jvm.org.apache.commons.io.IOUtils.copyLarge(_reader(jvm, content, encoding), writer)
    writer.flush()


def _copy_document(jvm: Any, content: Any, out: Any, encoding: str) -> None:
    """One JSON array or object as a line for each of its records, with every number's digits as they are.

    Spark reads a file's first document only, and a whole file in one task; lines it can split.
    """
    jackson = jvm.com.fasterxml.jackson
    mapper = jackson.databind.ObjectMapper()
    mapper.enable(jackson.databind.DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
    parser = mapper.getFactory().createParser(_reader(jvm, content, encoding))
    parser.nextToken()
    if parser.isExpectedStartArrayToken():
        # So that the array's values are read one by one, and never all at once.
        parser.clearCurrentToken()
    # As maps: Jackson's own trees make 1e400 infinite (JsonNode), or stop at integers beyond 64 bits (TokenBuffer).
    records = mapper.readerFor(jvm.java.lang.Object._java_lang_class).readValues(parser)
    lines = mapper.writer().withRootValueSeparator("\n").writeValues(out)
    lines.writeAll(jvm.org.apache.commons.collections4.IteratorUtils.asIterable(records))
    if parser.nextToken() is not None:
        raise UnreadableFileError("it holds more than one JSON document; send JSON lines or one array")
    lines.flush()


def _stage_sheet(
    storage: Storage, file: SourceFile, target: str, options: Mapping[str, Any], found: FileFormat
) -> FileFormat:
    """A sheet as CSV, by way of the driver's disk: a zip archive is not read from front to back."""
    with tempfile.TemporaryDirectory() as scratch:
        book, rows = Path(scratch, "book.xlsx"), Path(scratch, "rows.csv")
        storage.copy(file.uri, book.as_uri())
        header, multiline = sheet_to_csv(book, rows, options.get("sheet"), bool(options.get("header", True)))
        storage.copy(rows.as_uri(), target)
    return replace(found, header=header, multiline=multiline, delimiter=",", packing=STAGED, encoding="UTF-8")


def _as_reason(error: Py4JJavaError, found: FileFormat) -> Exception:
    """The error as the reason for which the file is refused, or itself when it is not the file's."""
    cause: Any = error.java_exception
    while cause.getCause() is not None:
        cause = cause.getCause()
    frames = cause.getStackTrace()
    name, message = str(cause.getClass().getName()), str(cause.getMessage())
    if name.startswith("com.fasterxml.jackson."):
        place = cause.getLocation()
        where = f" at line {place.getLineNr()}, column {place.getColumnNr()}" if place is not None else ""
        return UnreadableFileError(f"not valid JSON: {cause.getOriginalMessage()}{where}")
    if not (name.startswith(_DECODERS) or (frames and str(frames[0].getClassName()).startswith(_DECODERS))):
        unknown: Exception = error
        return unknown
    if name.startswith(("java.nio.charset.", "sun.nio.cs.")):
        return UnreadableFileError(f"its bytes are not text in {found.encoding}: {message}")
    what = found.packing or "compressed"
    if any(text in message for text in _CUT_OFF):
        return UnreadableFileError(f"the {what} data ends too early (was the upload cut off?)")
    return UnreadableFileError(f"the {what} data is damaged: {message}")
