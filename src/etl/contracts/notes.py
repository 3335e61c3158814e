"""What is no mistake in a contract, and yet worth a second look."""

from __future__ import annotations

import re
from collections.abc import Iterator

from etl.contracts import Contract

_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_WORD = re.compile(r"[a-z_][a-z0-9_]*")


def notes(contract: Contract) -> Iterator[str]:
    """A line for each derived column that is made of personal data and goes into the curated table as it is.

    Whether it still tells anything of a person (a name does, its length hardly) only people can say. What SQL and
    Python steps make is not looked into.
    """
    personal = {column.name for column in contract.columns if column.pii}
    treated = personal | {derived.name for derived in contract.processing.derive if derived.pii}
    for derived in contract.processing.derive:
        words = set(_WORD.findall(_TEXT.sub("", derived.expression).lower()))
        if not (made_of := sorted(words & personal)):
            continue
        if derived.name not in treated:
            yield (
                f"{contract.name}: derived column {derived.name!r} is made of {', '.join(made_of)}, which holds "
                "personal data, and is kept as it is; give it pii as well unless it tells nothing of a person"
            )
        personal.add(derived.name)
