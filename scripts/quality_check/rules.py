"""What the data must satisfy: the rules, from DQDL or a contract, and the contract that says what the columns are."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from contract_validation.files import SUFFIXES, NoContractsError, checked, read_texts, wanted_files
from etl.contracts import Contract
from etl.dqdl import DqdlSyntaxError, Ruleset, parse_ruleset
from etl.dqdl.mentions import mentioned
from etl.names import standard_name
from quality_check.errors import CheckError

# Every rule must hold where nobody has said how much is enough.
ALL = 100.0
# Rules whose reference can be told for sure; in SQL a name may be anything.
_NAMING = ("DatasetMatch", "ReferentialIntegrity", "RowCountMatch", "SchemaMatch")


@dataclass(frozen=True)
class Demands:
    """What is asked of the data.

    Attributes:
        ruleset: parsed.
        threshold: the score to reach.
        weights: of the dimensions.
        source: the file of the rules.
    """

    ruleset: Ruleset
    threshold: float
    weights: Mapping[str, float]
    source: Path


def read_contracts(path: Path) -> tuple[Contract, dict[str, Contract]]:
    """A contract, and those beside it that are right.

    Args:
        path: the contract's file.

    Raises:
        CheckError: it is not there, or wrong.
    """
    try:
        wanted = wanted_files([path])
    except NoContractsError as error:
        raise CheckError(str(error)) from error
    if path.is_dir():
        raise CheckError(f"{path} is a folder; name one contract")
    texts, unreadable = read_texts(wanted.files)
    contracts, problems = checked(texts)
    own = contracts.get(standard_name(path.stem))
    if own is None:
        # A contract that needs a wrong one has no problem of its own.
        found = [problem for problem in [*unreadable, *problems] if problem.startswith(f"{path.name}: ")]
        raise CheckError("\n  ".join([f"the contract {path} can't be used:", *(found or [*unreadable, *problems])]))
    return own, contracts


def demands(
    rules: Path | None, contract: Contract | None, contract_file: Path | None, threshold: float | None
) -> Demands:
    """The rules and how much of them must hold.

    Args:
        rules: DQDL, or a contract whose ``quality.rules`` count; None takes those of the contract.
        contract: as given by ``--contract``.
        contract_file: where it lies.
        threshold: as asked for; None takes the contract's where its rules are taken, else all rules must hold.

    Raises:
        CheckError: there are no rules, or they are not DQDL.
    """
    source = rules or contract_file
    if source is None:
        raise CheckError("there are no rules; name a file of DQDL with --rules, or a contract that has rules")
    of = read_contracts(rules)[0] if rules and rules.suffix in SUFFIXES else None if rules else contract
    text = of.quality.rules if of else _text(source)
    if not text.strip():
        raise CheckError(f"{source} has no rules{' under quality.rules' if of else ''}")
    try:
        ruleset = parse_ruleset(text)
    except DqdlSyntaxError as error:
        raise CheckError(f"{source}: {error}") from error
    reached = of.quality.threshold if of else ALL
    return Demands(ruleset, reached if threshold is None else threshold, of.quality.weights if of else {}, source)


def check_references(ruleset: Ruleset, given: Collection[str]) -> None:
    """Refuse rules that speak of data that nobody has named.

    Args:
        ruleset: parsed.
        given: the names of all references.

    Raises:
        CheckError: naming the rule and the reference.
    """
    for leaf in (leaf for node in ruleset.rules for leaf in node.leaves() if leaf.rule_type in _NAMING):
        words = set(re.findall(r"[^\s\"'{},.]+", leaf.text))
        for name in sorted(mentioned(Ruleset((leaf,)), words) - set(given)):
            raise CheckError(f"the rule {leaf.text} needs the reference {name!r}; add --reference {name}=PATH")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise CheckError(f"{path} is not there; name a file of DQDL rules or a contract") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CheckError(f"{path} can't be read as text: {error}") from error
