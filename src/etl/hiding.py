"""What reports, alerts and logs may show of a dataset with personal data: never a value.

A refused row is refused because something in it is not as it should be: its values may have shifted into other columns,
and a line that does not parse has no columns at all. So of a dataset with columns marked ``pii`` no value is
shown, only shapes (``2024-01-15`` as ``9999-99-99``), and of the marked columns not even these. The quarantine keeps
the whole rows, for those who may read it.

Curated rows are as they should be, and marked columns are treated, yet the hash of a mail address or the end of a phone
number is still one person's. Quality reports show the other columns' values, and of the marked ones only counts.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from etl.contracts import Contract
from etl.names import RESCUED
from etl.quarantine import RefusedFile

HIDDEN = "(hidden)"
HIDDEN_LINE = "(hidden: the row does not parse, and the dataset has personal data)"
# What readers' messages repeat of a file: quoted tokens, header cells that may be a row of data, Spark's own words.
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_REPEATED = (
    (_QUOTED, "'…'"),
    (re.compile(r"(no column of the header ).*( is in the contract)", re.DOTALL), rf"\g<1>{HIDDEN}\g<2>"),
    (re.compile(r"(can't be read: [\w.$]+).*", re.DOTALL), rf"\g<1>: {HIDDEN}"),
)


def has_personal_data(contract: Contract) -> bool:
    """Whether a column of the source holds personal data."""
    return any(column.pii for column in contract.columns)


def shown_samples(samples: Sequence[Mapping[str, Any]], contract: Contract) -> Sequence[Mapping[str, Any]]:
    """Refused rows as a report may show them.

    Args:
        samples: rows of the quarantine: ``reason``, ``source_file``, ``position``, ``record``.
        contract: the dataset's contract.
    """
    if not has_personal_data(contract):
        return samples
    return [{**row, "record": _shown_record(str(row.get("record")), contract)} for row in samples]


def shown_files(refused: Sequence[RefusedFile], contract: Contract) -> list[RefusedFile]:
    """Refused files with reasons that repeat nothing of them.

    Args:
        refused: of a batch.
        contract: the dataset's contract.
    """
    if not has_personal_data(contract):
        return list(refused)
    return [replace(item, reason=shown_reason(item.reason)) for item in refused]


def shown_reason(reason: str) -> str:
    """Why a file can't be read, without what it repeats of the file."""
    for pattern, instead in _REPEATED:
        reason = pattern.sub(instead, reason)
    return reason


def personal_columns(contract: Contract) -> set[str]:
    """The columns of a curated table that hold personal data, treated; also derived ones.

    What a source calls them, too: rules and steps of SQL may make columns of these names. Texts that could not be read
    (``_rescued_data``) may be of anything, so they are as personal as the dataset.
    """
    marked = {name for column in contract.columns if column.pii for name in (column.name, *column.aliases)}
    marked |= {derived.name for derived in contract.processing.derive if derived.pii}
    return marked | {RESCUED} if marked else set()


def shown_rows(rows: Sequence[Mapping[str, Any]], contract: Contract) -> list[dict[str, Any]]:
    """Curated rows as a report may show them, with personal data hidden.

    Args:
        rows: column -> value, as they stand in the table.
        contract: the dataset's.
    """
    personal = personal_columns(contract)
    return [
        {name: HIDDEN if name in personal and value is not None else value for name, value in row.items()}
        for row in rows
    ]


def shown_profile(profile: Sequence[Mapping[str, Any]], contract: Contract) -> list[dict[str, Any]]:
    """A profile as a report may show it: of columns with personal data the counts, and no value.

    Args:
        profile: entries of :func:`etl.dqdl.profile_columns`.
        contract: the dataset's.
    """
    personal = personal_columns(contract)
    return [_without_values(entry) if entry["column"] in personal else dict(entry) for entry in profile]


def _without_values(entry: Mapping[str, Any]) -> dict[str, Any]:
    hidden = {name: None for name in ("mean", "stddev", "quantiles", "histogram") if name in entry}
    ends = {name: HIDDEN for name in ("min", "max") if entry.get(name) is not None}
    lists: dict[str, Any] = {name: [] for name in ("top", "patterns") if name in entry}
    return {**entry, **hidden, **ends, **lists}


def shown_message(message: str, contract: Contract, columns: Collection[str]) -> str:
    """What a rule's result says, without values that Spark repeats of a row.

    Args:
        message: of a rule that could not be evaluated.
        contract: the dataset's.
        columns: the table's; their names may be told.
    """
    if not personal_columns(contract):
        return message
    return _QUOTED.sub(lambda found: found[0] if found[0][1:-1] in columns else "'…'", message)


def shape(text: str) -> str:
    """A text with 9 for each digit and a for each letter: ``12,50 EUR`` -> ``99,99 aaa``."""
    return "".join(_class(character) for character in text)


def _class(character: str) -> str:
    kind = unicodedata.category(character)
    return "9" if kind.startswith("N") else "a" if kind[0] in "LM" else character


def _shown_record(record: str, contract: Contract) -> str:
    try:
        found = json.loads(record)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return HIDDEN_LINE
    treatments = {name: column.pii for column in contract.columns for name in (column.name, *column.aliases)}
    shown = {
        name: HIDDEN if treatments[name] else shape(value if isinstance(value, str) else json.dumps(value))
        for name, value in found.items()
        if name in treatments
    }
    # Their names may be data, too.
    others = len(found) - len(shown)
    return json.dumps(shown | ({f"({others} more)": HIDDEN} if others else {}), ensure_ascii=False)
