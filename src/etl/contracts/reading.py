"""Dataset contracts: what a dataset is, read from YAML or JSON and checked before anything runs."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import fastjsonschema
import yaml

from etl.contracts.checks import check_one
from etl.contracts.column_types import parse_type
from etl.contracts.model import (
    Aggregate,
    AsOf,
    Column,
    Contract,
    Derived,
    Enrichment,
    Processing,
    Quality,
    Rule,
    Source,
    SqlStep,
    TableLayout,
)
from etl.contracts.problems import schema_problem
from etl.contracts.text import read_json, read_yaml
from etl.contracts.together import check_together
from etl.errors import ContractError
from etl.names import standard_name


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
        history=document.get("history", False),
        delete_when=document.get("delete_when", ""),
        table=_table(document.get("table", {})),
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
    return Processing(
        rules=tuple(_rule(item) for item in section.get("rules", ())),
        derive=tuple(Derived(**item) for item in section.get("derive", ())),
        enrich=tuple(_enrichment(item) for item in section.get("enrich", ())),
        steps=tuple(SqlStep(**item) for item in section.get("steps", ())),
        uses=tuple(section.get("uses", ())),
        aggregates=tuple(
            Aggregate(**{**item, "group_by": tuple(item.get("group_by", ()))}) for item in section.get("aggregates", ())
        ),
    )


def _rule(item: Mapping[str, Any]) -> Rule:
    plain = {name: value for name, value in item.items() if name != "set"}
    return Rule(**plain, values=dict(item.get("set", {})))


def _enrichment(item: Mapping[str, Any]) -> Enrichment:
    as_of = item.get("as_of")
    types = {name: parse_type(kind).text for name, kind in item.get("types", {}).items()}
    plain = {**item, "columns": tuple(item["columns"]), "types": types, "as_of": None}
    if as_of is not None:
        plain["as_of"] = AsOf(as_of) if isinstance(as_of, str) else AsOf(**as_of)
    return Enrichment(**plain)


def _table(section: Mapping[str, Any]) -> TableLayout:
    fields: dict[str, Any] = {name: tuple(section[name]) for name in ("partition_by", "sort_by") if name in section}
    if "target_file_size_mb" in section:
        # JSON Schema takes 128.0 for an integer.
        fields["target_file_size_mb"] = int(section["target_file_size_mb"])
    return TableLayout(**fields)
