"""Whether an output has the columns and types that were expected."""

from __future__ import annotations

import re
from collections.abc import Mapping

import duckdb

from glue_health_check.models import Finding
from glue_health_check.output.rules import quoted
from glue_health_check.output.tables import TABLE, Written
from glue_health_check.settings import OutputSpec
from glue_health_check.stub.fields import Spelling, Type, parse_type, type_text

_DUCKDB = {
    "string": "VARCHAR", "int": "INTEGER", "long": "BIGINT", "float": "FLOAT", "double": "DOUBLE", "boolean": "BOOLEAN",
    "date": "DATE", "timestamp": "TIMESTAMP", "binary": "BLOB",
}  # fmt: skip
_SPELLING = Spelling(
    _DUCKDB, "DECIMAL({0},{1})", "{0}[]", "MAP(VARCHAR, {0})", "STRUCT({0})", "{0} {1}", between=", ", name=quoted
)


def wrong_columns(
    connection: duckdb.DuckDBPyConnection, written: Written, spec: OutputSpec, expected: Mapping[str, str]
) -> list[Finding]:
    """What is wrong with the columns of an output.

    In text formats (CSV, JSON) a column has a type when all its values can be read as such.

    Args:
        connection: holds the table ``output``.
        written: where it came from.
        spec: what was asked for.
        expected: column -> type.
    """
    rows = connection.execute(f"describe {TABLE}").fetchall()
    found = {str(row[0]): str(row[1]) for row in rows}
    findings = []
    for name, text in expected.items():
        if name not in found:
            near = next((other for other in found if other.lower() == name.lower()), "")
            hint = f"; there is {near}" if near else f"; the columns are {', '.join(found)}"
            findings.append(Finding(f"the column {name} is missing{hint}", f"write {name} {text}", file=written.uri))
            continue
        wanted = parse_type(text)
        problem = _type_problem(connection, name, found[name], wanted, spec.format)
        # The folder names of partitions are texts; what type they are taken for is the reader's choice.
        if problem and name not in written.partitions:
            findings.append(
                Finding(f"the column {name} {problem}", f"write it as {type_text(wanted)}", file=written.uri)
            )
    if spec.extra_columns == "refuse":
        extra = [name for name in found if name not in expected and name not in written.partitions]
        remedy = "leave it out, or add it to the expected columns"
        findings += [Finding(f"the column {name} was not expected", remedy, file=written.uri) for name in extra]
    return findings


def duckdb_type(of: Type) -> str:
    """A type as duckdb writes it."""
    return type_text(of, _SPELLING)


def _type_problem(connection: duckdb.DuckDBPyConnection, name: str, found: str, wanted: Type, form: str) -> str:
    if _same(found, duckdb_type(wanted)):
        return ""
    if form == "parquet":
        return f"is {_readable(found)}, not {type_text(wanted)}"
    if wanted.kind in ("array", "map", "struct", "binary"):
        return ""  # text formats have them as JSON or text, which says nothing
    column = quoted(name)
    unreadable = f"try_cast({column}::varchar as {duckdb_type(wanted)}) is null"
    bad = f"{column} is not null and {column}::varchar != '' and {unreadable}"
    row = connection.execute(f"select count(*), any_value({column}::varchar) from {TABLE} where {bad}").fetchone()
    if not row or not row[0]:
        return ""
    return f"has {row[0]} values that are no {type_text(wanted)}, such as {str(row[1])[:60]!r}"


def _same(found: str, wanted: str) -> bool:
    # Spark writes moments, duckdb reads them with a zone; names of struct fields may be quoted or not.
    return _plain(found) == _plain(wanted)


def _plain(text: str) -> str:
    return re.sub(
        r'[" ]', "", text.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMP").replace("TIMESTAMP_NS", "TIMESTAMP")
    )


def _readable(found: str) -> str:
    names = {text: kind for kind, text in _DUCKDB.items()}
    return names.get(found, found.replace("TIMESTAMP WITH TIME ZONE", "timestamp").lower())
