"""Personal data: each treatment against another implementation of the same, joins, and keys that are never shown."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from etl.contracts import Column, Contract, Derived, Processing
from etl.errors import ExpressionError, SecretError
from etl.transform import privacy
from etl.transform.privacy import add_treated, derived_keys, keys_frame, resolved, treat, treatments

SECRET = "correct-horse-battery-staple-0123456789"
TEXTS = ["ada@example.com", "", " Ada ", "Zoë Müller 李", "a" * 5000, "x\ny\0z", None]


@pytest.fixture(scope="module")
def keys(spark: SparkSession) -> DataFrame:
    return keys_frame(spark, SECRET)


def _hashed(text: str | None) -> str | None:
    key = hmac.digest(SECRET.encode(), b"glue-etl-pipeline/pii/v1/hash", "sha256")
    return None if text is None else hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _values(frame: DataFrame, column: str) -> list[Any]:
    return [row[column] for row in frame.collect()]


def test_a_hash_is_python_s_hmac_of_the_text_and_null_stays_null(
    frame: Callable[..., DataFrame], keys: DataFrame
) -> None:
    rows = frame("id int, mail string", *enumerate(TEXTS))
    treated = treat(rows, {"mail": "hash"}, keys, "people").orderBy("id")
    assert _values(treated, "mail") == [_hashed(text) for text in TEXTS]


def test_values_of_other_types_are_treated_as_their_text(frame: Callable[..., DataFrame], keys: DataFrame) -> None:
    row = (7, Decimal("12.50"), date(2024, 1, 15), True, ["a", "b"], {"k": 1})
    rows = frame("n int, price decimal(10,2), day date, ok boolean, tags array<string>, m map<string,int>", row)
    treated = treat(rows, dict.fromkeys(rows.columns, "hash"), keys, "things").collect()[0]
    texts = ["7", "12.50", "2024-01-15", "true", '["a","b"]', '{"k":1}']
    assert list(treated) == [_hashed(text) for text in texts]


def test_tokens_are_resolved_with_the_secret(frame: Callable[..., DataFrame], keys: DataFrame) -> None:
    rows = frame("id int, mail string", *enumerate(TEXTS))
    treated = treat(rows, {"mail": "tokenise"}, keys, "people")
    assert _values(resolved(treated, "mail", keys).orderBy("id"), "mail") == TEXTS
    tokens = _values(treated, "mail")
    assert all(token is None or ("\n" not in token and base64.b64decode(token, validate=True)) for token in tokens)


def test_aes_decrypt_undoes_a_token_with_the_derived_key(frame: Callable[..., DataFrame], keys: DataFrame) -> None:
    token = treat(frame("mail string", ("ada@example.com",)), {"mail": "tokenise"}, keys, "people")
    key = hmac.digest(SECRET.encode(), b"glue-etl-pipeline/pii/v1/token", "sha256").hex()
    undone = token.select(F.expr(f"cast(aes_decrypt(unbase64(mail), unhex('{key}'), 'GCM') as string)"))
    assert undone.first()[0] == "ada@example.com"  # type: ignore[index]


def test_a_token_can_not_be_changed_or_read_with_another_secret(
    frame: Callable[..., DataFrame], keys: DataFrame, spark: SparkSession
) -> None:
    treated = treat(frame("mail string", ("ada@example.com",)), {"mail": "tokenise"}, keys, "people")
    with pytest.raises(Exception, match=r"(?i)aes|tag mismatch"):
        resolved(treated, "mail", keys_frame(spark, "another-secret")).collect()


@pytest.mark.parametrize("how", ["hash", "tokenise"])
def test_equal_values_stay_equal_in_every_batch_and_others_do_not(
    frame: Callable[..., DataFrame], keys: DataFrame, spark: SparkSession, how: str
) -> None:
    first = _values(treat(frame("m string", ("a",), ("b",), ("a",)), {"m": how}, keys, "x"), "m")
    again = _values(treat(frame("m string", ("a",)), {"m": how}, keys_frame(spark, SECRET), "y"), "m")
    other = _values(treat(frame("m string", ("a",)), {"m": how}, keys_frame(spark, SECRET + "!"), "y"), "m")
    assert first[0] == first[2] == again[0]
    assert len({first[0], first[1], other[0]}) == 3


def test_a_mask_leaves_four_characters_of_eight_or_more_and_none_of_fewer(frame: Callable[..., DataFrame]) -> None:
    rows = frame("m string", ("4111111111111111",), ("12345678",), ("1234567",), ("ü",), ("",), (None,))
    masked = treat(rows, {"m": "mask"}, None, "cards")
    assert _values(masked, "m") == ["xxxxxxxxxxxx1111", "xxxx5678", "xxxxxxx", "x", "", None]


def test_dropped_columns_are_gone_and_the_others_stay_as_they_are(frame: Callable[..., DataFrame]) -> None:
    rows = frame("id int, name string, n long, _rescued_data string", (1, "Ada", 5, None))
    left = treat(rows, {"name": "drop", "never_there": "mask"}, None, "people")
    assert left.dtypes == [("id", "int"), ("n", "bigint"), ("_rescued_data", "string")]
    assert left.collect() == [(1, 5, None)]


def test_without_personal_data_nothing_happens(frame: Callable[..., DataFrame]) -> None:
    rows = frame("id int", (1,))
    assert treat(rows, {}, None, "people") is rows


def test_rescued_texts_of_personal_data_are_removed(frame: Callable[..., DataFrame]) -> None:
    rescued = [{"born": "31/31/1990", "n": "many"}, {"born": "never"}, {"n": "many"}, None]
    texts = [None if entry is None else json.dumps(entry) for entry in rescued]
    rows = frame("born date, n int, _rescued_data string", *((None, None, text) for text in texts))
    left = treat(rows, {"born": "drop"}, None, "people")
    assert _values(left, "_rescued_data") == ['{"n":"many"}', None, '{"n":"many"}', None]


def test_keys_come_from_the_secret_each_for_its_purpose() -> None:
    keys = derived_keys(SECRET)
    assert list(keys) == list(privacy.KEY_COLUMNS)
    assert len(set(keys.values())) == 5
    assert keys == derived_keys(SECRET)
    assert not set(keys.values()) & set(derived_keys(SECRET + "!").values())


def test_no_plan_shows_the_secret_or_a_key(
    frame: Callable[..., DataFrame], keys: DataFrame, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows = frame("a string, b string", ("ada", "bob"))
    treated = treat(rows, {"a": "hash", "b": "tokenise"}, keys, "people")
    treated.write.parquet(str(tmp_path / "out"))
    for mode in ("extended", "codegen", "cost", "formatted"):
        treated.explain(mode=mode)
    execution = treated._jdf.queryExecution()
    shown = capsys.readouterr().out + execution.toString() + execution.logical().toJSON()
    assert "_pii_token" in shown
    pads = derived_keys(SECRET).values()
    texts = [SECRET, *(form for key in pads for form in _spellings(key))]
    assert [text for text in texts if text.lower() in shown.lower()] == []


def _spellings(key: bytes) -> list[str]:
    """How a key might be shown: hexadecimal, base64, and as lists of bytes."""
    signed = [byte - 256 if byte > 127 else byte for byte in key]
    return [key.hex(), key.hex(" "), base64.b64encode(key).decode(), str(list(key))[1:-1], str(signed)[1:-1]]


def test_a_value_is_treated_like_the_other_table_s_key(frame: Callable[..., DataFrame], keys: DataFrame) -> None:
    people = treat(frame("id int, name string", (7, "Ada"), (8, "Bob")), {"id": "tokenise"}, keys, "people")
    orders = frame("order string, person long", ("o1", 7), ("o2", 9))
    ours = add_treated(orders, {"_key": (F.col("person").cast("int"), "tokenise")}, keys, "orders")
    assert ours.columns == ["order", "person", "_key"]
    joined = ours.join(people, ours["_key"] == people["id"], how="left").orderBy("order")
    assert [(row["order"], row["name"]) for row in joined.collect()] == [("o1", "Ada"), ("o2", None)]


def test_treatments_of_columns_and_derived_columns() -> None:
    contract = Contract(
        "people",
        columns=(Column("id"), Column("mail", pii="hash"), Column("name", pii="drop")),
        processing=Processing(derive=(Derived("mail", "lower(mail)"), Derived("city", "x", pii="mask"))),
    )
    # A derived column with the name of a treated one holds the same data.
    assert treatments(contract) == {"mail": "hash", "name": "drop", "city": "mask"}
    own = Contract("p", contract.columns, processing=Processing(derive=(Derived("mail", "x", pii="tokenise"),)))
    assert treatments(own)["mail"] == "tokenise"


@pytest.mark.parametrize("how", ["hash", "tokenise"])
def test_a_run_without_a_secret_says_what_to_give(frame: Callable[..., DataFrame], how: str) -> None:
    with pytest.raises(SecretError, match=r"people: .* --pii_secret with the ARN"):
        treat(frame("m string", ("a",)), {"m": how}, None, "people")


def test_a_spark_that_can_not_tokenise_says_so_when_the_frame_is_made(
    frame: Callable[..., DataFrame], keys: DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privacy, "SPARK_VERSION", (3, 3))
    with pytest.raises(
        ExpressionError, match=r"people: pii: tokenise needs Spark 3.5, and this is 3.3; .* 5.0 or later"
    ):
        treat(frame("m string", ("a",)), {"m": "tokenise"}, keys, "people")
    assert treat(frame("m string", ("a",)), {"m": "hash"}, keys, "people").count() == 1


def test_what_is_no_treatment_is_told(frame: Callable[..., DataFrame]) -> None:
    with pytest.raises(ValueError, match="'md5' is no treatment"):
        add_treated(frame("m string", ("a",)), {"t": (F.col("m"), "md5")}, None, "x")
