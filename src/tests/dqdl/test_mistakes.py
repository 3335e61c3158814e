"""What is said about text that is not DQDL: the place, what stands there, and what would be right."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqdl.documented import DOCUMENTS, EXAMPLES
from etl.dqdl import DqdlSyntaxError, parse_ruleset

# text, line, column, what was found, what was expected
WRONG: list[tuple[str, int, int, str, str]] = [
    # sections
    ("", 1, 1, "without rules", "Rules = ["),
    ("Rules = []", 1, 1, "without rules", "at least one rule"),
    ("Rules = [", 1, 10, "the end of the text", "a name"),
    ('rules = [ IsComplete "a" ]', 1, 1, "'rules'", "'Rules' (DQDL is case sensitive)"),
    ('\nRULES = [ IsComplete "a" ]', 2, 1, "'RULES'", "'Rules' (DQDL is case sensitive)"),
    ('Rule = [ IsComplete "a" ]', 1, 1, "'Rule'", "'Rules'"),
    ('Rules: [ IsComplete "a" ]', 1, 6, "':'", "'Rules = ['"),
    ('IsComplete "a"', 1, 1, "'IsComplete'", "'Rules = [' before the first rule"),
    ('Rules = IsComplete "a" ]', 1, 9, "'IsComplete'", "'Rules = [' before the first rule"),
    ('Rules = { IsComplete "a" }', 1, 9, "'{'", "'['"),
    ('Rules = [ IsComplete "a"', 1, 25, "the end of the text", "']'"),
    ("Rules = [ RowCount > 1 ] ]", 1, 26, "']'", "the end"),
    ("Rules = [ RowCount > 1 ]\nRules = [ RowCount > 1 ]", 2, 1, "a second 'Rules'", "one 'Rules'"),
    ("Rules = [ RowCount > 1\n Analyzers = [ RowCount ]", 2, 2, "'Analyzers'", "']' before Analyzers"),
    ("Rules = [ RowCount > 1 ], Analyzers = [ RowCount ]", 1, 25, "','", "no comma between sections"),
    # between rules
    ('Rules = [ IsComplete "a" IsUnique "a" ]', 1, 11, "'IsUnique' among the parameters", "',' before IsUnique"),
    ('Rules = [ RowCount > 1 IsUnique "a" ]', 1, 24, "'IsUnique'", "',' before IsUnique"),
    ('Rules = [\n  IsComplete "a",\n]', 2, 17, "a comma with nothing after it", "no comma after the last"),
    ("Rules = [ RowCount > 1, , RowCount < 3 ]", 1, 25, "','", "a name"),
    ('Rules = [ IsComplete "a"; IsUnique "b" ]', 1, 25, "';'", "',' between rules"),
    ("Rules = [\n -- all\n RowCount > 1 ]", 2, 2, "'--'", "'#' before a comment"),
    ("Rules = [\n /* all */\n RowCount > 1 ]", 2, 2, "'/*'", "'#' before a comment"),
    # quotes
    ('Rules = [ IsComplete "a ]', 1, 22, "a string that is never closed", "a closing"),
    ('Rules = [\n IsComplete "a,\n IsUnique "b"\n]', 2, 13, "a string that is never closed", "a closing"),
    ('Rules = [ IsComplete "a, IsUnique "b" ]', 1, 22, "a string that is never closed", "a closing"),
    ("Rules = [ IsComplete 'a' ]", 1, 22, "a single quote", 'double quotes: "text"'),
    ("Rules = [ IsComplete \u201ca\u201d ]", 1, 22, "a typographic quote", 'straight double quotes: "text"'),
    ("Rules = [ IsComplete `a` ]", 1, 22, "a backtick", "double quotes"),
    ('Rules = [ IsComplete "a" where country = 3 ]', 1, 32, "'country'", "a quoted string"),
    ('Rules = [ ColumnValues "a" = yes ]', 1, 30, "'yes'", 'quotes around a text: "yes"'),
    ('Rules = [ ColumnValues "a" matches /ab+c/i ]', 1, 36, "'/'", "a regular expression in double quotes"),
    # names
    ('Rules = [\n IsComplete "a",\n  IsComplet "b" ]', 3, 3, "unknown rule type 'IsComplet'", "IsComplete"),
    ('Rules = [ iscomplete "a" ]', 1, 11, "'iscomplete'", "IsComplete"),
    ("Rules = [ RowCount > avrage(last(3)) ]", 1, 22, "unknown function 'avrage'", "avg"),
    ("Rules = [ RowCount > foo(1) ]", 1, 22, "unknown function 'foo'", "last"),
    ("Rules = [ CustomSql $q > 1 ]", 1, 22, "unknown constant $q", "no constants"),
    # operators and conditions
    ("Rules = [ RowCount == 3 ]", 1, 20, "'=='", "'='"),
    ("Rules = [ RowCount <> 3 ]", 1, 20, "'<>'", "'!='"),
    ("Rules = [ RowCount => 3 ]", 1, 20, "'=>'", "'>='"),
    ("Rules = [ RowCount =< 3 ]", 1, 20, "'=<'", "'<='"),
    ("Rules = [ RowCount ~ 1 ]", 1, 20, "'~'", "a comparison"),
    ("Rules = [ RowCount BETWEEN 1 AND 3 ]", 1, 20, "'BETWEEN'", "'between' (keywords are written in lower case)"),
    ('Rules = [ ColumnValues "a" IN ["b"] ]', 1, 28, "'IN'", "'in'"),
    ('Rules = [ Completeness "a" > 0.5 WHERE "b > 1" ]', 1, 34, "'WHERE'", "'where'"),
    ('Rules = [ ColumnValues "a" like "b%" ]', 1, 11, "'like'", "matches"),
    ('Rules = [ ColumnValues "a" is not null ]', 1, 35, "'not null'", "'!= NULL'"),
    ('Rules = [ ColumnValues "a" in ("b", "c") ]', 1, 31, "'('", "a list stands in brackets"),
    ('Rules = [ ColumnValues "a" in 3 ]', 1, 31, "'3'", "'['"),
    ('Rules = [ ColumnValues "a" in ["b", "c" ]', 1, 42, "the end of the text", "']'"),
    ('Rules = [ Mean "a" > ]', 1, 22, "']'", "a number"),
    ('Rules = [ Mean "a" ]', 1, 11, "without a condition", "a condition"),
    ('Rules = [ IsComplete "a" > 3 ]', 1, 11, "a condition after 'IsComplete'", "true or false"),
    ("Rules = [ IsComplete ]", 1, 11, "IsComplete with 0 parameter", "1 column"),
    ('Rules = [ Completeness "a" > 0,9 ]', 1, 31, "','", "such as 0.9"),
    ('Rules = [ Completeness "a" > 95% ]', 1, 32, "'%'", "a share from 0 to 1"),
    ('Rules = [ DataFreshness "a" < 3 weeks ]', 1, 33, "'weeks'", "minutes, hours or days"),
    ("Rules = [ RowCount > avg(last(3) ]", 1, 34, "']'", "')'"),
    ("Rules = [ RowCount > index(last(3)) ]", 1, 22, "index() with 1 argument", "2 argument"),
    ('q = "x"\nRules = [ ColumnValues "a" in $q ]', 2, 32, 'the constant "x"', "a list constant"),
    ("Rules = [ RowCount > 1,000 ]", 1, 23, "','", "1000, with no ','"),
    ('Rules = [ Mean "a" between 1, 3 ]', 1, 29, "','", "'and' between the two bounds"),
    ('Rules = [ Mean "a" between 1 3 ]', 1, 30, "'3'", "'and' between the two bounds"),
    ('Rules = [ ColumnValues "d" > now - 3 days ]', 1, 30, "'now'", "'now()'"),
    ('Rules = [ ColumnValues "d" = None ]', 1, 30, "'None'", "'NULL'"),
    ('Rules = [ IsComplete("a") ]', 1, 21, "'('", 'no parentheses around the parameters: IsComplete "column"'),
    ('Rules = [ CustomSql "select "x" from primary" = 1 ]', 1, 11, "CustomSql with 3 parts", "single quotes"),
    # composites
    ("Rules = [ (RowCount > 1) or RowCount < 3 ]", 1, 29, "'RowCount'", "(...) or (...)"),
    ("Rules = [ RowCount > 1 and RowCount < 3 ]", 1, 24, "'and'", "(...) and (...)"),
    ('Rules = [ IsComplete "a" and IsUnique "b" ]', 1, 11, "'IsUnique' among", "(...) and (...)"),
    ('Rules = [ ColumnValues "a" > 1 && RowCount > 3 ]', 1, 32, "'&'", "(...) and (...)"),
    ("Rules = [ (RowCount > 1) and (RowCount < 3) or (RowCount = 7) ]", 1, 45, "'or'", "'and' and 'or' are mixed"),
    ("Rules = [ (RowCount > 1 ]", 1, 25, "']'", "')'"),
    # where, with, labels
    ('Rules = [ ColumnValues "a" > 1 with threshold 0.9 ]', 1, 47, "'0.9'", "a comparison"),
    ('Rules = [ ColumnValues "a" > 1 with treshold > 0.5 ]', 1, 37, "'with treshold'", "'with threshold'"),
    ('Rules = [ Mean "a" > 1 with threshold > 0.5 ]', 1, 29, "'with threshold' in a Mean rule", "no option"),
    ('Rules = [ ColumnValues "a" > 1 with threshold > "0.5" ]', 1, 37, "'with threshold'", "a share"),
    ("Rules = [ FileSize > 1 B with recentFiles = 0 ]", 1, 31, "'with recentFiles' = 0", "a whole number from 1"),
    ("Rules = [ FileSize > 1 B with recentFiles = 1 with recentFiles = 2 ]", 1, 52, "given twice", "once"),
    ('Rules = [ FileSize > 1 B with uriRegex = "(" ]', 1, 31, "'with uriRegex'", "a regular expression"),
    ('Rules = [ FileSize > 1 B with filterOrder = ["uriRegex"] ]', 1, 31, "'with filterOrder'", "all filters"),
    ('Rules = [ FileUniqueness = 1 with hashAlgorithm = "MD4" ]', 1, 35, "'with hashAlgorithm'", '"SHA-256"'),
    ('Rules = [ FileFreshness > now() with timeZone = "Mars" ]', 1, 38, "'with timeZone'", "Europe/Paris"),
    ('Rules = [ FileFreshness > now() with failFast > "true" ]', 1, 38, "'with failFast'", "with failFast ="),
    ('Rules = [ FileMatch "a" ]', 1, 11, 'FileMatch "a"', "FileMatch"),
    ('Analyzers = [ Distribution "a" with bins = 21 ]', 1, 37, "'with bins' = 21", "1 to 20"),
    ('Rules = [ ColumnValues "a" > 1 with threshold > 0.9 where "b" ]', 1, 53, "'where' after 'with'", "before"),
    ('Rules = [ RowCount > 1 labels=["a"="b"] where "x > 1" ]', 1, 41, "'where' after 'labels'", "before"),
    ('Rules = [ RowCount > 1 labels=["a"="b", "a"="c"] ]', 1, 1, "a label key given twice", "at most 10"),
    ('Rules = [ RowCount > 1 labels=["a"=EMPTY] ]', 1, 36, "'EMPTY'", "a quoted string or null"),
    ('Rules = [ (RowCount > 1) and (RowCount < 9) labels=["a"="b"] ]', 1, 45, "'labels'", "in parentheses as a whole"),
    ('Rules = [ ColumnCount > 1 where "a" ]', 1, 11, "'where' in a ColumnCount rule", "not about rows"),
    # rules and analyzers
    ("Rules = [ AllStatistics AllColumns ]", 1, 11, "'AllStatistics' as a rule", "Analyzers only"),
    ('Analyzers = [ IsUnique "a" ]', 1, 15, "'IsUnique' as an analyzer", "belongs under Rules"),
    ("Analyzers = [ RowCount > 3 ]", 1, 24, "'>'", "']'"),
    ('Rules = [ DetectAnomalies "RowCounts" ]', 1, 11, "DetectAnomalies of 'RowCounts'", "RowCount"),
    ('Rules = [ DetectAnomalies "Mean" ]', 1, 11, "DetectAnomalies of Mean with 0", "1 column"),
]


@pytest.mark.parametrize(("text", "line", "column", "found", "expected"), WRONG)
def test_a_mistake_is_told_with_its_place_and_what_would_be_right(
    text: str, line: int, column: int, found: str, expected: str
) -> None:
    with pytest.raises(DqdlSyntaxError) as caught:
        parse_ruleset(text)
    error = caught.value
    assert (error.line, error.column) == (line, column), str(error)
    assert found in error.found, str(error)
    assert expected in " ".join(error.expected), str(error)


def test_the_message_shows_the_line_with_a_caret_under_the_fault() -> None:
    with pytest.raises(DqdlSyntaxError) as caught:
        parse_ruleset('Rules = [\n    IsComplete "a",\n    Mean "b" >> 3\n]')
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("line 3, column 15: found '>'; expected a value: a number, ")
    assert lines[1].index(">>") + 1 == lines[2].index("^")


def test_no_message_speaks_of_the_grammars_symbols() -> None:
    for text, *_ in WRONG:
        with pytest.raises(DqdlSyntaxError) as caught:
            parse_ruleset(text)
        words = " ".join(caught.value.expected)
        assert not any(symbol in words for symbol in ("__ANON", "LSQB", "_AND", "$END", "COMMA")), words


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([f"Rules = [ {text}\n]" for page in EXAMPLES.values() for text in page] + DOCUMENTS),
    st.integers(0, 200),
    st.integers(0, 8),
    st.text("\"'[](){}=<>,.$%;:-+/*\\ \nandorNULL10", max_size=2),
)
def test_a_changed_example_is_read_or_refused_with_a_place(text: str, start: int, left_out: int, put_in: str) -> None:
    changed = text[:start] + put_in + text[start + left_out :]
    try:
        ruleset = parse_ruleset(changed)
    except DqdlSyntaxError as error:
        assert 1 <= error.line <= changed.count("\n") + 1
        assert error.column >= 1
        assert error.expected
    else:
        assert parse_ruleset(str(ruleset)) == ruleset


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="Rules=[]()\"ab<>, 1.\n$#andIsComplete'", max_size=60))
def test_any_text_is_parsed_or_refused_with_a_place(text: str) -> None:
    try:
        parse_ruleset(text)
    except DqdlSyntaxError as error:
        assert error.line >= 1
        assert error.column >= 1
        assert error.expected
