"""What is worth a second look in a contract."""

from __future__ import annotations

import pytest

from etl.contracts import Column, Contract, Derived, Processing
from etl.contracts.notes import notes

COLUMNS = (Column("id"), Column("name", pii="hash"))


def noted(*derive: Derived) -> list[str]:
    return list(notes(Contract("people", columns=COLUMNS, processing=Processing(derive=derive))))


def test_a_column_that_is_made_of_personal_data_and_kept_as_it_is_is_noted() -> None:
    [note] = noted(Derived("greeting", "concat('Dear ', NAME)"))
    assert note == (
        "people: derived column 'greeting' is made of name, which holds personal data, and is kept as it is; give it "
        "pii as well unless it tells nothing of a person"
    )


def test_what_is_made_of_such_a_column_is_noted_too() -> None:
    assert [note.split("'")[1] for note in noted(Derived("a", "upper(name)"), Derived("b", "lower(a)"))] == ["a", "b"]


@pytest.mark.parametrize(
    "derived",
    [
        Derived("a", "upper(name)", pii="mask"),
        Derived("name", "upper(name)"),
        Derived("a", "concat(id, 'name', \"name\")"),
        Derived("a", "names"),
    ],
)
def test_what_is_treated_or_has_nothing_personal_is_not_noted(derived: Derived) -> None:
    assert noted(derived) == []
