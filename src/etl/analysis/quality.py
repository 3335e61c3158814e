"""The rules of quality, tried on tables without rows: what would end in the outcome Error is told before that."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timezone

from pyspark.sql import DataFrame

from etl.contracts import Contract
from etl.dqdl import parse_ruleset
from etl.dqdl.mentions import mentioned
from etl.dqdl.planner import Planner, Surroundings
from etl.dqdl.schedule import schedule


def quality_problems(
    contract: Contract, tables: Mapping[str, DataFrame], unknown: Collection[str] = ()
) -> Iterator[str]:
    """A problem for each rule that can't be evaluated.

    Args:
        contract: the dataset's; its ruleset is DQDL.
        tables: dataset -> its curated table without rows.
        unknown: datasets whose columns nobody knows; rules that speak of them are not judged.
    """
    text = contract.quality.rules
    if not text:
        return
    ruleset = parse_ruleset(text)
    others = {name: tables[name] for name in mentioned(ruleset, set(tables) - {contract.name})}
    planner = Planner(tables[contract.name], Surroundings(datetime.now(timezone.utc), others))
    leaves = [leaf for node in ruleset.rules for leaf in planner.leaves(node, by_row=False)]
    leaves += [planner.leaf(rule) for rule in ruleset.analyzers]
    schedule(planner, leaves)
    for leaf in leaves:
        if leaf.problem and not any(name in leaf.rule.text for name in unknown):
            yield f"{contract.name}: quality: {leaf.rule.text}: {leaf.problem.splitlines()[0]}"
