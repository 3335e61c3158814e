"""A proposal as YAML: the contract, with the evidence of every line as a comment behind or above it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from dataset_proposal.model import ColumnProposal, Identity, Proposal, RuleProposal
from etl.contracts import DEFAULT_THRESHOLD
from etl.contracts.text import column_line


def as_yaml(proposal: Proposal) -> str:
    """The contract's text.

    Args:
        proposal: what is proposed.
    """
    lines = [
        f"# Proposed by scripts/new_dataset.py from {_plain(proposal.seen)}.",
        "# Comments are the evidence. Change what you know better, and take the comments out as you decide.",
        *(f"# - {_plain(note)}" for note in proposal.notes),
        f"name: {proposal.name}",
        "description: One row per …; say whose data it is and where it comes from.",
        *_source(proposal),
        *_identity(proposal.identity),
        "columns:",
        *(f"  - {_column(each)}" for each in proposal.columns),
        "quality:",
        f"  threshold: {DEFAULT_THRESHOLD:g}  # the score to reach, of 100",
        "  rules: |",
        "    Rules = [",
        *(f"      {line}" for line in _rules(proposal.rules)),
        "    ]",
    ]
    return "\n".join(lines) + "\n"


def _source(proposal: Proposal) -> Iterator[str]:
    why = proposal.source_why
    if not proposal.source:
        yield f"# source: {_plain(why['patterns'])}; {_plain(why['format'])}"
        return
    yield "source:"
    for name in ("patterns", "format", "options"):
        if name in proposal.source:
            yield f"  {name}: {_flow(proposal.source[name])}  # {_plain(why[name])}"
        elif name in why:
            yield f"  # {name}: {_plain(why[name])}"


def _identity(identity: Identity) -> Iterator[str]:
    values = {"key": list(identity.key), "event_time": identity.event_time, "order_by": list(identity.order_by)}
    for name, value in values.items():
        if value:
            yield f"{name}: {_flow(value)}  # {_plain(identity.why[name])}"


def _column(proposed: ColumnProposal) -> str:
    column = proposed.column
    fields: dict[str, Any] = {
        "required": column.required,
        "aliases": list(column.aliases),
        "formats": list(column.formats),
        "pii": column.pii,
    }
    line = column_line(column.name, column.type, **{name: value for name, value in fields.items() if value})
    return f"{line}  # {_plain('; '.join(proposed.why))}" if proposed.why else line


def _rules(rules: tuple[RuleProposal, ...]) -> Iterator[str]:
    """A rule a line, with a comma behind all but the last one that counts."""
    last = max(place for place, rule in enumerate(rules) if not rule.commented)
    for place, rule in enumerate(rules):
        start, comma = ("# ", "") if rule.commented else ("", "," if place < last else "")
        yield f"{start}{rule.text}{comma}  # {_plain(rule.why)}"


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True)
    return str(text).removesuffix("...\n").strip()


def _plain(text: str) -> str:
    """On one line, of signs that YAML takes."""
    return "".join(sign if sign.isprintable() else "?" for sign in " ".join(text.split()))
