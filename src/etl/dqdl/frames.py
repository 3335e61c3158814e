"""A data frame as the rules see it: its columns by name, and Spark's errors as readable text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.sql import Column, DataFrame, utils
from pyspark.sql import functions as sf
from pyspark.sql import types as st

from etl.dqdl.errors import RuleError

# What Spark raises when it refuses a plan or fails while running one (pyspark.errors is new in 3.4).
SPARK_ERRORS: tuple[type[Exception], ...] = (utils.CapturedException, Py4JError)
RULE_ERRORS: tuple[type[Exception], ...] = (RuleError, *SPARK_ERRORS)
MESSAGE_LENGTH = 400


@dataclass(frozen=True)
class Field:
    """One column: its name in the frame, its type, and how to refer to it."""

    name: str
    type: st.DataType

    @property
    def sql(self) -> str:
        """The quoted name, for SQL texts."""
        return quoted(self.name)

    @property
    def column(self) -> Column:
        """The column as an expression."""
        return sf.col(self.sql)

    @property
    def is_numeric(self) -> bool:
        """True for whole, decimal and floating numbers."""
        return isinstance(self.type, st.NumericType)

    @property
    def is_floating(self) -> bool:
        """True for types that can hold NaN."""
        return isinstance(self.type, (st.DoubleType, st.FloatType))

    @property
    def is_date(self) -> bool:
        """True for dates."""
        return isinstance(self.type, st.DateType)

    @property
    def is_timestamp(self) -> bool:
        """True for timestamps with and without time zone (the latter since Spark 3.4)."""
        return self.type.typeName() in ("timestamp", "timestamp_ntz")


class Frame:
    """The columns of a data frame.

    Args:
        data: the data frame.
        name: what messages call it, e.g. ``the data`` or ``the reference 'customers'``.
    """

    def __init__(self, data: DataFrame, name: str = "the data") -> None:
        self.data = data
        self.name = name
        self._fields = {field.name: Field(field.name, field.dataType) for field in data.schema.fields}

    @property
    def names(self) -> list[str]:
        """The columns' names, in order."""
        return list(self._fields)

    def has(self, name: str) -> bool:
        """Whether there is such a column, as Spark finds it: exactly, or but for upper and lower case."""
        return self._find(name) is not None

    def field(self, name: str) -> Field:
        """The column of that name.

        Raises:
            RuleError: there is none; the message lists those that exist.
        """
        found = self._find(name)
        if found is None:
            raise RuleError(f"{self.name} has no column {name!r}; it has {_listed(self.names)}")
        return found

    def fields(self, names: Sequence[str]) -> list[Field]:
        """The columns of those names; every missing one is named in the error."""
        missing = [name for name in names if not self.has(name)]
        if len(missing) > 1:
            wanted = ", ".join(map(repr, missing))
            raise RuleError(f"{self.name} has no columns {wanted}; it has {_listed(self.names)}")
        return [self.field(name) for name in names]

    def check_pattern(self, pattern: str) -> None:
        """Let Java compile a regular expression now: inside the shared pass it would stop all rules.

        Raises:
            RuleError: it is not a regular expression of Java.
        """
        try:
            self.data.sparkSession.sparkContext._jvm.java.util.regex.Pattern.compile(pattern)  # type: ignore[union-attr]
        except SPARK_ERRORS as error:
            raise RuleError(f"{pattern!r} is not a regular expression: {spark_message(error)}") from None

    def check_date_format(self, pattern: str) -> None:
        """Let Java read a date pattern now, likewise.

        Raises:
            RuleError: it is not a date pattern.
        """
        try:
            self.data.sparkSession.sparkContext._jvm.java.time.format.DateTimeFormatter.ofPattern(pattern)  # type: ignore[union-attr]
        except SPARK_ERRORS as error:
            raise RuleError(f"{pattern!r} is not a date pattern: {spark_message(error)}") from None

    def _find(self, name: str) -> Field | None:
        if name in self._fields:
            return self._fields[name]
        alike = [field for known, field in self._fields.items() if known.lower() == name.lower()]
        return alike[0] if len(alike) == 1 else None


def quoted(name: str) -> str:
    """A column name quoted for Spark SQL."""
    return "`" + name.replace("`", "``") + "`"


def sql_string(text: str) -> str:
    """A text as a literal of Spark SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def try_cast(sql: str, to: str) -> Column:
    """``try_cast`` of a SQL expression: null instead of an error, on every Spark and in ANSI mode."""
    return sf.expr(f"try_cast({sql} as {to})")


def spark_message(error: BaseException) -> str:
    """The reason inside one of Spark's errors, short enough for a report."""
    text = str(error)
    if isinstance(error, Py4JJavaError):
        cause = error.java_exception
        while cause.getCause() is not None:
            cause = cause.getCause()
        text = str(cause.getMessage() or cause.toString())
    # What follows are plans, stack traces and pointers into the SQL.
    text = re.split(r"\n\s*at |;?\n'|\n== |JVM stacktrace|SQLSTATE|; line \d", text, maxsplit=1)[0]
    text = re.sub(r"^\[[A-Z_.]+\]\s*", "", " ".join(text.split())).rstrip(";. ")
    return text if len(text) <= MESSAGE_LENGTH else f"{text[:MESSAGE_LENGTH]}..."


def _listed(names: Sequence[str], most: int = 40) -> str:
    if not names:
        return "no columns"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
