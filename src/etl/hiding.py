"""What reports, alerts and logs may show of a dataset with personal data: never a value.

A refused row is refused because something in it is not as it should be: its values may have shifted into other columns,
and a line that does not parse has no columns at all. So of a dataset with columns marked ``pii`` no value is
shown, only shapes (``2024-01-15`` as ``9999-99-99``), and of the marked columns not even these. The quarantine keeps
the whole rows, for those who may read it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from etl.contracts import Contract
from etl.quarantine import RefusedFile

HIDDEN = "(hidden)"
HIDDEN_LINE = "(hidden: the row does not parse, and the dataset has personal data)"
# What readers' messages repeat of a file: quoted tokens, header cells that may be a row of data, Spark's own words.
_REPEATED = (
    (re.compile(r"'[^']*'|\"[^\"]*\""), "'…'"),
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
