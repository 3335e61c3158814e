"""DQDL text to model and back, and what is said about text that is not DQDL."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.dqdl import DqdlSyntaxError, parse_ruleset
from etl.dqdl.catalog import RULE_TYPES
from etl.dqdl.model import Composite, Keyword, Number, Rule


def only_rule(text: str) -> Rule:
    (rule,) = parse_ruleset(f"Rules = [ {text} ]").rules
    assert isinstance(rule, Rule)
    return rule


# Examples of AWS's documentation, one or more for each rule type.
DOCUMENTED = [
    'AggregateMatch "sum(amount)" "sum(total_amount)" = 1.0',
    'AggregateMatch "avg(ratings)" "avg(reference.ratings)" >= 0.9',
    'ColumnCorrelation "height" "weight" > 0.8',
    'ColumnCorrelation "colA" "colB" < avg(last(10))',
    "ColumnCount between min(last(10)) and max(last(10))",
    'ColumnDataType "colA" = "INTEGER" with threshold > 0.9',
    'ColumnExists "Middle_Name"',
    'ColumnLength "weightinkgs" = 2 where "weightinkgs > 10"',
    'ColumnNamesMatchPattern "aws_.*"',
    'ColumnValues "Country" in ["US", "CA", "UK", NULL, EMPTY, WHITESPACES_ONLY]',
    'ColumnValues "First_Name" matches "[a-zA-Z]*"',
    'ColumnValues "colA" not matches "[a-zA-Z]*" with threshold between 0.2 and 0.9',
    'ColumnValues "Load_Date" > (now() - 3 days)',
    'ColumnValues "Customer_ID" between 1 and 2000',
    'ColumnValues "colA" not between "2022-05-31" and "2022-06-30"',
    'ColumnValues "colB" in ["A", "B"] where "colC is not null" with threshold > 0.9',
    'Completeness "colA" between min(last(5)) - 1 and max(last(5)) + 1',
    'CustomSql "select count(*) from primary" between 10 and 20',
    'CustomSql "select Name from primary where Age > 18" with threshold > 0.3',
    'DataFreshness "Order_Date" between 2 days and 5 days',
    'DatasetMatch "reference" "ID_1->ID_ref1,ID_2->ID_ref2" "Amount1->Amount2" >= 0.9',
    'DetectAnomalies "ColumnLength" "id"',
    'DistinctValuesCount "colA" between min(last(10)) - 1 and max(last(10)) + 1',
    'Entropy "First_Name" > 1 where "Customer_ID < 10"',
    'FileFreshness "s3://bucket/" > (now() - 24 hours) with threshold > 0.1',
    'FileFreshness "s3://bucket/" between "9:30 AM" and "9:30 PM"',
    'FileMatch "s3://bucket/file.json" in ["3ee0d8617ac041793154713e5ef8f319"] with hashAlgorithm = "MD5"',
    'FileSize "s3://bucket/" between 2 GB and 1 TB with threshold > 0.7',
    "FileUniqueness > 0.5",
    'IsComplete "order-id"',
    'IsPrimaryKey colA "colB" "colC"',
    'IsUnique "vendorid" "tpep_pickup_datetime"',
    'Mean "Star_Rating" > 3',
    'ReferentialIntegrity "city,state" "reference.{ref_city,ref_state}" = 1.0',
    "RowCount > 0.9 * avg(last(10))",
    'RowCountMatch "reference" >= 0.9',
    'SchemaMatch "reference" = 1.0',
    'StandardDeviation "Star_Rating" < 1.5',
    'Sum "transaction_total" < 500000',
    'UniqueValueRatio "colA" <= index(last(10), 2) + std(last(5))',
    'Uniqueness "email" = 1.0',
]


@pytest.mark.parametrize("text", DOCUMENTED)
def test_examples_of_the_documentation_are_read_and_written_back(text: str) -> None:
    assert str(only_rule(text)) == text


def test_every_rule_type_has_an_example_above() -> None:
    shown = {text.split()[0] for text in DOCUMENTED}
    assert {name for name, kind in RULE_TYPES.items() if not kind.analyzer} == shown


def test_of_unquoted_names_and_capital_operators_are_understood() -> None:
    (rule,) = parse_ruleset('Rules = [ (Completeness of colA > 0.5) AND (IsUnique "b") ]').rules
    assert str(rule) == '(Completeness colA > 0.5) and (IsUnique "b")'


def test_composites_nest_and_keep_their_shape() -> None:
    text = '(RowCount > 0) or ((IsComplete "a") and ((IsUnique "a") or (Mean "b" > 3)))'
    (rule,) = parse_ruleset(f"Rules = [ {text} ]").rules
    assert isinstance(rule, Composite)
    assert [leaf.rule_type for leaf in rule.leaves()] == ["RowCount", "IsComplete", "IsUnique", "Mean"]
    assert str(rule) == text


def test_comments_are_left_out_also_inside_rules_but_not_inside_strings() -> None:
    ruleset = parse_ruleset('Rules = [ # all\n IsComplete "a#b", // one\n FileSize "s3://x/" > 5 B # end\n]')
    assert [str(rule) for rule in ruleset.rules] == ['IsComplete "a#b"', 'FileSize "s3://x/" > 5 B']


def test_default_labels_are_merged_and_rules_override_them() -> None:
    ruleset = parse_ruleset(
        'DefaultLabels=["team"="finance", "dimension"="accuracy"]\n'
        'Rules = [ RowCount > 0, IsComplete "a" labels=["team"="sales"],'
        ' ((RowCount > 1) and (IsUnique "a")) labels=["critical"="true"] ]'
    )
    assert [dict(rule.labels) for rule in ruleset.rules] == [
        {"team": "finance", "dimension": "accuracy"},
        {"team": "sales", "dimension": "accuracy"},
        {"team": "finance", "dimension": "accuracy", "critical": "true"},
    ]


def test_constants_stand_for_texts_and_lists() -> None:
    ruleset = parse_ruleset(
        'q = "select 1"\ncolours = ["red", NULL]\nRules = [ CustomSql $q = 1, ColumnValues "c" in $colours ]'
    )
    assert [str(rule) for rule in ruleset.rules] == [
        'CustomSql "select 1" = 1',
        'ColumnValues "c" in ["red", NULL]',
    ]


def test_analyzers_metadata_and_sources_are_read() -> None:
    ruleset = parse_ruleset(
        'Metadata = { "Version": "1.0" } DataSources = { "Primary": "a", "AdditionalDataSources": ["b", "c"] }'
        ' Analyzers = [ RowCount, AllStatistics of AllColumns, Distribution "x" with bins = 10 ]'
    )
    assert ruleset.metadata == {"Version": "1.0"}
    assert ruleset.data_sources == {"Primary": "a", "AdditionalDataSources": ["b", "c"]}
    assert [rule.rule_type for rule in ruleset.analyzers] == ["RowCount", "AllStatistics", "Distribution"]
    assert parse_ruleset(str(ruleset)) == ruleset


def test_escaped_quotes_are_unescaped_and_regular_expressions_are_not() -> None:
    rule = only_rule(r'ColumnValues "say \"hi\"" matches "\d{2}\\."')
    assert rule.values == ['say "hi"']
    assert rule.condition is not None
    assert str(rule.condition.operands[0]) == r'"\d{2}\\."'
    assert parse_ruleset(str(parse_ruleset(f"Rules=[{rule}]"))).rules == (rule,)


def test_numbers_keep_their_decimals() -> None:
    rule = only_rule('ColumnValues "a" in [0.10, -3, 2e3, NULL]')
    assert rule.condition is not None
    assert rule.condition.operands == (
        Number(Decimal("0.10")),
        Number(Decimal("-3")),
        Number(Decimal("2E+3")),
        Keyword("NULL"),
    )


WRONG = [
    ("", 1, "without rules", "Rules = ["),
    ("Rules = []", 1, "without rules", "at least one rule"),
    ("Rules = [", 1, "the end of the text", "a name"),
    ('Rules = [\n  IsComplete "a",\n]', 3, "']'", "a name"),
    ('rules = [ IsComplete "a" ]', 1, "'rules'", "'Rules' (DQDL is case sensitive)"),
    ('Rules = [ IsComplete "a" IsUnique "a" ]', 1, "'IsUnique' among the parameters", "',' before IsUnique"),
    ('Rules = [\n IsComplete "a",\n  IsComplet "b" ]', 3, "unknown rule type 'IsComplet'", "IsComplete"),
    ('Rules = [ iscomplete "a" ]', 1, "'iscomplete'", "IsComplete"),
    ("Rules = [ IsComplete ]", 1, "IsComplete with 0 parameter", "1 column"),
    ('Rules = [ IsComplete "a" > 3 ]', 1, "a condition after 'IsComplete'", "true or false"),
    ('Rules = [ Mean "a" ]', 1, "without a condition", "a condition"),
    ('Rules = [ Mean "a" > ]', 1, "']'", "a number"),
    ('Rules = [ Mean "a" > 1 with threshold > 0.5 ]', 1, "'with threshold' in a Mean rule", "no threshold"),
    ('Rules = [ ColumnValues "a" in 3 ]', 1, "'3'", "'['"),
    ('Rules = [ IsComplete "a ]', 1, "a string that is never closed", "a closing"),
    ('Rules = [ (IsComplete "a") and (IsUnique "a") or (RowCount > 1) ]', 1, "'or'", "'and'"),
    ("Rules = [ RowCount > 1 and RowCount < 3 ]", 1, "'and'", "','"),
    ("Rules = [ RowCount ~ 1 ]", 1, "'~'", "a comparison"),
    ("Rules = [ RowCount > foo(1) ]", 1, "unknown function 'foo'", "last"),
    ("Rules = [ RowCount > index(last(3)) ]", 1, "index() with 1 argument", "2 argument"),
    ("Rules = [ CustomSql $q > 1 ]", 1, "unknown constant $q", "no constants"),
    ('q = "x"\nRules = [ ColumnValues "a" in $q ]', 2, 'the constant "x"', "a list constant"),
    ("Rules = [ RowCount > 1 ]\nRules = [ RowCount > 1 ]", 2, "a second 'Rules'", "one 'Rules'"),
    ("Rules = [ AllStatistics AllColumns ]", 1, "'AllStatistics' as a rule", "Analyzers only"),
    ('Rules = [ RowCount > 1 labels=["a"="b", "a"="c"] ]', 1, "a label key given twice", "at most 10"),
    ('Rules = [ (RowCount > 1) and (RowCount < 9) labels=["a"="b"] ]', 1, "'labels'", "']'"),
]


@pytest.mark.parametrize(("text", "line", "found", "expected"), WRONG)
def test_what_is_not_dqdl_is_told_with_its_place(text: str, line: int, found: str, expected: str) -> None:
    with pytest.raises(DqdlSyntaxError) as caught:
        parse_ruleset(text)
    error = caught.value
    assert (error.line, found in error.found) == (line, True), str(error)
    assert error.column >= 1
    assert expected in " ".join(error.expected), str(error)


def test_the_message_shows_the_line_with_a_caret_under_the_fault() -> None:
    with pytest.raises(DqdlSyntaxError) as caught:
        parse_ruleset('Rules = [\n    IsComplete "a",\n    Mean "b" >> 3\n]')
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("line 3, column 15: found '>'; expected ")
    assert lines[1].index(">>") + 1 == lines[2].index("^")


# -- property: what was printed is read as the same again

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_ .-]{0,12}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\\\x00"), max_size=15)
numbers = st.decimals(-(10**6), 10**6, allow_nan=False, places=3).map(str)


def quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


history = st.builds(
    "{}(last({}))".format, st.sampled_from(["avg", "min", "max", "sum", "std", "median"]), st.integers(1, 30)
)
amounts = st.recursive(
    numbers | history,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner) | st.builds("-({})".format, inner)
    ),
    max_leaves=4,
)
thresholds = st.builds("{} {}".format, st.sampled_from(["=", "!=", ">", ">=", "<", "<="]), amounts) | st.builds(
    "{} {} and {}".format, st.sampled_from(["between", "not between"]), amounts, amounts
)
values = numbers | texts.map(quoted) | st.sampled_from(["NULL", "EMPTY", "whitespaces_only"])
conditions = (
    thresholds
    | st.builds(lambda op, items: f"{op} [{', '.join(items)}]", st.sampled_from(["in", "not in"]), st.lists(values))
    | st.builds("{} {}".format, st.sampled_from(["matches", "not matches"]), texts.map(quoted))
    | st.builds("> (now() - {} {})".format, st.integers(0, 99), st.sampled_from(["days", "hours", "minutes"]))
)
wheres = st.just("") | texts.map(lambda text: f" where {quoted(text)}")
labels = st.just("") | st.dictionaries(names, texts, min_size=1, max_size=3).map(
    lambda pairs: " labels=[" + ", ".join(f"{quoted(k)}={quoted(v)}" for k, v in pairs.items()) + "]"
)
leaves = st.one_of(
    names.map(lambda name: f"IsComplete {quoted(name)}"),
    st.builds("IsUnique {} {}".format, names.map(quoted), names.map(quoted)),
    st.builds("ColumnValues {} {}{}".format, names.map(quoted), conditions, wheres),
    st.builds("Mean {} {}{}".format, names.map(quoted), thresholds, wheres),
    st.builds("RowCount {}".format, thresholds),
    st.builds("ColumnValues {} in [1] with threshold {}".format, names.map(quoted), thresholds),
)
composites = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda op, parts: f" {op} ".join(f"({part})" for part in parts),
        st.sampled_from(["and", "or", "AND"]),
        st.lists(inner, min_size=2, max_size=3),
    ),
    max_leaves=5,
)
rules = st.builds("{}{}".format, leaves, labels) | composites | st.builds("({}){}".format, composites, labels)


@settings(max_examples=300, deadline=None)
@given(st.lists(rules, min_size=1, max_size=4))
def test_printing_and_parsing_again_gives_the_same(items: list[str]) -> None:
    first = parse_ruleset("Rules = [\n" + ",\n".join(items) + "\n]")
    again = parse_ruleset(str(first))
    assert again == first
    assert str(again) == str(first)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='Rules=[]()"ab<>, 1.\n$#andIsComplete', max_size=60))
def test_any_text_is_parsed_or_refused_with_a_place(text: str) -> None:
    try:
        parse_ruleset(text)
    except DqdlSyntaxError as error:
        assert error.line >= 1
        assert error.column >= 1
        assert error.expected
