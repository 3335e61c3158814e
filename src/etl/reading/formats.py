"""What a file is, told by its first and last bytes; the extension only breaks ties.

:func:`look` tells all there is to tell from the head: the format, and for CSV how it is written
(:mod:`etl.reading.csv_dialect`). What only the whole of a large CSV file can tell, :mod:`etl.reading.csv_survey` finds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from etl.contracts import Column
from etl.errors import UnreadableFileError
from etl.reading.csv_dialect import sniff
from etl.reading.json_shape import is_json, is_one_document
from etl.reading.packing import HEAD_BYTES, Opened, Unpack, head_length, opened

__all__ = ["HEAD_BYTES", "TAIL_BYTES", "FileFormat", "Look", "contradiction", "head_length", "look"]

TAIL_BYTES = 64
# UTF-32LE's mark starts with UTF-16LE's.
_BOMS = {
    b"\xef\xbb\xbf": "UTF-8",
    b"\xff\xfe\x00\x00": "UTF-32LE",
    b"\x00\x00\xfe\xff": "UTF-32BE",
    b"\xff\xfe": "UTF-16LE",
    b"\xfe\xff": "UTF-16BE",
}
# What a name promises; .txt, .dat, .log and no extension promise nothing.
_PROMISES = {
    **dict.fromkeys(("csv", "tsv", "psv", "tab"), "csv"),
    **dict.fromkeys(("json", "jsonl", "ndjson"), "json"),
    **dict.fromkeys(("parquet", "pq"), "parquet"),
    **dict.fromkeys(("xlsx", "xlsm", "xls"), "xlsx"),
    "orc": "orc",
    "avro": "avro",
}
_SHOWN = {"csv": "CSV", "json": "JSON", "parquet": "Parquet", "orc": "ORC", "avro": "Avro", "xlsx": "an Excel workbook"}
_PACKED_NAMES = {".gz": "gzip", ".bz2": "bzip2", ".zst": "zstd"}
_MARKUP = re.compile(r"<(\?xml|!doctype|html|error)\b", re.IGNORECASE)
# Unicode promises that no text has it.
_INSTEAD_OF_NUL = "\ufdd0"
# Bytes that windows-1252 has characters for and ISO-8859-1 only control codes; five bytes have none in either.
WINDOWS_ONLY, IN_NEITHER = "\x80-\x9f", "\x81\x8d\x8f\x90\x9d"


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


@dataclass(frozen=True)
class Look:
    """What the head of a file told.

    Attributes:
        format: how the file is read.
        whole: the head was the whole file, so nothing else can turn up.
        notes: what the report should say of the file, without its name.
        marked: a byte order mark states the encoding.
    """

    format: FileFormat
    whole: bool = True
    notes: tuple[str, ...] = ()
    marked: bool = False


def look(
    name: str,
    head: bytes,
    tail: bytes,
    declared: str = "auto",
    options: Mapping[str, Any] | None = None,
    columns: Sequence[Column] = (),
    unpack: Unpack | None = None,
) -> Look:
    """Tell what a file is.

    Args:
        name: file name (for the codec's extension).
        head: its first bytes, up to :func:`head_length`.
        tail: its last bytes, up to TAIL_BYTES.
        declared: the contract's ``source.format``; text that could be CSV or JSON is read as declared.
        options: the contract's ``source.options``; each that is set wins over what the text looks like.
        columns: the contract's columns, which tell a header from data.
        unpack: unpacks Zstandard heads, e.g. ``etl.reading.packing.zstd_by_jvm(spark)``.

    Raises:
        UnreadableFileError: with the reason for which nothing can read the file.
    """
    options = options or {}
    if not head:
        raise UnreadableFileError("the file is empty")
    if name.startswith(("_", ".")):
        raise UnreadableFileError("names that start with _ or . are hidden to Spark; rename the file")
    inside = opened(name, head, unpack)
    binary = _binary_kind(name, inside, tail)
    if binary:
        # Spark unpacks text by the name, and no other kind.
        return Look(FileFormat(binary, packing=inside.codec))
    return _look_at_text(name, inside, declared, options, columns)


def _binary_kind(name: str, inside: Opened, tail: bytes) -> str:
    """parquet, orc, avro or xlsx by magic bytes; '' for text (a CSV header may start with ORCID or PAR1)."""
    head = inside.data
    if head.startswith(b"PAR1"):
        if _is_binary(head) and (inside.codec or tail.endswith(b"PAR1")):
            return "parquet"
        if _is_binary(head) or ".parquet" in name.lower():
            raise UnreadableFileError("a Parquet file without its footer (was the upload cut off?)")
    if head.startswith(b"ORC"):
        # The last byte is the postscript's length; the postscript ends with the magic, whose length comes before it.
        if tail[-5:-1] == b"\x03ORC" or (inside.codec and _is_binary(head)):
            return "orc"
        if _is_binary(head) or ".orc" in name.lower():
            raise UnreadableFileError("an ORC file without its postscript (was the upload cut off?)")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_kind(head)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise UnreadableFileError("an old Office file (.xls or .doc); save it as .xlsx or CSV")
    if head.startswith(b"%PDF-"):
        raise UnreadableFileError("a PDF document, which is no data; send CSV, JSON, Parquet, ORC, Avro or Excel")
    return "avro" if head.startswith(b"Obj\x01") else ""


def _zip_kind(head: bytes) -> str:
    other_office = any(folder in head for folder in (b"word/", b"ppt/"))
    if b"xl/" in head or (b"[Content_Types].xml" in head and not other_office):
        return "xlsx"
    raise UnreadableFileError("a zip archive: unpack it before it is sent (of zip files only .xlsx is read)")


def _is_binary(head: bytes) -> bool:
    return b"\x00" in head


def _look_at_text(
    name: str, inside: Opened, declared: str, options: Mapping[str, Any], columns: Sequence[Column]
) -> Look:
    text, encoding = _decoded(inside, options.get("encoding"))
    # Of two BOMs (a file pasted behind another's mark) the second is no text either.
    text = text.lstrip("\ufeff")
    if not text.strip("\x00 \t\r\n"):
        raise UnreadableFileError("the file holds nothing but white space")
    if "\x00" in text and not _has_stray_nuls(text, encoding):
        raise UnreadableFileError(
            "the content is neither text nor Parquet, ORC or Avro (for UTF-16 or UTF-32 without a byte order mark, "
            "set source.options.encoding in the contract)"
        )
    if _MARKUP.match(text.lstrip()):
        raise UnreadableFileError("the content is HTML or XML (an error page?); send CSV, JSON, Parquet, ORC or Avro")
    if declared == "json" or (declared == "auto" and is_json(text, _promise(name) == "json")):
        multiline = is_one_document(text, inside.whole)
        return Look(FileFormat("json", multiline, encoding=encoding, packing=inside.packing), inside.whole)
    # Python 3.10's csv stops at a NUL.
    found = sniff(text.replace("\x00", _INSTEAD_OF_NUL), inside.whole, options, columns)
    read_as = FileFormat(
        "csv",
        options.get("multiline", found.multiline),
        tuple(cell.replace(_INSTEAD_OF_NUL, "\x00") for cell in found.header),
        found.dialect.delimiter,
        found.dialect.quote,
        found.dialect.escape,
        encoding,
        inside.packing,
    )
    marked = inside.data.startswith(tuple(_BOMS))
    return Look(read_as, inside.whole, found.notes, marked)


def _has_stray_nuls(text: str, encoding: str) -> bool:
    """Text with some NULs in it (padding of mainframes), not a binary file nor UTF-16 read as something else."""
    if encoding == "UTF-8":
        controls = sum(sign < " " and sign not in "\x00\t\n\r\x0b\x0c\x1b" for sign in text)
        return text.count("\x00") * 10 <= len(text) and controls * 100 <= len(text)
    return False


def _decoded(inside: Opened, declared: str | None) -> tuple[str, str]:
    """Text and its encoding: by byte order mark, else the contract's, else UTF-8, else a Western 8-bit one."""
    data = inside.data
    for bom, encoding in _BOMS.items():
        if data.startswith(bom):
            return data[len(bom) :].decode(encoding, errors="replace"), encoding
    if declared:
        try:
            return data.decode(declared, errors="replace"), declared
        except LookupError as error:
            raise UnreadableFileError(f"source.options.encoding: {declared!r} is no known encoding") from error
    try:
        # A head that is not the whole file may end in the middle of a character.
        return (data if inside.whole else _without_cut_character(data)).decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        return _western(data)


def _western(data: bytes) -> tuple[str, str]:
    text = data.decode("latin-1")
    if re.search(f"[{WINDOWS_ONLY}]", text) and not re.search(f"[{IN_NEITHER}]", text):
        return data.decode("windows-1252"), "windows-1252"
    return text, "ISO-8859-1"


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


def _promise(name: str) -> str:
    """The kind that a name promises by its last extension but the packing's, or ''."""
    stem = name.lower()
    for extension in _PACKED_NAMES:
        stem = stem.removesuffix(extension)
    return _PROMISES.get(stem.rpartition(".")[2], "") if "." in stem else ""


def contradiction(name: str, found: FileFormat) -> str:
    """What a file's name promises against what it holds, for the report; '' where they agree.

    Args:
        name: file name.
        found: its format by content.
    """
    lowered, parts = name.lower(), []
    promised = _promise(name)
    if promised and promised != found.kind:
        stem = next((lowered.removesuffix(known) for known in _PACKED_NAMES if lowered.endswith(known)), lowered)
        parts.append(f"named .{stem.rpartition('.')[2]}, holds {_SHOWN[found.kind]}")
    by_name = next((known for known in _PACKED_NAMES if lowered.endswith(known)), "")
    if found.packing == "none":
        parts.append(f"named {by_name or 'as packed'}, is not packed")
    elif found.packing and _PACKED_NAMES.get(by_name, "") != found.packing:
        parts.append(f"packed with {found.packing}, which its name doesn't say")
    return "; ".join(parts)
