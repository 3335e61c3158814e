"""All checks of what a job wrote."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import yaml

from glue_health_check.cloud.clients import Clients
from glue_health_check.cloud.names import Places
from glue_health_check.errors import MisuseError
from glue_health_check.models import CheckResult, Finding, judged
from glue_health_check.output.columns import wrong_columns
from glue_health_check.output.dqdl import Ruleset, parse_rules
from glue_health_check.output.rules import failed_rules
from glue_health_check.output.tables import TABLE, Written, fetch, open_table
from glue_health_check.settings import OutputSpec
from glue_health_check.stub.fields import type_text
from glue_health_check.stub.schemas import read_table


@dataclass
class _Found:
    """Findings of all outputs, by check."""

    schema: list[Finding] = field(default_factory=list)
    rows: list[Finding] = field(default_factory=list)
    rules: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def expected_columns(spec: OutputSpec) -> dict[str, str]:
    """Column -> type, from the schema file and what the check file says itself.

    Raises:
        MisuseError: the schema can't be used.
    """
    from_schema = {one.name: type_text(one.type) for one in read_table(spec.schema).fields} if spec.schema else {}
    return {**from_schema, **spec.columns}


def rules_of(spec: OutputSpec) -> Ruleset:
    """The rules of an output, its own and its contract's.

    Raises:
        MisuseError: the contract can't be read.
    """
    text = ""
    if spec.rules_from:
        try:
            loaded = yaml.safe_load(spec.rules_from.read_text(encoding="utf-8"))
            text = (loaded.get("quality") or {}).get("rules", "")
        except (OSError, yaml.YAMLError, AttributeError) as error:
            raise MisuseError(f"rules_from {spec.rules_from} can't be read: {error}") from error
    first, second = parse_rules(text), parse_rules(spec.rules)
    return Ruleset(first.rules + second.rules, first.unsupported + second.unsupported)


def check_outputs(aws: Clients, specs: Sequence[OutputSpec], places: Places) -> list[CheckResult]:
    """The checks ``schema``, ``rows`` and ``rules`` over all outputs.

    Raises:
        MisuseError: an output can't be looked at.
        InfrastructureError: S3 failed.
    """
    found, start = _Found(), time.monotonic()
    for spec in specs:
        with tempfile.TemporaryDirectory() as folder:
            written = fetch(aws, places.fill(spec.path), spec.format, Path(folder))
            _check_one(written, spec, found)
    seconds = round(time.monotonic() - start, 3)
    counted = ", ".join(f"{number} in {uri}" for uri, number in found.counts.items())
    return [
        judged("schema", found.schema, f"{len(specs)} outputs", seconds=seconds),
        judged("rows", found.rows, counted, facts={"rows": found.counts}),
        judged("rules", found.rules, f"{sum(len(rules_of(spec).rules) for spec in specs)} rules"),
    ]


def _check_one(written: Written, spec: OutputSpec, found: _Found) -> None:
    if not written.files:
        found.counts[written.uri] = 0
        if spec.least_rows or expected_columns(spec):
            others = f" (there are {', '.join(written.others[:3])})" if written.others else ""
            message = f"the job wrote no {spec.format} files to {written.uri}{others}"
            found.rows.append(Finding(message, "see the log for what it did", file=written.uri))
        return
    try:
        connection = open_table(written, spec)
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        found.schema.append(Finding(f"{written.uri} can't be read as {spec.format}: {reason}", file=written.uri))
        return
    with connection:
        found.schema += wrong_columns(connection, written, spec, expected_columns(spec))
        row = connection.execute(f"select count(*) from {TABLE}").fetchone()
        number = row[0] if row else 0
        found.counts[written.uri] = number
        found.rows += _wrong_number(number, spec, written.uri)
        found.rules += failed_rules(connection, TABLE, rules_of(spec), written.uri)


def _wrong_number(number: int, spec: OutputSpec, uri: str) -> list[Finding]:
    least, most = spec.least_rows, spec.most_rows
    if (least is None or number >= least) and (most is None or number <= most):
        return []
    if least == most:
        wanted = f"exactly {least}"
    else:
        wanted = " and ".join(
            text
            for text in (f"at least {least}" if least else "", f"at most {most}" if most is not None else "")
            if text
        )
    return [Finding(f"{uri} has {number} rows; expected were {wanted}", file=uri)]
