"""What differs between the Spark versions of Glue (3.3, 3.5, 4.1), in one place."""

from __future__ import annotations

import pyspark
from py4j.protocol import Py4JJavaError
from pyspark.sql import Column
from pyspark.sql import functions as F

# pyspark 3.3 has them here only; later versions keep these names.
from pyspark.sql.utils import AnalysisException, CapturedException, ParseException

# Spark refuses an expression when a frame is made.
COMPILE_ERRORS = (AnalysisException, ParseException)
# What an action raises: Java's error as it is, or as a Python exception.
RUN_ERRORS = (CapturedException, Py4JJavaError)

SPARK_VERSION = tuple(int(part) for part in pyspark.__version__.split(".")[:2])


def corrupt_record(record: str, beside: str) -> Column:
    """The text of a row that doesn't parse, as the reader of CSV gives it.

    Spark 4.1 refuses queries that need nothing else of a file; so there it takes another column, too.

    Args:
        record: the column that the reader puts it in.
        beside: any other column of text of the file.
    """
    if SPARK_VERSION < (4, 1):
        return F.col(record)
    quoted = beside.replace("`", "``")
    never = F.length(F.col(f"`{quoted}`")) < 0
    return F.when(never, F.lit(None)).otherwise(F.col(record)).alias(record)


def file_path() -> Column:
    """The URI of the file that a row of Parquet was read from.

    Spark 3.3 mixes up the columns of a partitioned folder when its metadata column is asked for beside them.
    """
    return F.col("_metadata.file_path") if SPARK_VERSION >= (3, 4) else F.input_file_name()


def parsed_sql(text: str, pattern: str, kind: str) -> str:
    """SQL that reads a date or timestamp by a pattern; null where the text doesn't fit (Spark 4's ``to_date`` raises).

    Args:
        text: SQL of the text.
        pattern: SQL of the pattern.
        kind: date or timestamp.
    """
    if SPARK_VERSION >= (4, 0):
        return f"cast(try_to_timestamp({text}, {pattern}) as {kind})"
    return f"to_{kind}({text}, {pattern})"
