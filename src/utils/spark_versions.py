"""What differs between the Spark versions of Glue (3.3, 3.5, 4.1), in one place."""

from __future__ import annotations

from py4j.protocol import Py4JJavaError

# pyspark 3.3 has them here only; later versions keep these names.
from pyspark.sql.utils import AnalysisException, CapturedException, ParseException

# Spark refuses an expression when a frame is made.
COMPILE_ERRORS = (AnalysisException, ParseException)
# What an action raises: Java's error as it is, or as a Python exception.
RUN_ERRORS = (CapturedException, Py4JJavaError)
