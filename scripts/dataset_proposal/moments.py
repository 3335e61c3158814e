"""Types that the inference leaves to people, taken where the values are nearly sure.

The inference changes nothing, so one "n/a" keeps a column of amounts as text. A contract may say more: the type that
nearly all values have. The others are no loss, they are kept in ``_rescued_data``.

A date is taken where one format only reads the values. 01/02/2024 may be of January or of February; where no value
of a column tells, it stays text, and the contract says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataset_proposal.model import Facts
from etl.contracts import Column
from etl.inference import exact_decimal
from etl.typing_sql import value_sql

# So many values must have a type for it to be proposed; the others are mistakes of the sample.
MOST = 0.95
_TIME = r"(?P<time> 9{1,2}:99(?P<s>:99)?(?P<ap> aa)?)?"
_SHAPE = re.compile(rf"(?P<day>[9a]{{1,4}}(?P<sep>[-/. ])[9a]{{1,3}}(?P=sep)9{{1,4}}){_TIME}")
_DAYS = re.compile(r"9{1,2}(.)9{1,2}\1(9{4})")
_YEARS = re.compile(r"9{4}(.)9{1,2}\1(9{1,2})")
_MONTHS = re.compile(r"9{1,2}(.)a{3}\1(9{4})")
_DATE_WORDS = re.compile(r"(^|_)(date|day|dt|dob|birthday)(_|$)")
_SWITCH_WORDS = re.compile(r"^(is|has|was|can)_|_(flag|in|active|enabled|yn)$|^(active|enabled|deleted)$")
_PAIRS = ({"yes", "no"}, {"y", "n"}, {"t", "f"})
_NUMBER = re.compile(r"-?(?P<before>0|[1-9]\d{0,17})(\.(?P<scale>\d{1,12}))?")
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ISO_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:?\d{2})?")
# Of a number these are no digits to lose: with a zero in front it is a code.
_CODE = "^[-+]?0[0-9]|^[+]"


def closer_types(facts: Sequence[Facts], rows: DataFrame) -> tuple[dict[str, Column], dict[str, str]]:
    """Columns whose values are of another type than the inference dared to take.

    Args:
        facts: of all columns.
        rows: typed as inferred.

    Returns:
        Column name -> the column with its new type, and column name -> what was found, also of columns left alone.
    """
    types: dict[str, Column] = {}
    why: dict[str, str] = {}
    for each in facts:
        if words := _switch(each):
            types[each.name] = replace(each.column, type="boolean")
            why[each.name] = f"only {' and '.join(words)}"
    candidates = {each.name: found for each in facts if each.name not in types and (found := list(_candidates(each)))}
    misses = _misses(rows, candidates)
    for each in (each for each in facts if each.name in candidates):
        fitting = [column for column in candidates[each.name] if _fits(misses[each.name, column], each)]
        formats = [column.formats[0] for column in fitting if column.formats]
        if len(fitting) == 1:
            [column] = fitting
            types[each.name] = column
            why[each.name] = _evidence(column, misses[each.name, column][0], each)
        elif formats:
            why[each.name] = f"text: may be {' or '.join(formats)}, and no value tells; choose type date and formats"
    return types, why


def _fits(missed: tuple[int, int], each: Facts) -> bool:
    wrong, codes = missed
    return not codes and wrong <= (1 - MOST) * each.filled and wrong < each.filled


def _evidence(column: Column, wrong: int, each: Facts) -> str:
    read = f"values read as {column.formats[0]}" if column.formats else f"values are a {column.type.partition('(')[0]}"
    if not wrong:
        return f"all {read}"
    return f"{1 - wrong / each.filled:.1%} of the {read}; {wrong:,} other(s) would be null, and kept in _rescued_data"


def _switch(facts: Facts) -> list[str]:
    """The two words of a column that holds only these, or some of them in a column that is named so."""
    words = {value.strip().lower() for value in facts.values} - {""}
    named = bool(_SWITCH_WORDS.search(facts.name))
    if facts.type == "string" and any(words == pair or (named and words and words <= pair) for pair in _PAIRS):
        return sorted(words)
    return sorted(words) if facts.type == "long" and named and words and words <= {"0", "1"} else []


def _candidates(facts: Facts) -> Iterator[Column]:
    """The types that some of the texts suggest."""
    texts = [stripped for text in facts.texts if (stripped := text.strip())]
    if facts.type not in ("string", "long") or not texts:
        return
    if _DATE_WORDS.search(facts.name) and _share(texts, re.compile(r"(19|20)\d{6}")) == 1:
        yield replace(facts.column, type="date", formats=("yyyyMMdd",))
        return
    if facts.type == "long":
        return
    for kind, pattern in (("date", _ISO_DAY), ("timestamp", _ISO_MOMENT)):
        if _share(texts, pattern) >= MOST:
            yield replace(facts.column, type=kind)
    if _share(texts, _NUMBER) >= MOST:
        numbers = [match for text in texts if (match := _NUMBER.fullmatch(text))]
        scale = max(len(match["scale"] or "") for match in numbers)
        before = max(len(match["before"]) for match in numbers)
        if kind := (exact_decimal(before, scale) if scale else "long"):
            yield replace(facts.column, type=kind)
    for pattern in _formats(texts, facts):
        yield replace(facts.column, type="timestamp" if "m" in pattern else "date", formats=(pattern,))


def _share(texts: Sequence[str], pattern: re.Pattern[str]) -> float:
    return sum(bool(pattern.fullmatch(text)) for text in texts) / len(texts)


def _formats(texts: Sequence[str], facts: Facts) -> Iterator[str]:
    """The formats that dates may have, by the shape of nearly all texts."""
    shapes = [shape.strip() for shape in facts.shapes] or [
        re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", t)) for t in texts
    ]
    parts = [match for shape in shapes if (match := _SHAPE.fullmatch(shape))]
    kinds = {(match["sep"], bool(match["time"]), bool(match["s"]), bool(match["ap"])) for match in parts}
    if not facts.shapes and len(parts) < MOST * len(shapes):
        return
    if len(kinds) != 1:
        return
    separator, has_time, has_seconds, half_days = kinds.pop()
    hour = "h" if half_days else "H"
    time = f" {hour}:mm{':ss' if has_seconds else ''}{' a' if half_days else ''}" if has_time else ""
    two_digits = all(len(part) != 1 for match in parts for part in match["day"].split(separator))
    day, month = ("dd", "MM") if two_digits else ("d", "M")
    days = [match["day"] for match in parts]
    if all(_DAYS.fullmatch(text) for text in days):
        yield f"{day}{separator}{month}{separator}yyyy{time}"
        yield f"{month}{separator}{day}{separator}yyyy{time}"
    elif all(_YEARS.fullmatch(text) for text in days) and (separator != "-" or (has_time and not has_seconds)):
        yield f"yyyy{separator}{month}{separator}{day}{time}"
    elif all(_MONTHS.fullmatch(text) for text in days):
        yield f"{day}{separator}MMM{separator}yyyy{time}"


def _misses(rows: DataFrame, candidates: Mapping[str, Sequence[Column]]) -> dict[tuple[str, Column], tuple[int, int]]:
    """How many values of each column each of its types can't read, and how many are codes; in one job."""
    asked = [(name, column) for name, columns in candidates.items() for column in columns]
    if not asked:
        return {}
    texts = rows.select(*(F.col(f"`{name}`").cast("string").alias(f"_text_{name}") for name in candidates))
    counts = []
    for place, (name, column) in enumerate(asked):
        text = f"_text_{name}"
        is_code = (
            f"trim({text}) rlike '{_CODE}'" if column.type == "long" or column.type.startswith("decimal") else "false"
        )
        counts += [
            F.expr(f"count_if(trim({text}) <> '' and {value_sql(text, column)} is null)").alias(f"wrong{place}"),
            F.expr(f"count_if({is_code})").alias(f"codes{place}"),
        ]
    found = texts.agg(*counts).collect()[0]
    return {each: (found[f"wrong{place}"], found[f"codes{place}"]) for place, each in enumerate(asked)}
