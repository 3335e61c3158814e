"""A CSV file as a stream of rows: encoding, compression, delimiter and quotes are found out, or given."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from charset_normalizer import from_bytes

from csv_to_excel.errors import ConversionError
from etl.errors import UnreadableFileError
from etl.reading.csv_dialect import Dialect, sniff

HEAD_BYTES = 256 * 1024
_CHUNK_BYTES = 1024 * 1024
# A value longer than this is a quote that nobody closed.
_LONGEST_VALUE = 10 * 1024 * 1024
# Fewer letters beyond ASCII than this tell nothing about an encoding.
_ENOUGH_TO_TELL = 32
_GZIP = b"\x1f\x8b"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_EXCELS_FIRST_LINE = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """A CSV file and how it is written.

    Attributes:
        path: the file; read through gzip if it is packed.
        encoding: as Python names it.
        dialect: delimiter, quote and escape.
        has_header: the first row names the columns.
        has_marker: the first line is Excel's ``sep=…``, and no row.
    """

    path: Path
    encoding: str
    dialect: Dialect
    has_header: bool = True
    has_marker: bool = False

    def rows(self, on_bytes: Callable[[int], None] = lambda count: None) -> Iterator[list[str]]:
        """Every row but blank ones, the header too; of any width.

        Args:
            on_bytes: called with how many bytes of the file were read since the last call.

        Raises:
            ConversionError: bytes that the encoding does not have, or a quote that is never closed.
        """
        csv.field_size_limit(_LONGEST_VALUE)
        doubled = self.dialect.escape == self.dialect.quote
        with _opened(self.path, on_bytes) as binary:
            text = io.TextIOWrapper(binary, encoding=self.encoding, newline="")
            reader = csv.reader(
                (line.replace("\0", "") for line in text),  # a NUL can stand in no XML, and so in no workbook
                delimiter=self.dialect.delimiter,
                quotechar=self.dialect.quote,
                doublequote=doubled,
                escapechar=None if doubled else self.dialect.escape,
            )
            try:
                if self.has_marker:
                    next(reader, None)
                yield from (row for row in reader if row)
            except UnicodeDecodeError as error:
                raise ConversionError(
                    f"{self.path}: after line {reader.line_num} there are bytes that are not {self.encoding} "
                    f"({error.object[error.start : error.start + 4]!r}); name the right one with --encoding"
                ) from error
            except csv.Error as error:
                raise ConversionError(
                    f"{self.path}: after line {reader.line_num}: {error}. Most likely a quote {self.dialect.quote} is "
                    "opened and never closed; mend the line, or name another --quote"
                ) from error


def open_source(
    path: Path,
    encoding: str | None = None,
    delimiter: str | None = None,
    quote: str | None = None,
    has_header: bool = True,
) -> Source:
    """Find out how a file is written; what is given is taken as it is.

    Args:
        path: a CSV file, plain or packed with gzip.
        encoding: None finds it out: the byte order mark, UTF-8 if the whole file is, else the likeliest.
        delimiter: None finds it out.
        quote: None finds it out.
        has_header: the first row names the columns.

    Raises:
        ConversionError: there is no such file, it is empty, or the encoding has no such name.
    """
    if not path.is_file():
        raise ConversionError(f"{path}: there is no such file")
    if encoding is not None:
        try:
            codecs.lookup(encoding)
        except LookupError as error:
            raise ConversionError(
                f"--encoding {encoding}: Python knows no such encoding, e.g. utf-8, cp1252"
            ) from error
    found = encoding or find_encoding(path)
    head, whole = _head(path, found)
    marker = _EXCELS_FIRST_LINE.match(head)
    if marker:
        head, delimiter = head[marker.end() :], delimiter or marker[1]
    if not head.strip("\r\n\0 "):
        raise ConversionError(f"{path}: the file is empty; there is nothing to convert")
    options = {"header": True, **({"delimiter": delimiter} if delimiter else {}), **({"quote": quote} if quote else {})}
    try:
        dialect = sniff(head.replace("\0", ""), whole, options).dialect
    except UnreadableFileError as error:
        raise ConversionError(f"{path}: {error}") from error
    return Source(path, found, dialect, has_header, bool(marker))


def find_encoding(path: Path) -> str:
    """The encoding of a file: its byte order mark, UTF-8 if all of it is, else what its bytes look like most.

    Raises:
        ConversionError: the bytes look like no encoding: the file is no text.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    with _opened(path) as binary:
        chunk = binary.read(_CHUNK_BYTES)
        for mark, name in _MARKS:
            if chunk.startswith(mark):
                return name
        while chunk:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                return _likeliest(path, chunk)
            chunk = binary.read(_CHUNK_BYTES)
    return "utf-8"


def _likeliest(path: Path, chunk: bytes) -> str:
    """What a file that is not UTF-8 is: Windows' Western European, unless much of it speaks for another."""
    if sum(byte > 127 for byte in chunk) < _ENOUGH_TO_TELL and _is_cp1252(chunk):
        return "cp1252"
    best = from_bytes(chunk).best()
    if best is None:
        raise ConversionError(f"{path}: this is no text in any known encoding; is it a CSV file? Else name --encoding")
    # What looks like plain Latin-1 is written by Windows: the two differ only in control characters.
    return "cp1252" if best.encoding in ("ascii", "latin_1", "cp1250") and _is_cp1252(chunk) else best.encoding


def _is_cp1252(chunk: bytes) -> bool:
    try:
        chunk.decode("cp1252")
    except UnicodeDecodeError:
        return False
    return True


def _head(path: Path, encoding: str) -> tuple[str, bool]:
    with _opened(path) as binary:
        raw = binary.read(HEAD_BYTES)
        whole = not binary.read(1)
    # What cannot be decoded, if only because the head ends within a character, is told when the rows are read.
    return raw.decode(encoding, errors="replace"), whole


class _Counting(io.RawIOBase):
    """A file that tells how much of it was read; of a packed one, of what lies on the disk."""

    def __init__(self, file: IO[bytes], on_bytes: Callable[[int], None]) -> None:
        self._file, self._on_bytes = file, on_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._on_bytes(len(data))
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def _opened(path: Path, on_bytes: Callable[[int], None] = lambda count: None) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked if they are packed."""
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
        file.seek(0)
        counted: IO[bytes] = io.BufferedReader(_Counting(file, on_bytes), _CHUNK_BYTES)
        try:
            yield io.BufferedReader(gzip.GzipFile(fileobj=counted), _CHUNK_BYTES) if packed else counted
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ConversionError(f"{path}: the gzip file is cut off or broken: {error}") from error
