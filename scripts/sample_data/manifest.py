"""The record of what was written: which rows of which file carry which defect."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from sample_data.columns import DATASETS, Row
from sample_data.plan import PlannedFile


class Manifest:
    """Writes the manifest as the rows pass by, one line a defect, so that it needs no memory of its own.

    Row numbers count the data rows of a file from 1; headers do not count, and neither do line breaks
    inside a quoted field.
    """

    def __init__(self, path: Path, options: dict[str, Any]) -> None:
        """path: the file to write; options: what the generator was asked for."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8", newline="")
        self._file.write('{\n"options": ' + json.dumps(options) + ',\n"files": [')
        self._separator = "\n"
        self._broken: list[dict[str, Any]] = []
        self.totals: dict[str, Counter[str]] = {}
        self.defects: dict[str, Counter[str]] = {}

    def __enter__(self) -> Manifest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
        self._file.close()

    def record(self, file: PlannedFile, rows: Iterable[Row], path: str = "") -> Iterator[Row]:
        """Pass the rows of a file on and note every defect on the way; path: where it goes, if not as planned."""
        head = {"path": path or str(file.path), "dataset": file.dataset, "format": file.fmt}
        self._file.write(self._separator + json.dumps(head)[:-1] + ', "defective_rows": [')
        self._separator = ",\n"
        key, counts, separator = DATASETS[file.dataset].key, Counter[str](), "\n  "
        missing_keys = number = 0
        for number, row in enumerate(rows, start=1):
            if row.defect:
                note = {"row": number, "key": row.values[key] or None, **row.defect}
                self._file.write(separator + json.dumps(note, ensure_ascii=False))
                separator = ",\n  "
                counts[row.defect["defect"]] += 1
                missing_keys += not row.values[key]
            yield row
        self._file.write(f'], "rows": {number}, "defects": {json.dumps(dict(sorted(counts.items())))}}}')
        self._add(file.dataset, number, missing_keys, counts)

    def record_broken(self, file: PlannedFile, reason: str) -> None:
        """Note a file that cannot be read; its rows count nowhere else."""
        note = {"path": str(file.path), "dataset": file.dataset, "format": file.fmt}
        self._broken.append({**note, "rows_lost": file.rows, "reason": reason})

    def _add(self, dataset: str, rows: int, missing_keys: int, counts: Counter[str]) -> None:
        total = self.totals.setdefault(dataset, Counter())
        distinct = rows - missing_keys - counts["duplicate"]
        total.update(files=1, rows=rows, sound_rows=rows - counts.total(), distinct_keys=distinct)
        self.defects.setdefault(dataset, Counter()).update(counts)

    def _finish(self) -> None:
        totals = {
            dataset: {**total, "defects": dict(sorted(self.defects[dataset].items()))}
            for dataset, total in self.totals.items()
        }
        self._file.write('\n],\n"broken_files": ' + json.dumps(self._broken))
        self._file.write(',\n"totals": ' + json.dumps(totals, indent=1) + "\n}\n")
