"""What only the whole of a large CSV file can tell: line breaks inside values, and bytes that are not its encoding.

A CSV file is read by several tasks only if no value holds a line break, and the head of a large file can't promise
that. Nor can it promise UTF-8. One job looks at all large files of a batch as lines, without parsing them: it keeps
the lines that make a difference, of which a clean file has none. Only files that have such lines are looked at again.

Lines end as Spark's line reader has them end: by a line feed, a carriage return, or both. A return inside a value
without quotes, far from the head, therefore breaks its row when the file is read line by line: the pieces lack columns
and go to quarantine. Finding such returns beforehand would take a third more time for every file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from urllib.parse import unquote

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from etl.contracts import Contract
from etl.names import CORRUPT
from etl.reading.formats import IN_NEITHER, WINDOWS_ONLY, FileFormat, Look
from etl.reading.text_frames import csv_options, glob_escaped
from etl.typing_sql import sql_string
from utils.spark_versions import SPARK_VERSION

_WESTERN = ("ISO-8859-1", "windows-1252")
_FILE = "file"


def survey(spark: SparkSession, looks: Mapping[str, Look], contract: Contract) -> dict[str, Look]:
    """Look at whole files where their heads can't tell how they are read.

    Files that are no CSV, and those whose head was the whole file, come back as they are and cost nothing.

    Args:
        spark: the session.
        looks: URI -> what the head told. Files that Spark can't read as lines (packed in a way that their name doesn't
            tell, or in UTF-16 or UTF-32) are looked at where they are staged: pass that URI and its format.
        contract: its source.options win over what the survey finds.

    Returns:
        URI -> the same, with ``format.multiline``, ``format.encoding`` and ``notes`` as the whole file has them.

    Raises:
        ValueError: a file was to be staged before.
        pyspark.errors.PySparkException: a file can't be read (damaged compression, or gone); as with any other job,
            halves of the batch show which one it is.
    """
    large = {uri: look for uri, look in looks.items() if look.format.kind == "csv" and not look.whole}
    for uri, look in large.items():
        if look.format.packing or look.format.encoding.upper().startswith(("UTF-16", "UTF-32")):
            raise ValueError(f"{uri} is to be staged before it is surveyed")
    # A contract that states both leaves nothing to find out.
    if not large or {"multiline", "encoding"} <= set(contract.source.options):
        return dict(looks)
    suspects = _counts(spark, large, _suspects)
    guessed = () if "encoding" in contract.source.options else _WESTERN
    unsure = {uri: look for uri, look in large.items() if uri in suspects or look.format.encoding in guessed}
    facts = _counts(spark, unsure, _facts) if unsure else {}
    found = {uri: _settled(spark, uri, look, facts.get(uri), contract) for uri, look in large.items()}
    return {**looks, **found}


@dataclass(frozen=True)
class _Lines:
    """SQL conditions on a line (``value``) of files that are written alike."""

    delimiter: str
    quote: str
    escape: str
    utf_8: bool

    @property
    def odd(self) -> str:
        """The line has an odd number of quotes: a value goes on in the next line, or began in one before."""
        text = "value"
        if self.escape != self.quote:
            for escaped in (self.escape * 2, self.escape + self.quote):
                text = f"replace({text}, {sql_string(escaped)}, '')"
        without = f"replace({text}, {sql_string(self.quote)}, '')"
        return f"octet_length({text}) % 2 <> octet_length({without}) % 2"

    @property
    def may_break(self) -> str:
        """A cheap condition that holds where a value goes on in the next line.

        Of a line that ends with a quote, this quote closes a value, unless it opens one (after a delimiter) or
        stands for itself (after another quote or the escape): such lines, most of an all-quoted file, need no counting.
        """
        endings = {self.delimiter, self.quote, self.escape}
        closed = [f"not endswith(value, {sql_string(ending + self.quote)})" for ending in sorted(endings)]
        quote = sql_string(self.quote)
        ends_closed = " and ".join([f"endswith(value, {quote})", *closed, f"value <> {quote}"])
        return f"contains(value, {quote}) and not ({ends_closed}) and {self.odd}"

    @property
    def opens(self) -> str:
        """A value in the line starts with a quote, so that it can hold a line break at all."""
        first, later = sql_string(self.quote), sql_string(self.delimiter + self.quote)
        return f"(startswith(value, {first}) or contains(value, {later}))"

    @property
    def not_utf_8(self) -> str:
        # Spark 4's decode raises where that of Spark 3 puts a question mark, and has a function of its own for it.
        if SPARK_VERSION >= (4, 0):
            return "not is_valid_utf8(value)"
        return "decode(cast(value as binary), 'UTF-8') <> value"

    def has_any(self, characters: str) -> str:
        """The line, taken as ISO-8859-1, has one of the characters of a regular expression's class."""
        return f"decode(cast(value as binary), 'ISO-8859-1') rlike {sql_string(f'[{characters}]')}"


_Select = Callable[[_Lines, DataFrame], DataFrame]


def _suspects(lines: _Lines, frame: DataFrame) -> DataFrame:
    """Lines that make a difference; the file's name is asked only for these."""
    bad = f"when {lines.not_utf_8} then true" if lines.utf_8 else ""
    # CASE and not OR: Spark's code for it is the cheaper.
    kept = frame.where(f"case {bad} when {lines.may_break} then true else false end")
    return kept.select(F.input_file_name().alias(_FILE))


def _facts(lines: _Lines, frame: DataFrame) -> DataFrame:
    bad = lines.not_utf_8
    flags = {
        "odd": lines.odd,
        "opening": f"{lines.odd} and {lines.opens}",
        "bad": bad,
        "good": f"not ({bad}) and length(value) <> octet_length(value)",
        "windows": f"{bad} and {lines.has_any(WINDOWS_ONLY)}",
        "neither": f"{bad} and {lines.has_any(IN_NEITHER)}",
    }
    columns = [F.expr(f"if({condition}, 1L, 0L)").alias(name) for name, condition in flags.items()]
    return frame.select(F.input_file_name().alias(_FILE), *columns)


def _counts(spark: SparkSession, looks: Mapping[str, Look], of: _Select) -> dict[str, Row]:
    """URI -> sums of the flags of its lines, in one job; files without a line are absent."""
    groups: dict[_Lines, list[str]] = {}
    for uri, look in looks.items():
        found = look.format
        lines = _Lines(found.delimiter, found.quote, found.escape, found.encoding.upper() == "UTF-8")
        groups.setdefault(lines, []).append(uri)
    frames = [of(lines, spark.read.text(glob_escaped(uris))) for lines, uris in groups.items()]
    united = reduce(DataFrame.union, frames)
    sums = [F.sum(name).alias(name) for name in united.columns if name != _FILE]
    rows = united.groupBy(_FILE).agg(F.count(F.lit(1)).alias("lines"), *sums).collect()
    by_path = {_plain(uri): uri for uri in looks}
    return {by_path[_plain(unquote(row[_FILE]))]: row for row in rows}


def _plain(uri: str) -> str:
    """A URI in one spelling: Hadoop writes ``file:/x`` for ``file:///x``."""
    return re.sub(r"^file:/+", "file:/", uri)


def _settled(spark: SparkSession, uri: str, look: Look, facts: Row | None, contract: Contract) -> Look:
    """The look with what its lines told."""
    multiline, encoding, notes = look.format.multiline, look.format.encoding, list(look.notes)
    if facts is not None:
        encoding, about_encoding = _encoding(look, facts, "encoding" in contract.source.options)
        multiline, about_lines = _multiline(spark, uri, look.format, facts, contract)
        notes += about_encoding + about_lines
    multiline = contract.source.options.get("multiline", multiline)
    settled = replace(look.format, multiline=multiline, encoding=encoding)
    return replace(look, format=settled, whole=True, notes=tuple(dict.fromkeys(notes)))


def _encoding(look: Look, facts: Row, declared: bool) -> tuple[str, list[str]]:
    """The encoding of the whole file. ISO-8859-1 has a character for each byte, so nothing is lost by it."""
    encoding = look.format.encoding
    western = "windows-1252" if facts["windows"] and not facts["neither"] else "ISO-8859-1"
    if encoding in _WESTERN:
        return (encoding if declared else western), []
    if encoding.upper() != "UTF-8" or not facts["bad"]:
        return encoding, []
    count = f"{facts['bad']} line(s) are not valid UTF-8"
    if declared or look.marked or facts["good"] > facts["bad"]:
        return encoding, [f"{count}; the file is UTF-8 otherwise and read so, with \ufffd for the broken bytes"]
    return western, [f"{count}; read as {western}"]


def _multiline(
    spark: SparkSession, uri: str, found: FileFormat, facts: Row, contract: Contract
) -> tuple[bool, list[str]]:
    """Whether values hold line breaks: openings and closings come in pairs; where they don't, a trial decides."""
    if not facts["opening"]:
        return found.multiline, []
    if facts["odd"] % 2 == 0:
        return True, []
    width = len(found.header) or len(contract.columns)
    whole_values, lines = (_good_rows(spark, uri, found, width, multiline) for multiline in (True, False))
    if whole_values > lines:
        return True, []
    return False, ["a quote is never closed; read line by line"]


def _good_rows(spark: SparkSession, uri: str, found: FileFormat, width: int, multiline: bool) -> int:
    """How many rows of a file have all their columns when it is read one way or the other."""
    names = [f"c{place}" for place in range(width)]
    schema = StructType([StructField(name, StringType()) for name in [*names, CORRUPT]])
    rows = spark.read.schema(schema).options(**csv_options(replace(found, multiline=multiline)))
    # Other columns are used, too: Spark refuses to look at the corrupt record alone.
    good = F.col(CORRUPT).isNull() & (F.length(F.concat_ws("", *names)) >= 0)
    counted = rows.csv(glob_escaped([uri])).agg(F.count(F.when(good, 1)))
    return int(counted.collect()[0][0])
