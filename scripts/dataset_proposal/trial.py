"""What would happen: the proposal is validated as validate_contracts.py does it, and the sample goes through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from contract_validation.files import checked
from dataset_proposal.sample import Wanted, read_sample
from etl.analysis import analyse
from etl.contracts import Contract
from etl.dqdl import evaluate
from etl.duplicates import DUPLICATE_REASON
from etl.scoring import score
from quality_check.frames import table_of


@dataclass(frozen=True)
class Trial:
    """What became of the sample. Nothing was written.

    Attributes:
        read: rows.
        refused: reason -> rows that would go to quarantine.
        rescued: rows with a value that does not fit, which would be null.
        score: of the rows that remain.
        passed: whether it reaches the threshold.
        failed: rules that don't hold, with what was found.
    """

    read: int
    refused: Mapping[str, int]
    rescued: int
    score: float
    passed: bool
    failed: tuple[str, ...]


def validated(
    spark: SparkSession, name: str, text: str, texts: Mapping[str, str], folder: Path
) -> tuple[Contract | None, list[str]]:
    """The contract, and everything that is wrong with it; expressions and rules included.

    Args:
        spark: the session.
        name: of the dataset.
        text: the proposal as YAML.
        texts: file name -> text of the contracts that are there.
        folder: where they lie.
    """
    file = f"{name}.yml"
    contracts, problems = checked({**texts, file: text})
    own = [problem for problem in problems if problem.startswith((f"{file}: ", f"{name}: "))]
    if name not in contracts:
        return None, own or problems
    return contracts[name], own + analyse(contracts, spark, folder.as_uri(), only={name}, quality=True)


def tried(spark: SparkSession, chosen: Wanted, contract: Contract, staging: Path, now: datetime) -> Trial:
    """Read the sample again, by the contract, and hold it against its rules.

    Args:
        spark: the session.
        chosen: what to look at, as before.
        contract: the proposal.
        staging: an empty folder.
        now: with a zone.
    """
    sample = read_sample(spark, chosen, contract, staging)
    table = table_of(sample.frame, sample.files, contract)
    refused: dict[str, int] = dict(table.refused)
    if contract.key:
        keys: Any = table.rows.groupBy(*contract.key).count()
        if again := keys.agg(F.sum(F.col("count") - 1)).collect()[0][0]:
            refused[DUPLICATE_REASON] = int(again)
    result = evaluate(table.rows, contract.quality.rules, now=now, files=table.files)
    scored = score(result, contract.quality.weights, contract.quality.threshold)
    failed = tuple(f"{rule.text}: {rule.message}" for rule in result.rules if rule.outcome != "Passed")
    return Trial(table.read, refused, table.rescued, scored.value, scored.passed, failed)
