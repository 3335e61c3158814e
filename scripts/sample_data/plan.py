"""Which rows go to which file, and the rows of each file with their defects."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath

from sample_data.columns import Row
from sample_data.defects import CATALOG, Spoiler
from sample_data.rows import RowMaker, digest

TRIES = 20  # how often another row is drawn before the defects are found to be everywhere


@dataclass(frozen=True)
class PlannedFile:
    """A file to be written: rows first .. first + rows - 1 of a dataset."""

    dataset: str
    fmt: str
    day: date
    index: int
    first: int
    rows: int

    @property
    def path(self) -> PurePosixPath:
        """Where it goes below the output folder: <dataset>/YYYY/MM/DD/<dataset>-<nnn>.<ext>."""
        return PurePosixPath(self.dataset, f"{self.day:%Y/%m/%d}", f"{self.dataset}-{self.index:03d}.{self.fmt}")


def plan_files(
    dataset: str, rows: int, first: int, formats: Sequence[str], per_format: int, days: Sequence[date]
) -> list[PlannedFile]:
    """Spread rows evenly over the files; days take turns, and no file is left without a row."""
    count = min(len(formats) * per_format, rows)
    files = []
    for index in range(count):
        start, end = rows * index // count, rows * (index + 1) // count
        fmt, day = formats[index % len(formats)], days[index % len(days)]
        files.append(PlannedFile(dataset, fmt, day, index + 1, first + start, end - start))
    return files


class RowSource:
    """Yields the rows of planned files; any row of any file can be made at any time."""

    def __init__(self, seed: int, shares: Mapping[str, float], known_customers: int) -> None:
        """shares: defect -> share of the rows, from 0 to 1. known_customers: transactions refer to 1..n."""
        self._seed = seed
        self._spoiler = Spoiler(seed, shares, known_customers)
        self._known = known_customers
        self._maker = RowMaker(seed, self._pick_customer)

    def rows_of(self, file: PlannedFile, files: Sequence[PlannedFile]) -> Iterator[Row]:
        """The rows of one file; files are all of the dataset's, in order, to find earlier rows in."""
        for number in range(file.first, file.first + file.rows):
            yield self._row(file, number, files)

    def sound_rows(self, file: PlannedFile) -> Iterator[Row]:
        """The rows of one file without any defect."""
        for number in range(file.first, file.first + file.rows):
            yield Row(self._maker.make(file.dataset, number, file.day))

    def _row(self, file: PlannedFile, number: int, files: Sequence[PlannedFile]) -> Row:
        name = self._spoiler.chosen(file.dataset, number)
        source, day = number, file.day
        if name == "duplicate":
            earlier = self._earlier_sound_row(file.dataset, number, files[0].first)
            name, source = (name, earlier) if earlier else (None, number)
            day = files[bisect_right(files, source, key=lambda f: f.first) - 1].day
        values = self._maker.make(file.dataset, source, day)
        formats = CATALOG[name].formats if name else ()
        if name is None or (formats is not None and file.fmt not in formats):
            return Row(values)
        return self._spoiler.spoil(name, self._spoiler.case(file.dataset, number, values, file.fmt))

    def _earlier_sound_row(self, dataset: str, number: int, first: int) -> int | None:
        if number == first:
            return None
        for attempt in range(TRIES):
            earlier = first + digest(self._seed, "earlier", dataset, number, attempt) % (number - first)
            if self._spoiler.chosen(dataset, earlier) is None:
                return earlier
        return None

    def _pick_customer(self, draw: random.Random) -> int:
        for _ in range(TRIES):
            number = draw.randrange(1, self._known + 1)
            if self._spoiler.refers_safely_to(number):
                break
        return number
