"""DQDL text to model and back."""

from __future__ import annotations

from decimal import Decimal

from etl.dqdl import parse_ruleset
from etl.dqdl.model import Composite, Keyword, Number, Rule


def only_rule(text: str) -> Rule:
    (rule,) = parse_ruleset(f"Rules = [ {text} ]").rules
    assert isinstance(rule, Rule)
    return rule


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


def test_options_are_read_as_texts_lists_and_words() -> None:
    rule = only_rule(
        'FileMatch "a" "b" with recentFiles = 5 with uriRegex = "x" with filterOrder = ["uriRegex", "recentFiles"]'
        ' with matchFileName = "True" with hashAlgorithm = "MD5"'
    )
    assert (rule.option("recentFiles"), rule.option("uriRegex"), rule.option("hashAlgorithm")) == ("5", "x", "MD5")
    assert rule.option_items("filterOrder") == ["uriRegex", "recentFiles"]
    assert rule.switched_on("matchFileName")
    assert (rule.option("timeZone"), rule.option_items("timeZone"), rule.switched_on("failFast")) == (None, [], False)


def test_options_of_an_analyzer_are_joined_by_commas() -> None:
    text = 'Distribution "a" with bins = 20, rebin = false'
    distribution, mean = parse_ruleset(f'Analyzers = [ {text}, Mean "x" ]').analyzers
    assert (distribution.option("bins"), distribution.option("rebin")) == ("20", "false")
    assert (str(distribution), str(mean)) == (text, 'Mean "x"')


def test_rules_may_be_spoken_and_sql_is_spelt_in_two_ways() -> None:
    spoken = 'ColumnCorrelation OF height and "weight in kg" > 0, CustomSQL "select 1" = 1, IsComplete office'
    rules = [str(rule) for rule in parse_ruleset(f"Rules = [ {spoken} ]").rules]
    assert rules == ['ColumnCorrelation height "weight in kg" > 0', 'CustomSql "select 1" = 1', "IsComplete office"]


def test_a_label_may_be_empty_or_null() -> None:
    rule = only_rule('RowCount > 0 labels=["a"="", "b"=null]')
    assert rule.labels == (("a", ""), ("b", ""))


def test_a_byte_order_mark_is_no_part_of_the_rules() -> None:
    assert str(parse_ruleset("\ufeffRules = [\u00a0RowCount > 0 ]").rules[0]) == "RowCount > 0"
