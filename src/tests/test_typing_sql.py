"""Texts become typed values or nothing: each type with good, bad and borderline texts, and against plain Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from etl.contracts import Column
from etl.typing_sql import sql_string, typed_sql, value_sql

Typed = Callable[..., list[Any]]


@pytest.fixture(scope="session")
def typed(spark: SparkSession) -> Typed:
    """A factory: the values of texts in one Spark pass, in the order of the texts.

    Every text is read in both forms, the quick and the exact one, which must agree.
    """

    def values(kind: str, texts: Iterable[str], formats: tuple[str, ...] = ()) -> list[Any]:
        column = Column("value", kind, formats=formats)
        frame = spark.createDataFrame(list(enumerate(texts)), "position int, text string")
        frame = frame.selectExpr("*", "trim(text) as trimmed" if kind != "string" else "text as trimmed")
        forms = {"value": value_sql("text", column), "exact": typed_sql("trimmed", column)}
        typed_frame = frame.selectExpr("position", "text", *(f"{sql} as {name}" for name, sql in forms.items()))
        assert dict(typed_frame.dtypes)["value"] == column.spark_type
        rows = typed_frame.orderBy("position").collect()
        # Texts of values, because NaN is not equal to itself.
        assert [str(row["value"]) for row in rows] == [str(row["exact"]) for row in rows]
        return [row["value"] for row in rows]

    return values


def compare(typed: Typed, kind: str, expected: dict[str, Any], formats: tuple[str, ...] = ()) -> None:
    """Every text has its expected value; the difference shows texts and values."""
    assert dict(zip(expected, typed(kind, expected, formats), strict=True)) == expected


def test_text_stays_as_it_is_with_leading_zeros_and_blanks(typed: Typed) -> None:
    compare(typed, "string", {text: text for text in ("00123", " a ", "", "1.10", "ünï\n'quoted'")})


def test_an_int_is_a_whole_number_also_as_spreadsheets_and_doubles_write_it(typed: Typed) -> None:
    good = {"5": 5, "-5": -5, "+5": 5, "007": 7, "5.0": 5, "5.": 5, "-5.000": -5, "0": 0, "-0": 0}
    compare(typed, "int", {**good, "2147483647": 2**31 - 1, "-2147483648": -(2**31), "1.2345678E7": 12345678})


def test_a_text_that_is_not_a_whole_number_is_no_int(typed: Typed) -> None:
    texts = ("5.5", "1,000", "five", "5.0.0", "0x10", "5-", "--5", ".", "1.23E1", "5 6", "\u0665", "5L", "NaN", "5.0x")
    compare(typed, "int", dict.fromkeys(texts))


def test_an_int_that_overflows_does_not_wrap_around(typed: Typed) -> None:
    compare(typed, "int", dict.fromkeys(("2147483648", "-2147483649", "99999999999999999999999", "1E300")))


def test_a_long_holds_64_bits_and_no_more(typed: Typed) -> None:
    good = {"9223372036854775807": 2**63 - 1, "-9223372036854775808": -(2**63), "1.0": 1}
    compare(typed, "long", {**good, "9223372036854775808": None, "-9223372036854775809": None})


def test_a_double_is_any_finite_or_named_number(typed: Typed) -> None:
    good = {"1.5": 1.5, "-.5": -0.5, "1e3": 1000.0, "1E-3": 0.001, "007": 7.0, "Infinity": float("inf")}
    compare(typed, "double", {**good, "-Infinity": float("-inf")})


def test_a_text_that_only_java_takes_for_a_number_is_no_double(typed: Typed) -> None:
    compare(typed, "double", dict.fromkeys(("1d", "1f", "1.0D", "0x1p3", "one", "1,5", "", "1 2")))


def test_a_double_or_float_that_overflows_is_not_infinity(typed: Typed) -> None:
    compare(typed, "double", {"1e400": None, "-1e400": None, "1e308": 1e308})
    compare(typed, "float", {"1e39": None, "-1e39": None, "1.5": 1.5})


def test_a_decimal_is_exact_with_zeros_that_need_no_room_left_out(typed: Typed) -> None:
    good = {"1.10": "1.10", "1.1": "1.10", "1.1000": "1.10", "-0.05": "-0.05", "0.10": "0.10", "12": "12.00"}
    more = {"9999999999.99": "9999999999.99", ".5": "0.50", "1e2": "100.00", "1.005e3": "1005.00", "5e-2": "0.05"}
    expected = {text: Decimal(value) for text, value in {**good, **more, "12345.678E1": "123456.78"}.items()}
    compare(typed, "decimal(12,2)", expected)


def test_a_decimal_is_never_rounded(typed: Typed) -> None:
    texts = ("1.005", "0.001", "9999999999.999", "1.0055e1", "1e-5", "1e-99", "-1.239")
    compare(typed, "decimal(12,2)", dict.fromkeys(texts))


def test_a_decimal_that_overflows_or_is_none_does_not_fit(typed: Typed) -> None:
    texts = ("10000000000", "1e10", "-99999999999.00", "n/a", "1,5", "1.2.3", "1e", "1e99999999999", "NaN", "$5")
    compare(typed, "decimal(12,2)", dict.fromkeys(texts))


def test_a_decimal_of_38_digits_keeps_them_all(typed: Typed) -> None:
    text = "123456789012345678.12345678901234567890"
    compare(typed, "decimal(38,20)", {text: Decimal(text), f"{text}1": None})


def test_a_boolean_is_written_in_several_ways_and_any_case(typed: Typed) -> None:
    yes, no = ("true", "T", "YES", "y", "1", "True"), ("false", "F", "No", "n", "0", "FALSE")
    compare(typed, "boolean", {**dict.fromkeys(yes, True), **dict.fromkeys(no, False)})


def test_other_words_are_no_boolean(typed: Typed) -> None:
    compare(typed, "boolean", dict.fromkeys(("", "2", "on", "off", "ja", "truee", "1.0", "null")))


def test_a_date_is_iso_8601_by_default(typed: Typed) -> None:
    compare(typed, "date", {"2024-02-29": date(2024, 2, 29), "2024-1-5": date(2024, 1, 5), "0001-01-01": date(1, 1, 1)})


def test_a_date_with_midnight_behind_it_is_that_date(typed: Typed) -> None:
    texts = ("2024-01-15 00:00:00", "2024-01-15T00:00:00Z", "2024-01-15T00:00:00.000000", "2024-01-15T00:00:00+00:00")
    compare(typed, "date", dict.fromkeys(texts, date(2024, 1, 15)))


def test_a_text_behind_a_date_is_not_dropped(typed: Typed) -> None:
    texts = ("2024-01-15 10:30:00", "2024-01-15T23:00:00Z", "2024-01-15 to 2024-01-20", "2024-01-15Tx", "2024-01-15 ?")
    compare(typed, "date", dict.fromkeys(texts))


def test_a_day_that_no_calendar_has_is_no_date(typed: Typed) -> None:
    texts = ("2024-02-30", "2023-02-29", "2024-13-01", "2024-00-10", "2024", "2024-01", "20240115", "15.01.2024", "now")
    compare(typed, "date", dict.fromkeys(texts))


def test_the_formats_of_a_contract_are_tried_in_their_order_after_iso(typed: Typed) -> None:
    expected = {"2024-03-04": date(2024, 3, 4), "03/04/2024": date(2024, 4, 3), "20240304": date(2024, 3, 4)}
    more = {"12/31/2024": date(2024, 12, 31), "31/12/2024x": None, "31/02/2024": None, "2024-13-01": None}
    compare(typed, "date", {**expected, **more}, ("dd/MM/yyyy", "MM/dd/yyyy", "yyyyMMdd"))


def test_a_format_may_hold_quotes_and_backslashes(typed: Typed) -> None:
    compare(typed, "timestamp", {"2024.01.15T10": datetime(2024, 1, 15, 10)}, ("yyyy.MM.dd'T'HH",))
    assert sql_string("a'b\\c") == "'a\\'b\\\\c'"


def test_a_timestamp_is_taken_to_utc(typed: Typed) -> None:
    at_ten = datetime(2024, 1, 15, 10)
    texts = ("2024-01-15 10:00:00", "2024-01-15T10:00:00Z", "2024-01-15T12:00:00+02:00", "2024-01-15T10:00")
    expected = {**dict.fromkeys(texts, at_ten), "2024-01-15": datetime(2024, 1, 15)}
    compare(typed, "timestamp", {**expected, "2024-01-15 10:00:00.123456": at_ten + timedelta(microseconds=123456)})


def test_a_text_that_is_no_moment_is_no_timestamp(typed: Typed) -> None:
    texts = ("31/02/2024", "2024-02-30 10:00:00", "2024-01-15 25:00:00", "2024-01-15 10:00:00 x", "10:00", "1705312800")
    compare(typed, "timestamp", dict.fromkeys(texts))


# Against plain Python: many generated texts, one Spark pass a type -----------------------------------------

SIGN = st.sampled_from(["", "-", "+"])
DIGITS = st.text("0123456789", min_size=1, max_size=22)
NUMBERS = st.builds("{}{}{}{}".format, SIGN, DIGITS, st.sampled_from(["", ".", ".0", ".00"]), DIGITS | st.just(""))
EXPONENTS = st.builds("{}{}.{}{}{}".format, SIGN, DIGITS, DIGITS, st.sampled_from("eE"), st.integers(-30, 30))
SHORT = st.decimals(-200, 200, places=3).map(str) | st.integers(-(2**64), 2**64).map(str)
NOISE = st.text("0123456789.eE+-xd", min_size=1, max_size=8)
NUMERIC_TEXTS = NUMBERS | EXPONENTS | SHORT | NOISE
DAYS = st.builds("{:04d}-{:02d}-{:02d}".format, st.integers(1, 9999), st.integers(0, 13), st.integers(0, 32))
DATE_TEXTS = st.dates().map(str) | DAYS | st.text("0123456789-: T", min_size=1, max_size=12).map(str.strip)
NUMBER = re.compile(r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?")


def python_whole(text: str, bits: int) -> int | None:
    number = exact(text)
    fits = number is not None and -(2 ** (bits - 1)) <= number < 2 ** (bits - 1)
    return int(number) if fits and number == int(number) else None


def python_decimal(text: str, precision: int, scale: int) -> Decimal | None:
    number = exact(text)
    if number is None or abs(number) >= Decimal(10) ** (precision - scale):
        return None
    with localcontext() as context:
        context.prec = 200
        return number if number == round(number, scale) else None


def exact(text: str) -> Decimal | None:
    return Decimal(text) if NUMBER.fullmatch(text) else None


def python_date(text: str) -> date | None:
    # Python 3.11 reads more than one spelling of ISO 8601; the pipeline the one with hyphens.
    found = re.fullmatch(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})", text)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


@pytest.mark.parametrize(
    ("kind", "texts", "in_python"),
    [
        ("int", NUMERIC_TEXTS, lambda text: python_whole(text, 32)),
        ("long", NUMERIC_TEXTS, lambda text: python_whole(text, 64)),
        ("decimal(12,2)", NUMERIC_TEXTS, lambda text: python_decimal(text, 12, 2)),
        ("decimal(38,18)", NUMERIC_TEXTS, lambda text: python_decimal(text, 38, 18)),
        ("date", DATE_TEXTS, python_date),
    ],
)
def test_generated_texts_become_what_plain_python_makes_of_them(
    typed: Typed, kind: str, texts: st.SearchStrategy[str], in_python: Callable[[str], Any]
) -> None:
    expected: dict[str, Any] = {}

    @settings(max_examples=1000, deadline=None, database=None, phases=[Phase.generate])
    @given(texts)
    def generate(text: str) -> None:
        expected[text] = in_python(text)

    generate()
    found = dict(zip(expected, typed(kind, expected), strict=True))
    assert {text: value for text, value in found.items() if value != expected[text]} == {}
