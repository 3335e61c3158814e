"""The defects that real sources have, and how each is put into a sound row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from sample_data.columns import DATASETS, Row
from sample_data.rows import customer_id, digest, share

CSV = ("csv", "csv.gz")
TEXT = (*CSV, "json", "jsonl")
BOTH = ("customers", "transactions")
ORPHAN_OFFSET = 500_000  # ids of customers who exist nowhere start this far beyond the last real one


@dataclass(frozen=True)
class Defect:
    """A kind of defect: its default share of the rows, and where it can occur (formats None: in all)."""

    share: float
    datasets: tuple[str, ...]
    meaning: str
    formats: tuple[str, ...] | None = None


CATALOG: dict[str, Defect] = {
    "missing_required": Defect(0.01, BOTH, "no transaction_id or no customer_id: null or empty"),
    "bad_type": Defect(0.02, BOTH, 'text that is no number or date: "n/a", "31/02/2024"', TEXT),
    "duplicate": Defect(0.02, BOTH, "an earlier key again, as it was or later with other values"),
    "negative_amount": Defect(0.01, ("transactions",), "an amount below zero"),
    "orphan": Defect(0.01, ("transactions",), "a customer_id that no customer has"),
    "invalid_email": Defect(0.02, ("customers",), "an email that is no address"),
    "future_date": Defect(0.01, BOTH, "a transaction or a birth in the year 2099"),
    "ragged": Defect(0.02, BOTH, "a CSV row with fields too many or too few", CSV),
    "unknown_status": Defect(0.01, ("transactions",), "a status outside the list"),
}
# A customer row with one of these may be refused, so sound transactions never refer to it.
REFUSABLE = ("missing_required", "bad_type", "ragged", "future_date", "duplicate", "invalid_email")


@dataclass(frozen=True)
class Spoiler:
    """Decides which row gets which defect, from the seed and the row's number alone."""

    seed: int
    shares: Mapping[str, float]
    known_customers: int

    def chosen(self, dataset: str, number: int) -> str | None:
        """The defect meant for a row, before looking at what its file's format allows."""
        point = share(self.seed, "defect", dataset, number)
        for name, portion in self.shares.items():
            if dataset in CATALOG[name].datasets:
                if point < portion:
                    return name
                point -= portion
        return None

    def refers_safely_to(self, number: int) -> bool:
        """Whether a transaction may belong to this customer: its row carries no defect."""
        return self.chosen("customers", number) not in REFUSABLE

    def spoil(self, name: str, case: Case) -> Row:
        """A row with the defect in it and a note of what was done to it."""
        row = _SPOILERS[name](case)
        row.defect = {"defect": name, **(row.defect or {})}
        return row

    def case(self, dataset: str, number: int, values: dict[str, Any], fmt: str) -> Case:
        """What a defect needs to know of the row; for a duplicate, values are those of the earlier row."""
        dice = digest(self.seed, "spoil", dataset, number)
        return Case(dataset, number, values, fmt, dice, self.known_customers)


@dataclass(frozen=True)
class Case:
    """A row to be spoiled: its values (changed in place), where it goes, and its own dice."""

    dataset: str
    number: int
    values: dict[str, Any]
    fmt: str
    dice: int
    known_customers: int


def _missing_required(case: Case) -> Row:
    columns = ("customer_id",) if case.dataset == "customers" else ("transaction_id", "customer_id")
    column = columns[case.dice % len(columns)]
    case.values[column] = "" if case.fmt in TEXT and case.dice // 8 % 2 else None
    return Row(case.values, defect={"column": column})


def _bad_type(case: Case) -> Row:
    choices = {
        "customers": (("credit_limit", "n/a"), ("date_of_birth", "31/02/2024")),
        "transactions": (("amount", "n/a"), ("transaction_time", "31/02/2024"), ("quantity", "two")),
    }[case.dataset]
    column, text = choices[case.dice % len(choices)]
    return _changed(case, column, text)


def _duplicate(case: Case) -> Row:
    """Every second one is an exact copy; the others are later versions of the row."""
    if case.dice % 2:
        return Row(case.values, defect={"kind": "exact"})
    later = timedelta(seconds=1 + case.number % 3600)
    if case.dataset == "customers":
        case.values["updated_at"] += later
        case.values["city"] = "Moved City"
    else:
        case.values["transaction_time"] += later
        case.values["status"] = "cancelled" if case.values["status"] == "refunded" else "refunded"
    return Row(case.values, defect={"kind": "later"})


def _negative_amount(case: Case) -> Row:
    amount: Decimal = case.values["amount"]
    case.values["amount"] = -amount
    return Row(case.values, defect={"column": "amount"})


def _orphan(case: Case) -> Row:
    return _changed(case, "customer_id", customer_id(case.known_customers + ORPHAN_OFFSET + case.dice % 1000))


def _invalid_email(case: Case) -> Row:
    email: str = case.values["email"]
    bad = (email.replace("@", " at "), email.split("@")[0], "unknown", email + "@" + email)
    return _changed(case, "email", bad[case.dice % len(bad)])


def _future_date(case: Case) -> Row:
    day = date(2099, 1, 1) + timedelta(days=case.dice % 365)
    if case.dataset == "customers":
        case.values["date_of_birth"] = day
        return Row(case.values, defect={"column": "date_of_birth"})
    case.values["transaction_time"] = datetime(day.year, day.month, day.day, 12, tzinfo=timezone.utc)
    return Row(case.values, defect={"column": "transaction_time"})


def _ragged(case: Case) -> Row:
    width = len(DATASETS[case.dataset].columns)
    fields = (-3, -1, 1, 2)[case.dice % 4]
    return Row(case.values, ragged=fields, defect={"fields": width + fields, "fields_expected": width})


def _unknown_status(case: Case) -> Row:
    return _changed(case, "status", ("unknown", "COMPLETE", "in transit")[case.dice % 3])


def _changed(case: Case, column: str, value: str) -> Row:
    case.values[column] = value
    return Row(case.values, defect={"column": column, "value": value})


_SPOILERS: dict[str, Callable[[Case], Row]] = {
    "missing_required": _missing_required,
    "bad_type": _bad_type,
    "duplicate": _duplicate,
    "negative_amount": _negative_amount,
    "orphan": _orphan,
    "invalid_email": _invalid_email,
    "future_date": _future_date,
    "ragged": _ragged,
    "unknown_status": _unknown_status,
}
