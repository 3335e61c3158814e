"""The model of a dataset's contract: plain data, as the steps of the pipeline read it.

:mod:`etl.contracts` makes it of a contract's text and hands on its names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from etl.contracts.column_types import parse_type
from etl.names import EVENT_DATE, VALID_FROM, VALID_TO

DEFAULT_THRESHOLD = 80.0
TARGET_FILE_SIZE_MB = 128


@dataclass(frozen=True)
class Column:
    """A column of a dataset and how its text becomes a value.

    Attributes:
        name: standard name.
        type: contract type without spaces: string, int, long, float, double, boolean, date, timestamp, decimal(p,s),
            or array<…>, map<string,…>, struct<a:…,b:…> of them.
        required: a row without a value is refused.
        aliases: standard names under which sources also bring it.
        formats: Spark datetime patterns tried after ISO 8601.
        on_bad_value: ``rescue`` or ``reject``.
        pii: ``hash``, ``mask``, ``tokenise`` or ``drop`` for personal data, done before curated is written; else "".
    """

    name: str
    type: str = "string"
    required: bool = False
    aliases: tuple[str, ...] = ()
    description: str = ""
    formats: tuple[str, ...] = ()
    on_bad_value: str = "rescue"
    pii: str = ""

    @property
    def spark_type(self) -> str:
        """The type as Spark SQL spells it."""
        return parse_type(self.type).spark

    @property
    def is_complex(self) -> bool:
        """Whether the type is an array, a map or a struct, whose text is JSON."""
        return parse_type(self.type).is_complex


@dataclass(frozen=True)
class Source:
    """Where a dataset's files are and how they are read.

    Attributes:
        patterns: shell patterns of file names.
        format: auto, csv, json, parquet, orc, avro or xlsx.
        options: header, delimiter, quote, escape, encoding, multiline, sheet; only those that are fixed, the others
            are found by looking at each file.
        nested: ``text`` keeps a nested value as JSON text, ``flatten`` makes ``parent_child`` columns of it.
    """

    patterns: tuple[str, ...] = ()
    format: str = "auto"
    options: Mapping[str, Any] = field(default_factory=dict)
    nested: str = "text"


@dataclass(frozen=True)
class Rule:
    """A business rule: rows for which the condition is not true (null counts as not true) are treated as it says.

    Attributes:
        on_failure: ``reject`` (to quarantine), ``flag`` (its name goes into ``_flags``) or ``set`` (values are mended).
        values: column -> Spark SQL of the repaired value; of ``set`` rules (``set`` in the contract).
        after: the step after which rows are judged: ``read``, ``enrich``, ``derive`` or ``steps``; by default ``read``
            for ``set``, so that everything after sees the repaired value, and ``derive`` for the others.
    """

    name: str
    condition: str
    on_failure: str = "reject"
    description: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    after: str = ""

    @property
    def place(self) -> str:
        """The step after which rows are judged."""
        return self.after or ("read" if self.on_failure == "set" else "derive")


@dataclass(frozen=True)
class Derived:
    """A column computed by a Spark SQL expression; ``pii`` as of :class:`Column`."""

    name: str
    expression: str
    description: str = ""
    pii: str = ""


@dataclass(frozen=True)
class AsOf:
    """How a row finds the version of a slowly changing reference that was valid at its time.

    Attributes:
        time: the dataset's date or timestamp column.
        valid_from, valid_to: columns of the reference; from is inclusive, to exclusive and null for ever.
    """

    time: str
    valid_from: str = VALID_FROM
    valid_to: str = VALID_TO


@dataclass(frozen=True)
class Enrichment:
    """Columns taken from another dataset's curated table, or from a reference file.

    Attributes:
        dataset: the other dataset; or
        file: a file in the folder ``reference`` beside the contracts, or a full URI.
        keys: this dataset's column -> the reference's column.
        columns: what is taken.
        prefix: put before the names of the columns.
        how: ``left`` or ``inner``; inner refuses rows without a match.
        on_unmatched: ``keep`` or ``reject`` (to quarantine); unmatched rows are counted in any case.
        types: contract types of a reference file's columns; string where nothing is said.
        as_of: for references with several versions of a key.
    """

    dataset: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    prefix: str = ""
    how: str = "left"
    file: str = ""
    on_unmatched: str = "keep"
    types: Mapping[str, str] = field(default_factory=dict)
    as_of: AsOf | None = None

    @property
    def source(self) -> str:
        """The dataset or file, as messages and counts name it."""
        return self.dataset or self.file

    @property
    def refuses_unmatched(self) -> bool:
        """Whether a row without a match goes to quarantine."""
        return self.how == "inner" or self.on_unmatched == "reject"

    def output_columns(self) -> list[str]:
        """The names under which the columns join the dataset."""
        return [f"{self.prefix}{name}" for name in self.columns]


@dataclass(frozen=True)
class SqlStep:
    """A Spark SQL statement over ``batch`` (the rows so far), earlier steps by name, and the tables of ``uses``."""

    name: str
    sql: str
    description: str = ""


@dataclass(frozen=True)
class Aggregate:
    """An aggregate table: measures per event date and group, or per group over the whole table.

    Attributes:
        over: ``event_date`` (one row per date and group) or ``table`` (one row per group).
    """

    name: str
    measures: Mapping[str, str]
    group_by: tuple[str, ...] = ()
    description: str = ""
    over: str = EVENT_DATE


@dataclass(frozen=True)
class Processing:
    """What turns a dataset's processed rows into its curated table.

    Attributes:
        uses: other datasets whose curated tables the SQL steps and the Python step read.
    """

    rules: tuple[Rule, ...] = ()
    derive: tuple[Derived, ...] = ()
    enrich: tuple[Enrichment, ...] = ()
    steps: tuple[SqlStep, ...] = ()
    uses: tuple[str, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()

    def needs(self) -> set[str]:
        """The datasets whose curated tables must be there first."""
        return {enrichment.dataset for enrichment in self.enrich if enrichment.dataset} | set(self.uses)


@dataclass(frozen=True)
class TableLayout:
    """How the curated table lies in storage.

    Attributes:
        partition_by: columns, or transforms of them: ``years(c)``, ``months(c)``, ``days(c)``, ``hours(c)``,
            ``bucket(16, c)``, ``truncate(4, c)``.
        sort_by: columns by which the rows of a file are sorted; ``c desc`` for the other way.
        target_file_size_mb: of data files, in MiB.
    """

    partition_by: tuple[str, ...] = (EVENT_DATE,)
    sort_by: tuple[str, ...] = ()
    target_file_size_mb: int = TARGET_FILE_SIZE_MB


@dataclass(frozen=True)
class Quality:
    """What the curated table must satisfy.

    Attributes:
        rules: DQDL.
        threshold: the score to reach, 0 to 100.
        on_breach: ``warn``, or ``halt``: the run fails.
        weights: of dimensions; 1 by default.
        publish: ``at_once``, or ``after_quality``: readers see new rows when the score has passed.
        on_anomaly: ``report``, or ``alert``: unusual metrics are told also when the score passes.
    """

    rules: str = ""
    threshold: float = DEFAULT_THRESHOLD
    on_breach: str = "warn"
    weights: Mapping[str, float] = field(default_factory=dict)
    publish: str = "at_once"
    on_anomaly: str = "report"

    @property
    def waits(self) -> bool:
        """Whether new rows wait for the check."""
        return self.publish == "after_quality"


@dataclass(frozen=True)
class Contract:
    """One dataset. A dataset without a contract file gets one with no columns (:func:`inferred`).

    Attributes:
        late_after_days: a row whose date is more days before its batch's arrival than this is counted as late; None
            counts none.
        history: whether the curated table keeps every version of a key (slowly changing dimension, type 2).
        delete_when: Spark SQL; a row for which it is true deletes its key from the curated table.
        table: how the curated table lies in storage.
    """

    name: str
    columns: tuple[Column, ...] = ()
    description: str = ""
    source: Source = field(default_factory=Source)
    key: tuple[str, ...] = ()
    event_time: str = ""
    order_by: tuple[str, ...] = ()
    schema_mode: str = "evolve"
    processing: Processing = field(default_factory=Processing)
    quality: Quality = field(default_factory=Quality)
    late_after_days: int | None = None
    history: bool = False
    delete_when: str = ""
    table: TableLayout = field(default_factory=TableLayout)

    @property
    def identity(self) -> tuple[str, ...]:
        """The columns of which a batch has one row each: the key, and with history the version of the key, too."""
        return self.version if self.history else self.key

    @property
    def version(self) -> tuple[str, ...]:
        """The columns that identify what happened to a key at a time: key and order."""
        return tuple(dict.fromkeys((*self.key, *self.order_by)))

    def matches(self, file_name: str) -> bool:
        """Whether a file of this name belongs to the dataset."""
        return bool(self.pattern_for(file_name))

    def pattern_for(self, file_name: str) -> str:
        """The longest of the patterns that a file's name fits; '' when it fits none."""
        fitting = [pattern for pattern in self.source.patterns if fnmatchcase(file_name, pattern)]
        return max(fitting, key=len, default="")


def inferred(dataset: str) -> Contract:
    """The contract of a dataset that has none: every column is kept as it comes."""
    return Contract(name=dataset)
