"""Packed files: which codec packed the bytes, whether Spark can tell it by the name, and the first bytes inside.

Spark (Hadoop) unpacks text by the file's extension alone, in small letters only. Where name and content disagree,
and for Zstandard always, the file has to be unpacked before Spark reads it: ``FileFormat.packing`` says so.
"""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

from etl.errors import UnreadableFileError

HEAD_BYTES = 64 * 1024
# bzip2 gives out its first text when it has the whole first block, which holds up to 900 kB; a block of zstd 128 KiB.
_PACKED_HEAD_BYTES = {"bzip2": 1024 * 1024, "zstd": 256 * 1024}
_GZIP, _BZIP2, _ZSTD = b"\x1f\x8b", b"BZh", b"\x28\xb5\x2f\xfd"
CODEC_EXTENSIONS = {".gz": "gzip", ".bz2": "bzip2", ".zst": "zstd"}
# Hadoop has codecs for these, too; the content of such a file is never of their making (or it is refused below).
_HADOOP_EXTENSIONS = (*CODEC_EXTENSIONS, ".deflate", ".lz4", ".snappy", ".lzo", ".passthrough")
_FOREIGN_PACKINGS = {
    b"\xfd7zXZ\x00": "xz",
    b"\x04\x22\x4d\x18": "LZ4",
    b"\xff\x06\x00\x00sNaPpY": "Snappy",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!\x1a\x07": "RAR",
    b"LZIP": "lzip",
    b"\x1f\x9d": "compress (.Z)",
}
# Codec and first bytes of a file -> its first unpacked bytes.
Unpack = Callable[[str, bytes], bytes]


@dataclass(frozen=True)
class Opened:
    """The first bytes inside a file.

    Attributes:
        data: up to HEAD_BYTES of them, unpacked.
        whole: there is nothing behind them.
        codec: gzip, bzip2 or zstd; '' for bytes that are not packed.
        packing: of :class:`etl.reading.formats.FileFormat`, for text.
    """

    data: bytes
    whole: bool
    codec: str
    packing: str


def head_length(name: str, head: bytes = b"") -> int:
    """How many bytes of a file's beginning are needed to tell its format.

    Args:
        name: file name.
        head: its first bytes, where some were read already: the content may be packed though the name says nothing.
    """
    by_name = next((codec for extension, codec in CODEC_EXTENSIONS.items() if name.endswith(extension)), "")
    return max(_PACKED_HEAD_BYTES.get(codec, HEAD_BYTES) for codec in (by_name, _codec(head)))


def opened(name: str, head: bytes, unpack: Unpack | None = None) -> Opened:
    """The first bytes inside a file, unpacked if it is packed.

    Args:
        name: file name.
        head: first bytes of the file, up to :func:`head_length`.
        unpack: unpacks Zstandard (see :func:`zstd_by_jvm`).

    Raises:
        UnreadableFileError: the file is packed in a way that nothing here unpacks, twice, or is damaged.
    """
    _refuse_foreign(head)
    codec = _codec(head)
    extension = next((known for known in _HADOOP_EXTENSIONS if name.endswith(known)), "")
    if not codec:
        whole = len(head) < HEAD_BYTES
        return Opened(head[:HEAD_BYTES], whole, "", "none" if extension else "")
    data, whole = _zstd_head(head, unpack) if codec == "zstd" else _unpacked_head(codec, head)
    _refuse_foreign(data)
    if inner := _codec(data):
        raise UnreadableFileError(f"it is packed twice ({inner} inside {codec}); pack it once")
    told_by_name = codec != "zstd" and CODEC_EXTENSIONS.get(extension) == codec
    return Opened(data, whole, codec, "" if told_by_name else codec)


def _codec(head: bytes) -> str:
    if head.startswith(_GZIP):
        return "gzip"
    # The digit after BZh is the block size: a CSV header may start with "BZh".
    if head.startswith(_BZIP2) and head[3:4] in (b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9"):
        return "bzip2"
    # Parallel zstd starts with a frame that readers skip.
    skippable = head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F
    return "zstd" if skippable or head.startswith(_ZSTD) else ""


def _refuse_foreign(head: bytes) -> None:
    for magic, packing in _FOREIGN_PACKINGS.items():
        # "LZIP" and "Rar!" could begin a text; packed bytes are never all printable.
        if head.startswith(magic) and not head[:64].isascii():
            raise UnreadableFileError(f"it is packed with {packing}; send gzip, bzip2, Zstandard or plain files")


def _unpacked_head(codec: str, head: bytes) -> tuple[bytes, bool]:
    openers: dict[str, Callable[[], Any]] = {
        "gzip": lambda: zlib.decompressobj(zlib.MAX_WBITS | 16),
        "bzip2": bz2.BZ2Decompressor,
    }
    unpacking = openers[codec]()
    try:
        # Limited, because 64 KiB of bzip2 can hold gigabytes.
        data = bytes(unpacking.decompress(head, HEAD_BYTES))
    except (OSError, zlib.error) as error:
        raise UnreadableFileError(f"the {codec} data is damaged: {error}") from error
    return data, bool(unpacking.eof) and not unpacking.unused_data


def _zstd_head(head: bytes, unpack: Unpack | None) -> tuple[bytes, bool]:
    if unpack is None:
        raise UnreadableFileError("Zstandard compression can't be read here; send gzip, bzip2 or plain files")
    data = unpack("zstd", head)[:HEAD_BYTES]
    return data, len(data) < HEAD_BYTES and len(head) < _PACKED_HEAD_BYTES["zstd"]


def zstd_by_jvm(spark: SparkSession) -> Unpack:
    """Unpacks heads of Zstandard files with the library that comes with Spark: nothing to install.

    Args:
        spark: the session whose driver unpacks.

    Returns:
        A function for :func:`opened`; it raises UnreadableFileError for damaged data.
    """
    jvm: Any = spark._jvm

    def unpack(codec: str, head: bytes) -> bytes:
        if codec != "zstd":
            raise ValueError(f"unpacks zstd, not {codec}")
        stream = jvm.com.github.luben.zstd.ZstdInputStream(jvm.java.io.ByteArrayInputStream(head))
        try:
            # A head ends in the middle of a frame, which is no error.
            stream.setContinuous(True)
            return bytes(
                jvm.org.apache.commons.io.IOUtils.toByteArray(
                    jvm.org.apache.commons.io.input.BoundedInputStream(stream, HEAD_BYTES)
                )
            )
        except Exception as error:
            raise UnreadableFileError(f"the zstd data is damaged: {_last_line(error)}") from error
        finally:
            stream.close()

    return unpack


def _last_line(error: Exception) -> str:
    java = getattr(error, "java_exception", None)
    return str(java.getMessage() if java is not None else error)
