"""A wrong contract is told with file, field and what would be right."""

from __future__ import annotations

import pytest
import yaml

from contract_samples import CUSTOMERS, ORDERS, changed, problem_with, problems_of, texts
from etl.contracts import Column, parse_contracts


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        ("event_tme", "x", ["the contract: unknown field 'event_tme' (did you mean 'event_time'?)", "known: columns,"]),
        ("columns.0.requird", True, ["columns.0: unknown field 'requird' (did you mean 'required'?)"]),
        ("quality.treshold", 3, ["quality: unknown field 'treshold' (did you mean 'threshold'?)"]),
        ("quality.weights.beauty", 1, ["quality.weights: unknown field 'beauty'", "known: accuracy, anomaly"]),
        ("quality.publish", "later", ["quality.publish: 'later' is not one of at_once, after_quality"]),
        ("quality", {"publish": "after_quality"}, ["quality.publish: after_quality needs quality.rules"]),
        ("quality.on_anomaly", "shout", ["quality.on_anomaly: 'shout' is not one of report, alert"]),
        ("columns", None, ["the contract: field 'columns' is missing"]),
        ("columns.1.type", None, ["columns.1: field 'type' is missing"]),
        ("processing.enrich.0.keys", None, ["processing.enrich.0: field 'keys' is missing"]),
        ("columns", [], ["columns: must contain at least 1 items, found []"]),
        ("columns.1.type", "strin", ["columns.1.type: 'strin' is not a type; use string, int, long"]),
        (
            "columns.1.type",
            "decimal",
            ["columns.1.type: 'decimal' is not a type: at character 8, the end; expected '('"],
        ),
        ("columns.2.type", "decimal(39,2)", ["columns.2.type: 'decimal(39,2)' needs 1 <= precision <= 38"]),
        ("columns.2.type", "decimal(4,5)", ["columns.2.type: 'decimal(4,5)' needs", "scale <= precision"]),
        ("columns.2.type", "decimal(0,0)", ["columns.2.type: 'decimal(0,0)' needs 1 <= precision"]),
        ("columns.1.type", "decimal(12 2)", ["columns.1.type: 'decimal(12 2)' is not a type: at character 12, '2'"]),
        ("columns.1.type", "array<strin>", ["columns.1.type: 'array<strin>' is not a type: at character 7, 'strin'"]),
        ("columns.1.type", "array<decimal(39,1)>", ["columns.1.type: 'decimal(39,1)' needs 1 <= precision <= 38"]),
        ("key", ["tags"], ["key: no column 'tags'"]),
        ("late_after_days", -1, ["late_after_days: must be bigger than or equal to 0, found -1"]),
        ("late_after_days", 1.5, ["late_after_days: must be integer, found 1.5"]),
        ("late_after_days", True, ["late_after_days: must be integer, found True"]),
        ("source.nested", "explode", ["source.nested: 'explode' is not one of text, flatten"]),
        ("source.options.header", "maybe", ["source.options.header: 'maybe' is not one of true, false, auto"]),
        ("source.options.sheet", "", ["source.options.sheet: must be longer than or equal to 1"]),
        ("source.options.multiline", "yes", ["source.options.multiline: must be boolean, found 'yes'"]),
        ("columns.1.name", False, ["columns.1.name: must be string, found False (YAML reads an unquoted yes, no"]),
        ("columns.1.name", 2024, ["columns.1.name: must be string, found 2024; for text put it in quotes"]),
        ("columns.1.name", "Customer Id", ["columns.1.name: 'Customer Id' must be lower case letters, digits and _"]),
        ("columns.1.name", "customer_id\n", ["columns.1.name: 'customer_id\\n' must be lower case letters"]),
        ("columns.1.required", "yes", ["columns.1.required: must be boolean, found 'yes'"]),
        ("columns.1.on_bad_value", "drop", ["columns.1.on_bad_value: 'drop' is not one of rescue, reject"]),
        ("schema_mode", "strict", ["schema_mode: 'strict' is not one of evolve, rescue, freeze"]),
        ("source.format", "xml", ["source.format: 'xml' is not one of auto, csv, json, parquet, orc, avro, xlsx"]),
        ("source.options.delimiter", "||", ["source.options.delimiter: must be shorter than or equal to 1", "'||'"]),
        ("source.options.encoding", "utf-99", ["source.options.encoding: 'utf-99' is no known encoding; e.g. UTF-8"]),
        ("source.options.encoding", "base64", ["source.options.encoding: 'base64' is no known encoding"]),
        ("quality.threshold", 101, ["quality.threshold: must be smaller than or equal to 100, found 101"]),
        ("quality.on_breach", "stop", ["quality.on_breach: 'stop' is not one of warn, halt"]),
        ("key", ["order"], ["key: no column 'order' (did you mean 'order_id'?); columns are order_id, customer_id"]),
        ("columns.0.required", False, ["key: column 'order_id' must be required"]),
        ("key", [], ["key: must contain at least 1 items, found []"]),
        ("key", ["order_id", "order_id"], ["key: must contain unique items"]),
        ("order_by", ["updated"], ["order_by: no column 'updated'; columns are order_id"]),
        ("event_time", "amount", ["event_time: 'amount' is decimal(12,2); name a column of type date or timestamp"]),
        ("event_time", "when", ["event_time: 'when' is not a column; name a column of type date or timestamp"]),
        ("columns.2.name", "year", ["columns.2.name: 'year' is a column that the pipeline adds itself"]),
        ("columns.1.aliases", ["orderId"], ["columns.1: the name 'order_id' already belongs to column 'order_id'"]),
        ("columns.1.aliases", ["ORDER NO"], ["columns.1: the name 'order_no' already belongs to column 'order_id'"]),
        ("processing.rules.0.on_failure", "x", ["processing.rules.0.on_failure: 'x' is not one of reject, flag, set"]),
        ("processing.rules.0.condition", "", ["processing.rules.0.condition: must be longer than or equal to 1"]),
        (
            "processing.aggregates.0.group_by",
            ["cent"],
            ["processing.aggregates.0.group_by: no column 'cent' (did you mean 'cents'?)"],
        ),
        (
            "processing.aggregates.0.measures",
            {"cents": "sum(cents)"},
            ["processing.aggregates.0.measures: 'cents' is a column of the aggregate already"],
        ),
        (
            "processing.aggregates.0.measures",
            {"event_date": "max(x)"},
            ["processing.aggregates.0.measures: 'event_date' is a column of the aggregate already"],
        ),
        ("quality.rules", "Rules = [\n  RowCount >\n]", ["quality.rules: line 3, column 1: found ']'; expected"]),
        ("quality.rules", "rules = [ RowCount > 0 ]", ["quality.rules: line 1", "expected 'Rules'"]),
    ],
)
def test_a_problem_names_the_field_and_what_would_be_right(path: str, value: object, parts: list[str]) -> None:
    problem = problem_with(path, value)
    for part in parts:
        assert part in problem


def test_a_column_given_twice_is_told() -> None:
    columns = [*ORDERS["columns"], {"name": "amount", "type": "long"}]
    assert problem_with("columns", columns) == "columns.4: the name 'amount' already belongs to column 'amount'"


def test_an_alias_that_only_spells_its_own_column_is_no_problem() -> None:
    document = changed(ORDERS, "columns.0.aliases", ["Order ID", "orderId", "no", "No"])
    assert parse_contracts(texts(document, CUSTOMERS))["orders"].columns[0].aliases == ("no",)


def test_a_derived_column_named_like_one_of_the_pipeline_s_is_told() -> None:
    derive = [*ORDERS["processing"]["derive"], {"name": "event_date", "expression": "ordered_at"}]
    problem = problem_with("processing.derive", derive)
    assert problem == "processing.derive.1.name: 'event_date' is a column that the pipeline adds itself"


def test_names_of_rules_and_aggregates_given_twice_are_told() -> None:
    rules = ORDERS["processing"]["rules"] * 2
    assert problem_with("processing.rules", rules) == "processing.rules: the name 'positive' is given twice"
    aggregates = ORDERS["processing"]["aggregates"] * 2
    problem = problem_with("processing.aggregates", aggregates)
    assert problem == "processing.aggregates.1.name: 'daily' is already the table of an aggregate of 'orders'"


def test_a_file_that_is_named_otherwise_than_its_dataset_is_told() -> None:
    [problem] = problems_of({"Customer List.yml": yaml.safe_dump(CUSTOMERS)})
    assert problem == "Customer List.yml: name: 'customers' must be the file's name, 'customer_list'"


@pytest.mark.parametrize(
    ("file", "text", "part"),
    [
        ("a.yml", "name: a\ncolumns: [", "a.yml: is not readable as YAML: while parsing a flow node"),
        ("a.yml", "name: a\n\tcolumns: x", "line 2, column 1"),
        ("a.json", '{"name": "a",}', "a.json: is not readable as JSON:"),
        ("a.yml", "- name: a", "a.yml: holds list, and a contract is a mapping of fields"),
        ("a.yml", "", "a.yml: holds NoneType, and a contract is a mapping of fields"),
        ("a.json", '"a"', "a.json: holds str, and a contract is a mapping of fields"),
        (
            "a.yml",
            "name: a\ncolumns: [{name: x, type: long}]\non: halt",
            'a.yml: line 3: to YAML the key on is true or false and no name; put it in quotes: "on"',
        ),
        (
            "a.yml",
            "name: a\ncolumns: [{name: x, type: long}]\n1: x\nb: y",
            'a.yml: line 3: to YAML the key 1 is a number and no name; put it in quotes: "1"',
        ),
        (
            "a.yml",
            "name: a\ncolumns:\n- {name: x, type: long}\nquality:\n  threshold: 90\n  on_breach: halt\n  threshold: 10",
            "a.yml: line 7: the key 'threshold' is given twice (first in line 5); keep one",
        ),
        (
            "a.json",
            '{"name": "a", "columns": [{"name": "x", "type": "long", "type": "int"}]}',
            "a.json: the key 'type' is given twice in one object; keep one",
        ),
        ("a.yml", "name: 2024-01-15\ncolumns: [{name: x, type: long}]", "a.yml: name: must be string, found"),
        ("a.yml", "name: a\ncolumns: {x: long}", "a.yml: columns: must be array, found"),
    ],
)
def test_a_file_that_is_no_contract_is_told_with_the_place(file: str, text: str, part: str) -> None:
    [problem] = problems_of({file: text})
    assert part in problem


def test_a_key_of_a_merged_mapping_may_be_given_again() -> None:
    text = "name: a\ncolumns:\n- &x {name: x, type: long}\n- {<<: *x, name: y}"
    assert parse_contracts({"a.yml": text})["a"].columns == (Column("x", "long"), Column("y", "long"))


@pytest.mark.parametrize("field", ["key", "order_by", "event_time"])
def test_rows_are_told_apart_put_in_order_and_dated_by_scalars_only(field: str) -> None:
    document = changed(ORDERS, "columns.0.type", "array<string>")
    changes = {"key": ["order_id"], "order_by": ["order_id"], "event_time": "order_id"}
    document |= {"key": ["customer_id"], field: changes[field]}
    document["columns"][1]["required"] = True
    [problem] = problems_of(texts(document, CUSTOMERS))
    kind = "name a column of type date or timestamp" if field == "event_time" else "name a column of a scalar type"
    assert problem.startswith(f"orders.yml: {field}: ") and "is array<string>" in problem and kind in problem
