"""Types of contracts: any text is a type that Spark knows, or is told to be none with the place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from etl.contracts.column_types import SCALARS, TypeTextError, parse_type

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True)
DECIMALS = st.integers(1, 38).flatmap(lambda p: st.integers(0, p).map(lambda s: f"decimal({p}, {s})"))
TYPES = st.recursive(
    st.sampled_from(SCALARS) | DECIMALS,
    lambda inner: (
        inner.map("array<{}>".format)
        | inner.map("map<string, {}>".format)
        | st.lists(st.tuples(NAMES, inner), min_size=1, max_size=3, unique_by=lambda field: field[0].lower()).map(
            lambda fields: f"struct<{', '.join(f'{name}: {kind}' for name, kind in fields)}>"
        )
    ),
    max_leaves=6,
)


@given(text=TYPES)
def test_a_type_is_read_without_its_spaces_and_reading_it_again_changes_nothing(text: str) -> None:
    found = parse_type(text)
    assert found.text == text.replace(" ", "")
    assert parse_type(found.text) == found
    assert found.is_complex == ("<" in text)


def test_spark_has_the_same_type_by_the_same_spelling(spark: SparkSession) -> None:
    for text in (*SCALARS, "decimal(12, 2)", "array<map<string,array<long>>>", "struct<Long:long,items:array<date>>"):
        kind = parse_type(text).spark
        assert spark.sql(f"select cast(null as {kind}) as x").schema[0].dataType.simpleString() == kind


@given(st.text(alphabet="arymapstuc<>(),: 01long9ß", max_size=20))
def test_any_other_text_is_told_to_be_no_type(text: str) -> None:
    try:
        parse_type(text)
    except TypeTextError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "'' is not a type; use string, int, long"),
        ("bigint", "'bigint' is not a type; use string, int, long"),
        ("array<bigint>", "at character 7, 'bigint'; expected one of string, int, long"),
        ("array<string", "at character 13, the end; expected '>'"),
        ("array<string>>", "at character 14, '>'; expected the end"),
        ("map<long,string>", "at character 5, 'long'; expected string: the keys of a map are texts"),
        ("map<string>", "at character 11, '>'; expected ','"),
        ("struct<>", "at character 8, '>'; expected a field's name"),
        ("struct<größe:int>", "at character 10, 'ö'; expected ':'"),
        ("struct<a int>", "at character 10, 'int'; expected ':'"),
        ("struct<a:int,A:long>", "the field 'A' stands twice in a struct"),
        ("decimal(1e2,2)", "at character 10, 'e2'; expected ','"),
        ("decimal(12345,2)", "at character 9, '12345'; expected a whole number"),
        ("decimal(4,5)", "'decimal(4,5)' needs 1 <= precision <= 38 and 0 <= scale <= precision"),
        ("array<" * 30 + "int" + ">" * 30, "nests types more than 20 deep"),
    ],
)
def test_a_wrong_type_is_told_with_the_place_and_what_would_be_right(text: str, part: str) -> None:
    with pytest.raises(TypeTextError) as caught:
        parse_type(text)
    assert part in str(caught.value)
