"""What differs between the Spark versions of Glue (3.3, 3.5, 4.1), in one place."""

from __future__ import annotations

import pyspark
from py4j.protocol import Py4JJavaError

# pyspark 3.3 has them here only; later versions keep these names.
from pyspark.sql.utils import AnalysisException, CapturedException, ParseException

# Spark refuses an expression when a frame is made.
COMPILE_ERRORS = (AnalysisException, ParseException)
# What an action raises: Java's error as it is, or as a Python exception.
RUN_ERRORS = (CapturedException, Py4JJavaError)

SPARK_VERSION = tuple(int(part) for part in pyspark.__version__.split(".")[:2])


def url_decoded_sql(text: str) -> str:
    """SQL that decodes percent-encoded text; ``url_decode`` came with Spark 3.4.

    Args:
        text: SQL of the text.
    """
    return (
        f"url_decode({text})"
        if SPARK_VERSION >= (3, 4)
        else f"reflect('java.net.URLDecoder', 'decode', {text}, 'UTF-8')"
    )


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
