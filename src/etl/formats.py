"""What a file is, told by its first and last bytes; the extension only breaks ties."""

from __future__ import annotations

import bz2
import csv
import io
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from etl.errors import UnreadableFileError

HEAD_BYTES = 64 * 1024
# bzip2 gives out its first text when it has the whole first block, which holds up to 900 kB.
BZIP2_HEAD_BYTES = 1024 * 1024
TAIL_BYTES = 64
_GZIP, _BZIP2, _ZSTD = b"\x1f\x8b", b"BZh", b"\x28\xb5\x2f\xfd"
_CODEC_EXTENSIONS = {"gzip": ".gz", "bzip2": ".bz2"}
_DELIMITERS = ",;\t|"
_BOMS = {b"\xef\xbb\xbf": "UTF-8", b"\xff\xfe": "UTF-16LE", b"\xfe\xff": "UTF-16BE"}


@dataclass(frozen=True)
class FileFormat:
    """How a file is read. Files with equal formats are read together.

    Attributes:
        kind: csv, json, parquet, orc, avro or xlsx.
        multiline: a JSON file that is one array or object, not lines; a CSV file with a line break inside a value.
        header: the CSV header's cells; empty for other kinds and for CSV without a header.
        delimiter: of CSV.
        quote: of CSV; one character.
        escape: of CSV: what stands before a quote inside quotes, either the quote itself (doubled) or a backslash.
        encoding: of text, as Java names it.
        packing: how the file's bytes are packed where Spark can't tell it by the file's name: gzip, bzip2 or zstd,
            or none for a name that promises packing over bytes that are not packed; '' where the name is right.
    """

    kind: str
    multiline: bool = False
    header: tuple[str, ...] = ()
    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    encoding: str = "UTF-8"
    packing: str = ""


def head_length(name: str) -> int:
    """How many bytes of a file's beginning :func:`detect` needs, by the file's name."""
    return BZIP2_HEAD_BYTES if name.endswith(_CODEC_EXTENSIONS["bzip2"]) else HEAD_BYTES


def detect(name: str, head: bytes, tail: bytes, declared: str = "auto", options: Any = None) -> FileFormat:
    """The format of a file.

    Args:
        name: file name (for the codec's extension).
        head: its first bytes, up to :func:`head_length`.
        tail: its last bytes, up to TAIL_BYTES.
        declared: the contract's ``source.format``; text that could be CSV or JSON is read as declared.
        options: the contract's ``source.options``.

    Raises:
        UnreadableFileError: with the reason for which nothing can read the file.
    """
    options = options or {}
    if not head:
        raise UnreadableFileError("the file is empty")
    if name.startswith(("_", ".")):
        raise UnreadableFileError("names that start with _ or . are hidden to Spark; rename the file")
    binary = _binary_kind(name, head, tail)
    if binary:
        return FileFormat(binary)
    text_bytes, is_cut = _decompressed(name, head)
    text, encoding = _decoded(text_bytes, is_cut, options.get("encoding"))
    if not text.strip("\x00 \t\r\n"):
        raise UnreadableFileError("the file holds nothing but white space")
    if "\x00" in text:
        raise UnreadableFileError(
            "the content is neither text nor Parquet, ORC or Avro (for UTF-16 or UTF-32 without a byte order mark, "
            "set source.options.encoding in the contract)"
        )
    if declared == "json" or (declared == "auto" and text.lstrip("\ufeff \t\r\n")[:1] in "[{"):
        return FileFormat("json", multiline=_is_one_document(text), encoding=encoding)
    return _csv_format(text, encoding, options)


def _binary_kind(name: str, head: bytes, tail: bytes) -> str:
    """parquet, orc or avro by magic bytes; '' for text (a CSV header may start with ORCID or PAR1)."""
    if head.startswith(b"PAR1"):
        if tail.endswith(b"PAR1") and _is_binary(head):
            return "parquet"
        if _is_binary(head) or ".parquet" in name.lower():
            raise UnreadableFileError("a Parquet file without its footer (was the upload cut off?)")
    if head.startswith(b"ORC"):
        # The last byte is the postscript's length; the postscript ends with the magic, whose length comes before it.
        if tail[-5:-1] == b"\x03ORC":
            return "orc"
        if _is_binary(head) or ".orc" in name.lower():
            raise UnreadableFileError("an ORC file without its postscript (was the upload cut off?)")
    return "avro" if head.startswith(b"Obj\x01") else ""


def _is_binary(head: bytes) -> bool:
    return b"\x00" in head


def _decompressed(name: str, head: bytes) -> tuple[bytes, bool]:
    """The first bytes of the text, unpacked if the file is compressed, and whether there is more text behind them."""
    codec = _codec(head)
    # In this case only: Hadoop, which unpacks the files, takes no .GZ for gzip.
    extension = next((ext for ext in (*_CODEC_EXTENSIONS.values(), ".zst") if name.endswith(ext)), "")
    if codec == "zstd" or (extension == ".zst" and not codec):
        raise UnreadableFileError("Zstandard compression can't be read here; send gzip, bzip2 or plain files")
    if _CODEC_EXTENSIONS.get(codec, "") != extension:
        # Spark picks the codec by extension, and raw files are never changed or renamed.
        raise UnreadableFileError(
            f"the content is {codec or 'not compressed'} but the name ends in {extension or 'no codec extension'}; "
            f"rename it to end in {_CODEC_EXTENSIONS.get(codec, 'its own format')}"
        )
    openers: dict[str, Callable[[], Any]] = {
        "gzip": lambda: zlib.decompressobj(zlib.MAX_WBITS | 16),
        "bzip2": bz2.BZ2Decompressor,
    }
    if not codec:
        return head, len(head) >= HEAD_BYTES
    unpacking = openers[codec]()
    try:
        # Limited, because 64 KiB of bzip2 can hold gigabytes.
        data = bytes(unpacking.decompress(head, HEAD_BYTES))
    except (OSError, zlib.error) as error:
        raise UnreadableFileError(f"the {codec} data is damaged: {error}") from error
    return data, not unpacking.eof or bool(unpacking.unused_data)


def _codec(head: bytes) -> str:
    if head.startswith(_GZIP):
        return "gzip"
    if head.startswith(_BZIP2):
        return "bzip2"
    return "zstd" if head.startswith(_ZSTD) else ""


def _decoded(data: bytes, is_cut: bool, declared: str | None) -> tuple[str, str]:
    """Text and its encoding: the contract's, else by byte order mark, else UTF-8, else Latin-1."""
    for bom, encoding in _BOMS.items():
        if data.startswith(bom):
            return data[len(bom) :].decode(encoding, errors="replace"), encoding
    if declared:
        return data.decode(declared, errors="replace"), declared
    try:
        # A head that is not the whole file may end in the middle of a character.
        return (_without_cut_character(data) if is_cut else data).decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "ISO-8859-1"


def _without_cut_character(data: bytes) -> bytes:
    """The bytes without a UTF-8 sequence that the end of the head has cut."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte < 0x80:
            return data
        if byte >= 0xC0:
            width = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return data[:-back] if back < width else data
    return data


def _is_one_document(text: str) -> bool:
    """Whether the file is one JSON array or object; else it is JSON lines.

    Raises:
        UnreadableFileError: several documents follow each other and are not one a line.
    """
    document = text.lstrip("\ufeff \t\r\n")
    if _first_line_is_json(document):
        return False
    try:
        _, end = json.JSONDecoder().raw_decode(document)
    except (ValueError, RecursionError):
        return True
    if document[end:].strip():
        # Spark would read the first and silently leave out the others.
        raise UnreadableFileError(
            "text follows the first JSON document; write one object a line without commas, or one array of objects"
        )
    return True


def _first_line_is_json(text: str) -> bool:
    """Whether the file is JSON lines: its first line is a whole JSON object."""
    first = text.split("\n", 1)[0].strip()
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        # A line longer than the head is a line as well: arrays and pretty-printed objects break early.
        return first.startswith("{") and len(text) >= HEAD_BYTES // 2 and "\n" not in text.strip()


def _csv_format(text: str, encoding: str, options: Any) -> FileFormat:
    quote = options.get("quote", '"')
    delimiter = options.get("delimiter") or _sniffed_delimiter(text, quote)
    if not options.get("header", True):
        return FileFormat("csv", delimiter=delimiter, encoding=encoding)
    try:
        # Spark skips blank lines before the header; str.splitlines would break lines where Spark does not.
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote)
        header = next((row for row in rows if row), [])
    except csv.Error as error:
        raise UnreadableFileError(f"the CSV header can't be read: {error}") from error
    return FileFormat("csv", header=tuple(header), delimiter=delimiter, encoding=encoding)


def _sniffed_delimiter(text: str, quote: str) -> str:
    """The delimiter that stands most often in the header, outside of quotes."""
    line, inside = [], False
    for character in text.lstrip("\ufeff\r\n"):
        if character == quote:
            inside = not inside
        elif character == "\n" and not inside:
            break
        elif not inside:
            line.append(character)
    return max(_DELIMITERS, key=line.count)
