"""A faulty contract, gone through part by part: each expression is tried by itself, so that every fault is told.

What a faulty part would have made is null without a type, with which everything compiles. After a faulty SQL step or
Python step nobody knows which columns there are; then names that can't be found are no news, and are not told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from etl.contracts import Aggregate, Contract, Rule, SqlStep
from etl.errors import PipelineError
from etl.names import EVENT_DATE, FLAGS, REASON
from etl.transform.aggregates import aggregate
from etl.transform.conform import conform
from etl.transform.enrichment import UNMATCHED
from etl.transform.expressions import compiled, derive
from etl.transform.flow import BatchContext, enriched
from etl.transform.needed import Needed
from etl.transform.privacy import DROP, treat, treatments
from etl.transform.python_step import Context, run_python_step
from etl.transform.references import References
from etl.transform.rules import judge
from etl.transform.steps import run_steps
from utils.spark_versions import COMPILE_ERRORS

# How Spark (3.3 to 4.1) and the steps say that a column or table isn't there.
_NOT_FOUND = re.compile(
    r"cannot be resolved|cannot be found|cannot resolve|does not exist|UNRESOLVED_|NOT_FOUND|MISSING_COLUMN"
    r"|needs column\(s\)|it must have them| drops |there is no column"
)
# Of the steps, which say what is wrong, and of Spark, should a step let its word through.
REFUSALS = (PipelineError, *COMPILE_ERRORS)


class Faults:
    """Looks through a contract.

    Args:
        contract: the dataset's.
        references: what it is joined with, without rows.
        batch: as the steps take it.
        uncertain: needed datasets whose tables may have other columns than the references show.

    Attributes:
        problems: each naming dataset, part of the contract and reason.
        withheld: whether something was not told, since it may be right once something else is mended.
        certain: whether the frame that came out has just the columns that the contract makes.
        columns: those that are null since what makes them is faulty.
    """

    def __init__(
        self, contract: Contract, references: References, batch: BatchContext, uncertain: Collection[str]
    ) -> None:
        self.problems: list[str] = []
        self.withheld = False
        self.certain = True
        self.columns: set[str] = set()
        # The error of the part that was tried last, told or not.
        self._told = ""
        self._contract, self._references, self._batch, self._uncertain = contract, references, batch, set(uncertain)

    def look(self, rows: DataFrame) -> DataFrame:
        """Try everything.

        Args:
            rows: a batch without rows.

        Returns:
            What the curated table would be, as far as that can be told.
        """
        contract = self._contract
        frame = conform(rows, contract)
        self._try_rules(frame, "read")
        frame = self._enriched(frame)
        self._try_rules(frame, "enrich")
        for derived in contract.processing.derive:
            frame = self._or_void(partial(derive, frame, derived, contract.name), frame, [derived.name])
        self._try_rules(frame, "derive")
        no_flags = F.array().cast("array<string>").alias(FLAGS)
        frame = frame.drop(UNMATCHED, REASON).select("*", no_flags)
        frame = self._after_steps(frame)
        self._try_rules(frame, "steps")
        if contract.delete_when:
            what = f"{contract.name}: delete_when: {contract.delete_when!r}"
            self._tried(lambda: compiled(what, lambda: frame.where(contract.delete_when)))
        treated = self._treated(frame)
        for definition in contract.processing.aggregates:
            self._try_aggregate(treated, definition)
        return treated

    def _tried(self, build: Callable[[], DataFrame], certain: bool = True) -> DataFrame | None:
        """A frame; None when it can't be made, which is noted."""
        try:
            return build()
        except REFUSALS as error:
            self._told = problem = of_dataset(self._contract.name, reason(error))
            known = self.certain and certain
            if not known and _NOT_FOUND.search(problem):
                self.withheld = True
            elif problem not in self.problems:
                self.problems.append(problem)
            return None

    def _or_void(
        self, build: Callable[[], DataFrame], frame: DataFrame, columns: Sequence[str], certain: bool = True
    ) -> DataFrame:
        """A frame; when it can't be made, the one before with null for the columns that it would have added."""
        made = self._tried(build, certain)
        if made is not None:
            self.columns.difference_update(columns)
            return made
        self.columns.update(columns)
        return frame.withColumns({name: F.lit(None) for name in columns})

    def _try_rules(self, frame: DataFrame, place: str) -> None:
        """A rule changes neither columns nor types, so each is tried on the same frame."""
        for rule in self._contract.processing.rules:
            if rule.place == place:
                for part in _parts(rule):
                    self._tried(partial(judge, frame, [part], self._contract.name))

    def _enriched(self, frame: DataFrame) -> DataFrame:
        for position, enrichment in enumerate(self._contract.processing.enrich):
            certain = enrichment.dataset not in self._uncertain
            columns = enrichment.output_columns()
            frame = self._or_void(partial(self._joined, frame, position), frame, columns, certain)
        return frame

    def _joined(self, frame: DataFrame, position: int) -> DataFrame:
        enrichment, table = self._contract.processing.enrich[position], self._references.enrichments[position]
        treated = self._batch.key_treatments[position] if self._batch.key_treatments else {}
        return enriched(frame, enrichment, table, self._contract.name, treated, self._batch.pii_keys)

    def _after_steps(self, frame: DataFrame) -> DataFrame:
        contract, tables = self._contract, self._references.tables
        needed = Needed.of(contract, self._batch.constants)
        known_tables = self._uncertain.isdisjoint(tables)
        if contract.processing.steps:
            self.certain = known_tables
            frame = self._through_sql(frame, needed)
        context = Context(contract.name, self._batch.batch_id, contract, tables)
        done = self._tried(partial(run_python_step, frame, context, needed), known_tables)
        self.certain = self.certain and done is not None
        return frame if done is None else done

    def _through_sql(self, frame: DataFrame, needed: Needed) -> DataFrame:
        name, steps = self._contract.name, list(self._contract.processing.steps)
        # Each turn finds a faulty step, and the next one has another in its place that is right.
        for _ in steps:
            made = self._tried(partial(run_steps, frame, list(steps), self._references.tables, name, needed))
            if made is not None:
                return made
            self.certain = False
            faulty = [n for n, step in enumerate(steps) if self._told.startswith(f"{name}: step {step.name!r}")]
            if not faulty:
                break
            steps[faulty[0]] = _stand_in(steps[faulty[0]])
        return frame

    def _treated(self, frame: DataFrame) -> DataFrame:
        wanted = treatments(self._contract)
        done = self._tried(lambda: treat(frame, wanted, self._batch.pii_keys, self._contract.name))
        return frame.drop(*(name for name, how in wanted.items() if how == DROP)) if done is None else done

    def _try_aggregate(self, table: DataFrame, definition: Aggregate) -> None:
        """The group by itself, then each measure by itself."""
        missing = [name for name in (EVENT_DATE, *definition.group_by) if name not in table.columns]
        if missing:
            if self.certain:
                columns = ", ".join(name for name in table.columns if not name.startswith("_"))
                self.problems.append(
                    f"{self._contract.name}: aggregate {definition.name!r}: no column(s) {', '.join(missing)} to group "
                    f"by; columns are {columns}"
                )
            return
        for name, expression in definition.measures.items():
            one = replace(definition, measures={name: expression})
            self._tried(partial(aggregate, table, one, self._contract.name))


def reason(error: Exception) -> str:
    """An error as one line; Spark's go on with plans."""
    if isinstance(error, PipelineError):
        return str(error)
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def of_dataset(dataset: str, problem: str) -> str:
    """A problem that begins with the name of its dataset."""
    return problem if problem.startswith(f"{dataset}: ") else f"{dataset}: {problem}"


def _parts(rule: Rule) -> list[Rule]:
    """A rule for each of its values."""
    return [replace(rule, values={name: value}) for name, value in rule.values.items()] or [rule]


def _stand_in(step: SqlStep) -> SqlStep:
    """A step in place of a faulty one: it is right, and earlier steps that the faulty one names are still named."""
    words = re.sub(r"\W+", " ", step.sql)
    return SqlStep(step.name, f"select * from batch /* {words} */")  # noqa: S608 - words only, and never run # nosec B608
