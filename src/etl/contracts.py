"""Dataset contracts: what a dataset is, read from YAML or JSON and checked before anything runs."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import fastjsonschema
import yaml

from etl.column_types import parse_type
from etl.contract_checks import check_one, check_together, schema_problem
from etl.contract_text import read_json, read_yaml
from etl.errors import ContractError
from etl.names import standard_name

DEFAULT_THRESHOLD = 80.0


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
    """

    name: str
    type: str = "string"
    required: bool = False
    aliases: tuple[str, ...] = ()
    description: str = ""
    formats: tuple[str, ...] = ()
    on_bad_value: str = "rescue"

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
    """A business rule: rows for which the condition is not true are rejected or flagged."""

    name: str
    condition: str
    on_failure: str = "reject"
    description: str = ""


@dataclass(frozen=True)
class Derived:
    """A column computed by a Spark SQL expression."""

    name: str
    expression: str
    description: str = ""


@dataclass(frozen=True)
class Enrichment:
    """Columns taken from another dataset's curated table."""

    dataset: str
    keys: Mapping[str, str]
    columns: tuple[str, ...]
    prefix: str = ""
    how: str = "left"

    def output_columns(self) -> list[str]:
        """The names under which the columns join the dataset."""
        return [f"{self.prefix}{name}" for name in self.columns]


@dataclass(frozen=True)
class Aggregate:
    """A daily aggregate table: measures per event date and group."""

    name: str
    measures: Mapping[str, str]
    group_by: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True)
class Processing:
    """What turns a dataset's processed rows into its curated table."""

    rules: tuple[Rule, ...] = ()
    derive: tuple[Derived, ...] = ()
    enrich: tuple[Enrichment, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()


@dataclass(frozen=True)
class Quality:
    """What the curated table must satisfy."""

    rules: str = ""
    threshold: float = DEFAULT_THRESHOLD
    on_breach: str = "warn"
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Contract:
    """One dataset. A dataset without a contract file gets one with no columns (:func:`inferred`).

    Attributes:
        late_after_days: a row whose date is more days before its batch's arrival than this is counted as late; None
            counts none.
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


def parse_contracts(texts: Mapping[str, str]) -> dict[str, Contract]:
    """Read contracts and check each by itself and all together.

    Args:
        texts: file name -> YAML or JSON text.

    Returns:
        dataset -> contract.

    Raises:
        ContractError: with every problem found in any of them.
    """
    problems: list[str] = []
    documents: dict[str, dict[str, Any]] = {}
    for file, text in sorted(texts.items()):
        document, found = _document(file, text)
        problems += found
        if document is not None:
            documents[file] = document
    problems += check_together(documents, broken=[file for file in texts if file not in documents])
    if problems:
        raise ContractError(problems)
    contracts = [_contract(document) for document in documents.values()]
    return {contract.name: contract for contract in contracts}


def _document(file: str, text: str) -> tuple[dict[str, Any] | None, list[str]]:
    """The parsed and checked document of one file, or its problems."""
    is_json = file.endswith(".json")
    try:
        document, doubtful = read_json(text) if is_json else read_yaml(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return None, [f"{file}: is not readable as {'JSON' if is_json else 'YAML'}: {error}"]
    if doubtful:
        return None, [f"{file}: {problem}" for problem in doubtful]
    if not isinstance(document, dict):
        return None, [f"{file}: holds {type(document).__name__}, and a contract is a mapping of fields"]
    try:
        _validator()(document)
    except fastjsonschema.JsonSchemaValueException as error:
        return None, [f"{file}: {schema_problem(error)}"]
    problems = [f"{file}: {problem}" for problem in check_one(file, document)]
    return (None, problems) if problems else (document, [])


@lru_cache(maxsize=1)
def _validator() -> Callable[[Any], Any]:
    schema = pkgutil.get_data("config", "dataset.schema.json")
    if schema is None:
        raise FileNotFoundError("config/dataset.schema.json is missing from the library zip")
    compiled: Callable[[Any], Any] = fastjsonschema.compile(json.loads(schema), use_default=False)
    return compiled


def _contract(document: Mapping[str, Any]) -> Contract:
    late = document.get("late_after_days")
    return Contract(
        name=document["name"],
        columns=tuple(_column(column) for column in document["columns"]),
        description=document.get("description", ""),
        source=_source(document.get("source", {})),
        key=tuple(document.get("key", ())),
        event_time=document.get("event_time", ""),
        order_by=tuple(document.get("order_by", ())),
        schema_mode=document.get("schema_mode", "evolve"),
        processing=_processing(document.get("processing", {})),
        quality=Quality(**document.get("quality", {})),
        # JSON Schema takes 5.0 for an integer.
        late_after_days=None if late is None else int(late),
    )


def _source(section: Mapping[str, Any]) -> Source:
    options = {name: value for name, value in section.get("options", {}).items() if (name, value) != ("header", "auto")}
    return Source(
        tuple(section.get("patterns", ())), section.get("format", "auto"), options, section.get("nested", "text")
    )


def _column(column: Mapping[str, Any]) -> Column:
    aliases = dict.fromkeys(standard_name(alias) for alias in column.get("aliases", ()))
    aliases.pop(column["name"], None)
    lists = {"aliases": tuple(aliases), "formats": tuple(column.get("formats", ()))}
    return Column(**{**column, **lists, "type": parse_type(column["type"]).text})


def _processing(section: Mapping[str, Any]) -> Processing:
    def tuples(items: Sequence[Mapping[str, Any]], *list_fields: str) -> list[dict[str, Any]]:
        return [{k: tuple(v) if k in list_fields else v for k, v in item.items()} for item in items]

    return Processing(
        rules=tuple(Rule(**item) for item in section.get("rules", ())),
        derive=tuple(Derived(**item) for item in section.get("derive", ())),
        enrich=tuple(Enrichment(**item) for item in tuples(section.get("enrich", ()), "columns")),
        aggregates=tuple(Aggregate(**item) for item in tuples(section.get("aggregates", ()), "group_by")),
    )
