"""The report of one ingested batch: its content as JSON, and the same as one HTML file without network or scripts.

Nothing here touches Spark or storage: :func:`ingestion_report` takes plain values, :func:`render_html` its result.
Style and building stones are those of every report (:mod:`etl.page`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from etl.page import json_value, page_style, page_templates, shown_number

REPORT_VERSION = 1
TEMPLATES = ("ingestion.html.j2", "charts.html.j2", "tables.html.j2")
MOST_FILES = 200
MOST_REASONS = 50
MOST_SAMPLES = 20
MOST_NOTES = 200
_UNITS = ("B", "KB", "MB", "GB", "TB")


@dataclass(frozen=True)
class ReadFile:
    """A file of a batch.

    Attributes:
        uri: where it lies in raw.
        size: bytes.
        format: csv, json, parquet, orc, avro or xlsx; empty for a file that was refused before it was told.
        encoding: of text files.
        delimiter: of CSV files.
        notes: what was found out of the ordinary, e.g. ``named .csv, holds Parquet``.
        refused: why it was refused; empty for a file that was read.
    """

    uri: str
    size: int = 0
    format: str = ""
    encoding: str = ""
    delimiter: str = ""
    notes: Sequence[str] = ()
    refused: str = ""


@dataclass(frozen=True)
class IngestedBatch:
    """What a report tells; all of it is known when the batch is committed.

    Attributes:
        dataset: whose rows.
        batch_id: the batch.
        run_id: the run that committed it.
        environment: e.g. dev.
        generated_at: when the report was made.
        rows_read, rows_written, rows_refused: of the batch; the first should be the sum of the others.
        rows_late: rows older than the contract's ``late_after_days``; None when they are not counted.
        late_after_days: as in the contract.
        reasons: reason -> refused rows.
        files: every file of the batch, refused ones included.
        file_count: how many files there are, where ``files`` does not name all.
        schema_changes: see etl.schema_drift.SchemaChange.to_dict.
        samples: some refused rows as the quarantine has them: ``reason``, ``source_file``, ``position``, ``record``.
        prefix: URI of the processed rows.
        quarantine: URI of what was refused.
        suggested_contract: YAML for a dataset without a contract.
        notes: remarks on the whole batch.
        seconds: how long the batch took; None when not known.
        description: what the dataset is.
    """

    dataset: str
    batch_id: str
    run_id: str
    environment: str
    generated_at: datetime | str
    rows_read: int
    rows_written: int
    rows_refused: int
    rows_late: int | None = None
    late_after_days: int | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)
    files: Sequence[ReadFile] = ()
    file_count: int | None = None
    schema_changes: Sequence[Mapping[str, str]] = ()
    samples: Sequence[Mapping[str, Any]] = ()
    prefix: str = ""
    quarantine: str = ""
    suggested_contract: str = ""
    notes: Sequence[str] = ()
    seconds: float | None = None
    description: str = ""


def ingestion_report(batch: IngestedBatch) -> dict[str, Any]:
    """The content of a report, ready for ``json.dumps``; long lists are cut, with their full length beside them.

    Args:
        batch: what was found out.
    """
    refused = [file for file in batch.files if file.refused]
    # Refused files and those with remarks first: they are what is looked for among thousands.
    ordered = sorted(batch.files, key=lambda file: (not file.refused, not file.notes))
    reasons = sorted(batch.reasons.items(), key=lambda entry: (-entry[1], entry[0]))
    return {
        "version": REPORT_VERSION,
        "dataset": batch.dataset,
        "description": batch.description,
        "batch_id": batch.batch_id,
        "run_id": batch.run_id,
        "environment": batch.environment,
        "generated_at": json_value(batch.generated_at),
        "seconds": batch.seconds,
        "rows": {
            "read": batch.rows_read,
            "written": batch.rows_written,
            "refused": batch.rows_refused,
            "late": batch.rows_late,
            "balanced": batch.rows_read == batch.rows_written + batch.rows_refused,
        },
        "late_after_days": batch.late_after_days,
        "reasons": [{"reason": reason, "rows": count} for reason, count in reasons[:MOST_REASONS]],
        "reason_count": len(reasons),
        "files": [_file(file) for file in ordered[:MOST_FILES]],
        "file_count": len(batch.files) if batch.file_count is None else batch.file_count,
        "files_refused": len(refused),
        "bytes": sum(file.size for file in batch.files),
        "formats": _formats(batch.files),
        "schema_changes": [{str(key): str(value) for key, value in change.items()} for change in batch.schema_changes],
        "samples": [
            {str(key): json_value(value) for key, value in row.items()} for row in batch.samples[:MOST_SAMPLES]
        ],
        "prefix": batch.prefix,
        "quarantine": batch.quarantine,
        "suggested_contract": batch.suggested_contract,
        "notes": [str(note) for note in batch.notes[:MOST_NOTES]],
        "note_count": len(batch.notes),
    }


def render_html(content: Mapping[str, Any]) -> str:
    """The report as one HTML page: no scripts, nothing from the network, every value escaped.

    Args:
        content: the result of :func:`ingestion_report`, also after a round trip through JSON.
    """
    return (
        page_templates(TEMPLATES, size=_size, delimiter=_delimiter)
        .get_template("ingestion.html.j2")
        .render(
            report=content,
            style=page_style(),
            headline=headline(content),
            refused=[file for file in content["files"] if file["refused"]],
            most_refused=max((entry["rows"] for entry in content["reasons"]), default=0),
        )
    )


def headline(content: Mapping[str, Any]) -> str:
    """The result in one sentence."""
    rows, files = content["rows"], content["file_count"]
    if not rows["balanced"]:
        return f"{shown_number(rows['read'])} rows were read, and written and refused rows do not add up to them."
    parts = []
    if rows["refused"]:
        parts.append(f"{shown_number(rows['refused'])} of {shown_number(rows['read'])} rows")
    if content["files_refused"]:
        parts.append(f"{shown_number(content['files_refused'])} of {shown_number(files)} files")
    if parts:
        return f"{' and '.join(parts)} refused and kept in quarantine; all else is written."
    return f"Every row of {shown_number(files)} file{'' if files == 1 else 's'} is written."


def _file(file: ReadFile) -> dict[str, Any]:
    return {
        "uri": file.uri,
        "name": file.uri.rpartition("/")[2],
        "size": file.size,
        "format": file.format,
        "encoding": file.encoding,
        "delimiter": file.delimiter,
        "notes": [str(note) for note in file.notes],
        "refused": file.refused,
    }


def _formats(files: Sequence[ReadFile]) -> dict[str, int]:
    """Format -> files, of those that were read."""
    kinds = [file.format or "unknown" for file in files if not file.refused]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def _size(count: int | float) -> str:
    """1234567 -> 1.2 MB."""
    for unit in _UNITS[:-1]:
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.4g} {_UNITS[-1]}"


def _delimiter(text: str) -> str:
    return {"\t": "tab", " ": "space", "\x01": "^A"}.get(text, text)
