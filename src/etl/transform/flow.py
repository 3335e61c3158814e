"""Transform: all that happens to a batch's rows between processed and curated, in its order.

1. The batch is brought into the present contract's shape (:mod:`etl.transform.conform`).
2. ``set`` rules, enrichment, derived columns, then the other rules; a rule may ask to be put elsewhere (``after``).
3. Rows that were refused leave. The others go through the SQL steps, the Python step, and the rules after these.

Until 3, rows neither come nor go, so every row of the batch is judged exactly once. SQL and Python steps may make
other rows of those that they get; what they make is judged, too.

Rows are computed more than once (counted, refused, put), so all of it must give the same each time
(:mod:`etl.transform.repeatable`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from etl.contracts import Contract, Enrichment, Rule
from etl.duplicates import DUPLICATE_REASON
from etl.names import BATCH, DELETE, EVENT_DATE, FLAGS, INGESTED_AT, METADATA, REASON, SOURCE_FILE
from etl.record_text import content_hash, record_text
from etl.transform.conform import conform
from etl.transform.enrichment import UNMATCHED, enrich
from etl.transform.expressions import compiled, derive
from etl.transform.needed import Needed
from etl.transform.privacy import add_treated
from etl.transform.python_step import Context, run_python_step
from etl.transform.references import References
from etl.transform.repeatable import contract_at, require_repeatable
from etl.transform.rules import is_judgement, judge, verdict
from etl.transform.steps import counted, run_steps

_ORIGINAL, _TREATED = "_original_", "_treated_"


@dataclass(frozen=True)
class BatchContext:
    """Which batch is transformed, and with what.

    Attributes:
        batch_id: its id.
        ingested_at: when it was read, as its rows have it in ``_ingested_at``.
        key_treatments: for each enrichment, this dataset's key column -> how the reference has treated its values,
            where they are personal data, and the Spark SQL type that they had: what is compared was made of texts.
        pii_keys: of :func:`etl.transform.privacy.keys_frame`, where a treatment needs them.
    """

    batch_id: str
    ingested_at: datetime
    key_treatments: Sequence[Mapping[str, tuple[str, str]]] = ()
    pii_keys: DataFrame | None = None

    @property
    def constants(self) -> dict[str, SparkColumn]:
        """Metadata that is the same in all rows of the batch."""
        return {BATCH: F.lit(self.batch_id), INGESTED_AT: F.lit(self.ingested_at)}


@dataclass(frozen=True)
class Judged:
    """Rows that were judged by some of the contract's rules.

    Attributes:
        rows: every row, with ``_reject_reason``, ``_flags``, ``_unmatched`` where there is enrichment, and a boolean
            ``_rule_<name>`` for each rule.
        rules: those that judged.
        record: of a row, what quarantine keeps: JSON of column -> text as the row stood in processed.
    """

    rows: DataFrame
    rules: tuple[Rule, ...]
    record: SparkColumn

    def refused(self) -> DataFrame:
        """The refused rows as quarantine keeps them: ``reason``, ``source_file``, ``record``."""
        return self.rows.where(F.col(REASON).isNotNull()).select(
            F.col(REASON).alias("reason"), F.col(SOURCE_FILE).alias("source_file"), self.record.alias("record")
        )


@dataclass(frozen=True)
class Transformed:
    """What a batch has become.

    Attributes:
        judged: the judgements in their order: of the batch's rows, and of what the SQL and Python steps made of them
            where the contract has such steps.
        accepted: the rows for curated: values, ``event_date``, ``_flags``, metadata, and ``_delete`` where the contract
            says when a row deletes. Personal data are still in the clear.
        delete_when: the contract's, with the batch's present time.
    """

    judged: tuple[Judged, ...]
    accepted: DataFrame
    delete_when: str = ""


def transform(rows: DataFrame, contract: Contract, references: References, batch: BatchContext) -> Transformed:
    """All steps of a contract's processing, on one batch.

    Args:
        rows: a batch of the processed layer.
        contract: the dataset's.
        references: what it is joined with.
        batch: which one it is.

    Raises:
        ExpressionError: a rule, expression or step does not compile; says which and why. Nothing has been computed.
    """
    frame, said = conform(rows, contract), contract
    contract = contract_at(said, batch.ingested_at)
    sources = [name for name in frame.columns if name not in (EVENT_DATE, *METADATA)]
    originals = _replaced(contract).intersection(sources)
    record = _record(frame, sources, originals)
    frame = frame.withColumns({_ORIGINAL + name: F.col(f"`{name}`") for name in sorted(originals)})
    early = _rules(said, "read", "enrich", "derive")
    rows_judged = verdict(_judged(frame, contract, references, batch), early)
    if _replaced(contract) & set(contract.key):
        rows_judged = _later_rows_only(rows_judged, contract)
    judged = Judged(rows_judged, early, record)
    accepted = _accepted(judged)
    made = _run_steps(accepted, contract, references, batch)
    late, made_anew = _rules(said, "steps"), made is not accepted
    if not (late or made_anew):
        return Transformed((judged,), _with_deletes(accepted, contract), contract.delete_when)
    made = verdict(judge(made, _rules(contract, "steps"), contract.name), late)
    keys_may_repeat = made_anew or any(set(rule.values) & set(contract.key) for rule in late)
    if contract.key and keys_may_repeat:
        made = _later_rows_only(made, contract)
    rejudged = Judged(made, late, _record(made, [name for name in sources if name in made.columns]))
    return Transformed((judged, rejudged), _with_deletes(_accepted(rejudged), contract), contract.delete_when)


def _rules(contract: Contract, *places: str) -> tuple[Rule, ...]:
    """The rules of some places, in the order in which they judge."""
    return tuple(rule for place in places for rule in contract.processing.rules if rule.place == place)


def _judged(frame: DataFrame, contract: Contract, references: References, batch: BatchContext) -> DataFrame:
    """The part that neither adds nor drops rows."""
    name, steps = contract.name, contract.processing
    frame = judge(frame, _rules(contract, "read"), name)
    for position, (enrichment, table) in enumerate(zip(steps.enrich, references.enrichments, strict=True)):
        treated = batch.key_treatments[position] if batch.key_treatments else {}
        frame = enriched(frame, enrichment, table, name, treated, batch.pii_keys)
    frame = judge(frame, _rules(contract, "enrich"), name)
    for derived in steps.derive:
        frame = derive(frame, derived, name)
    return judge(frame, _rules(contract, "derive"), name)


def enriched(
    frame: DataFrame,
    enrichment: Enrichment,
    table: DataFrame,
    dataset: str,
    treated: Mapping[str, tuple[str, str]],
    pii_keys: DataFrame | None,
) -> DataFrame:
    """Join columns of a reference, by treated values where the reference's keys are personal data.

    Args:
        frame: the rows.
        enrichment: keys, columns and how.
        table: the reference.
        dataset: named in errors.
        treated: see :attr:`BatchContext.key_treatments`, of this enrichment.
        pii_keys: see :attr:`BatchContext.pii_keys`.

    Raises:
        ExpressionError: see :func:`etl.transform.enrichment.enrich`.
    """
    if not treated:
        return enrich(frame, enrichment, table, dataset)
    added = {f"{_TREATED}{key}": (F.col(key).cast(kind), how) for key, (how, kind) in treated.items()}
    keys = {key: F.col(f"{_TREATED}{key}") for key in treated}
    return enrich(add_treated(frame, added, pii_keys, dataset), enrichment, table, dataset, keys).drop(*added)


def _run_steps(frame: DataFrame, contract: Contract, references: References, batch: BatchContext) -> DataFrame:
    """What SQL and Python make of the accepted rows; the frame itself where the contract has no such steps."""
    needed = Needed.of(contract, batch.constants)
    frame = run_steps(frame, contract.processing.steps, references.tables, contract.name, needed, counted)
    frame = run_python_step(frame, Context(contract.name, batch.batch_id, contract, references.tables), needed)
    require_repeatable(frame, f"{contract.name}: its Python step")
    return frame


def _later_rows_only(frame: DataFrame, contract: Contract) -> DataFrame:
    """Where keys were changed, several rows may have one; the table takes the latest, and the others are refused."""
    latest = [F.col(name).desc_nulls_last() for name in contract.order_by]
    # Ties are broken by what is the same whenever the batch is processed.
    content = content_hash([name for name in frame.columns if not name.startswith("_")])
    good_first = F.col(REASON).isNull().desc()
    window = Window.partitionBy(*contract.identity).orderBy(good_first, *latest, content)
    earlier = (F.row_number().over(window) > 1) & F.col(REASON).isNull()
    return frame.withColumn(REASON, F.when(earlier, DUPLICATE_REASON).otherwise(F.col(REASON)))


def _accepted(judged: Judged) -> DataFrame:
    """Rows that were not refused, without what only judgement needs."""
    rows = judged.rows.where(F.col(REASON).isNull())
    values = [name for name in rows.columns if not _is_of_steps(name) and name not in (EVENT_DATE, FLAGS, *METADATA)]
    metadata = [name for name in METADATA if name in rows.columns]
    return rows.select(*(F.col(f"`{name}`") for name in values), EVENT_DATE, FLAGS, *metadata)


def _is_of_steps(column: str) -> bool:
    """Whether steps pass the column on to each other and no table has it."""
    return is_judgement(column) or column.startswith(_ORIGINAL) or column in (REASON, UNMATCHED)


def _with_deletes(accepted: DataFrame, contract: Contract) -> DataFrame:
    if not contract.delete_when:
        return accepted
    what = f"{contract.name}: delete_when: {contract.delete_when!r}"
    compiled(what, lambda: accepted.where(contract.delete_when))
    return accepted.withColumn(DELETE, F.coalesce(F.expr(contract.delete_when), F.lit(False)))


def _replaced(contract: Contract) -> set[str]:
    """Columns that a step before the SQL steps puts other values into."""
    steps = contract.processing
    repaired = {name for rule in steps.rules if rule.place != "steps" for name in rule.values}
    added = {name for enrichment in steps.enrich for name in enrichment.output_columns()}
    return repaired | added | {derived.name for derived in steps.derive}


def _record(frame: DataFrame, sources: Sequence[str], originals: Collection[str] = ()) -> SparkColumn:
    """The row for quarantine: columns of the source, those that a step has replaced from where they were kept."""
    places = {name: F.col(f"`{_ORIGINAL + name if name in originals else name}`") for name in sources}
    return record_text({name: (place, frame.schema[name].dataType) for name, place in places.items()})
