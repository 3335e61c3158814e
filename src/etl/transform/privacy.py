"""Personal data: columns marked ``pii`` are treated before anything is written to curated.

========== =====================================================================================================
hash       HMAC-SHA-256 of the value's text, as hexadecimal digits. Equal values stay equal, so that tables can be
           joined; nobody gets a value back.
tokenise   The value's text, encrypted (AES-256-GCM) with an IV made of the text itself, as base64. Equal values stay
           equal, and whoever has the secret gets them back (:func:`resolved`).
mask       All but the last four characters become ``x``; of a value with fewer than eight, all.
drop       The column is left out.
========== =====================================================================================================

Null stays null. The keys of hash and tokenise are made of one secret. They come as columns of a one-row frame that
rows are joined with, and not as literals: plans are logged, and shown in Spark's UI.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, BinaryType, DataType, MapType, StructField, StructType

from etl.contracts import Contract
from etl.errors import ExpressionError, SecretError
from etl.names import RESCUED
from utils.spark_versions import SPARK_VERSION

HASH, MASK, TOKENISE, DROP = "hash", "mask", "tokenise", "drop"
KEYED = frozenset({HASH, TOKENISE})
# Columns of the keys' frame. A contract's names start with a letter.
_HASH_INNER, _HASH_OUTER, _TOKEN, _IV_INNER, _IV_OUTER = KEY_COLUMNS = (
    "_pii_hash_inner", "_pii_hash_outer", "_pii_token", "_pii_iv_inner", "_pii_iv_outer",
)  # fmt: skip
_TEXT = "_pii_text_"
_BLOCK = 64  # bytes, of SHA-256
_IV_HEX = 24  # digits: 12 bytes, as GCM wants them
_SHOWN = 4  # characters that a mask leaves
_TEXTS = "map<string,string>"


def treatments(contract: Contract) -> dict[str, str]:
    """Column -> treatment, of a contract's columns and derived columns; only those with one.

    A derived column that takes the place of a column with personal data keeps its treatment unless it has its own.
    """
    own = {column.name: column.pii for column in contract.columns if column.pii}
    return own | {derived.name: derived.pii for derived in contract.processing.derive if derived.pii}


def key_treatments(contract: Contract, contracts: Mapping[str, Contract]) -> list[dict[str, tuple[str, str]]]:
    """For each enrichment, the key columns whose counterparts in the reference are personal data, treated there.

    Args:
        contract: the dataset's.
        contracts: all of them, by dataset.

    Returns:
        This dataset's key column -> treatment, and the Spark SQL type that the reference's values had before it.
    """

    def of(dataset: str, keys: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        if dataset not in contracts:
            return {}
        treated = treatments(contracts[dataset])
        kinds = {column.name: column.spark_type for column in contracts[dataset].columns}
        # A derived column may have taken the name; the contract doesn't tell its type.
        return {own: (treated[other], kinds.get(other, "string")) for own, other in keys.items() if other in treated}

    return [of(enrichment.dataset, enrichment.keys) for enrichment in contract.processing.enrich]


def needs_keys(wanted: Iterable[str]) -> bool:
    """Whether one of the treatments needs the secret."""
    return not KEYED.isdisjoint(wanted)


def derived_keys(secret: str) -> dict[str, bytes]:
    """The keys of a secret: what :data:`KEY_COLUMNS` hold. A key for each purpose, so that none tells of another.

    Args:
        secret: random text.
    """
    inner_hash, outer_hash = _pads(_derived(secret, "hash"))
    inner_iv, outer_iv = _pads(_derived(secret, "iv"))
    keys = (inner_hash, outer_hash, _derived(secret, "token"), inner_iv, outer_iv)
    return dict(zip(KEY_COLUMNS, keys, strict=True))


def keys_frame(spark: SparkSession, secret: str) -> DataFrame:
    """One row with the keys of a secret. Spark shows such a frame as a scan of existing rows, without its values.

    Args:
        spark: the session.
        secret: random text.
    """
    schema = StructType([StructField(name, BinaryType(), nullable=False) for name in KEY_COLUMNS])
    return spark.createDataFrame([tuple(map(bytearray, derived_keys(secret).values()))], schema)


def treat(frame: DataFrame, columns: Mapping[str, str], keys: DataFrame | None, dataset: str) -> DataFrame:
    """Treat the columns that hold personal data, and take what was rescued of them out of ``_rescued_data``.

    Args:
        frame: the rows, which may lack some of the columns.
        columns: column -> hash, mask, tokenise or drop (see :func:`treatments`).
        keys: of :func:`keys_frame`; None will do where nothing is hashed or tokenised.
        dataset: named in errors.

    Returns:
        The same rows and columns in the same order, without dropped columns; treated ones are text.

    Raises:
        ExpressionError: this Spark can't tokenise.
        SecretError: there are no keys, and they are needed.
    """
    if not columns:
        return frame
    wanted = {name: how for name, how in columns.items() if name in frame.columns and how != DROP}
    made = add_treated(frame, {_TEXT + name: (F.col(f"`{name}`"), how) for name, how in wanted.items()}, keys, dataset)
    kept = [name for name in frame.columns if columns.get(name) != DROP]
    return made.select(*(_result(name, wanted, columns) for name in kept))


def _result(name: str, wanted: Mapping[str, str], columns: Mapping[str, str]) -> SparkColumn:
    if name in wanted:
        return F.col(f"`{_TEXT}{name}`").alias(name)
    return without_entries(columns).alias(name) if name == RESCUED else F.col(f"`{name}`")


def add_treated(
    frame: DataFrame, wanted: Mapping[str, tuple[SparkColumn, str]], keys: DataFrame | None, dataset: str
) -> DataFrame:
    """Add columns that hold treated values, for instance to join with a table whose key column is treated.

    Args:
        frame: the rows.
        wanted: name of the new column -> the value and its treatment (not drop). Values of different types are equal
            when their texts are: cast the value where the other side has another type.
        keys: of :func:`keys_frame`; None will do where nothing is hashed or tokenised.
        dataset: named in errors.

    Raises:
        ExpressionError: this Spark can't tokenise.
        SecretError: there are no keys, and they are needed.
    """
    hows = [how for _, how in wanted.values()]
    check_supported(hows, dataset)
    present = [F.col(f"`{name}`") for name in frame.columns]
    kinds = frame.select(*(value.alias(name) for name, (value, _) in wanted.items())).schema
    texts = frame.select(
        *present, *(_text(value, kinds[name].dataType).alias(name) for name, (value, _) in wanted.items())
    )
    if needs_keys(hows):
        texts = texts.crossJoin(F.broadcast(_required(keys, dataset)))
    return texts.select(*present, *(F.expr(_sql(f"`{name}`", how)).alias(name) for name, (_, how) in wanted.items()))


def without_entries(columns: Iterable[str]) -> SparkColumn:
    """``_rescued_data`` (JSON of column -> text) without the entries of some columns; null when none is left."""
    names = sorted(columns)
    kept = F.map_filter(F.from_json(RESCUED, _TEXTS), lambda name, _: ~name.isin(names))
    return F.when(F.size(kept) > 0, F.to_json(kept))


def check_supported(wanted: Iterable[str], dataset: str) -> None:
    """Refuse what this Spark can't do.

    Raises:
        ExpressionError: a column is to be tokenised on Spark 3.3, whose ``aes_encrypt`` takes no IV.
    """
    if TOKENISE in wanted and SPARK_VERSION < (3, 5):
        raise ExpressionError(
            f"{dataset}: pii: tokenise needs Spark 3.5, and this is {'.'.join(map(str, SPARK_VERSION))}; set "
            "glue_version to 5.0 or later, or choose pii: hash, which can be joined as well, and not be undone"
        )


def resolved(frame: DataFrame, column: str, keys: DataFrame) -> DataFrame:
    """Replace the tokens of a column by the texts that they stand for; for those who may see them (Spark 3.5).

    Args:
        frame: the rows.
        column: holds tokens.
        keys: of :func:`keys_frame`, with the secret that made the tokens. Any other makes Spark fail.
    """
    text = F.expr(f"cast(aes_decrypt(unbase64(`{column}`), {_TOKEN}, 'GCM') as string)")
    present = [(text.alias(name) if name == column else F.col(f"`{name}`")) for name in frame.columns]
    return frame.crossJoin(F.broadcast(keys.select(_TOKEN))).select(*present)


def missing_secret(dataset: str) -> str:
    """What is said of a run that has no secret and needs one."""
    return (
        f"{dataset}: a column is to be hashed or tokenised (pii), and this run has no secret for it; give the job the "
        "argument --pii_secret with the ARN of the secret (Terraform does: pii_secret_arn of modules/security)"
    )


def _required(keys: DataFrame | None, dataset: str) -> DataFrame:
    if keys is None:
        raise SecretError(missing_secret(dataset))
    return keys


def _text(value: SparkColumn, kind: DataType) -> SparkColumn:
    is_complex = isinstance(kind, (ArrayType, MapType, StructType))
    return F.to_json(value) if is_complex else value.cast("string")


def _sql(text: str, how: str) -> str:
    """SQL of the treated value of a text."""
    if how == MASK:
        hidden = f"repeat('x', length({text}) - {_SHOWN})"
        short = f"repeat('x', length({text}))"
        return f"if(length({text}) < {2 * _SHOWN}, {short}, concat({hidden}, right({text}, {_SHOWN})))"
    if how == HASH:
        return _hmac_sql(text, _HASH_INNER, _HASH_OUTER)
    if how == TOKENISE:
        iv = f"unhex(left({_hmac_sql(text, _IV_INNER, _IV_OUTER)}, {_IV_HEX}))"
        encrypted = f"aes_encrypt(cast({text} as binary), {_TOKEN}, 'GCM', 'DEFAULT', {iv})"
        # Some versions of Spark break base64 into lines.
        return f"translate(base64({encrypted}), '\\r\\n', '')"
    raise ValueError(f"{how!r} is no treatment of a value; it must be hash, mask or tokenise")


def _hmac_sql(text: str, inner: str, outer: str) -> str:
    """RFC 2104 with SHA-256, which Spark has, unlike HMAC: hash(outer pad, hash(inner pad, text))."""
    return f"sha2(concat({outer}, unhex(sha2(concat({inner}, cast({text} as binary)), 256))), 256)"


def _derived(secret: str, purpose: str) -> bytes:
    label = f"glue-etl-pipeline/pii/v1/{purpose}"
    return hmac.new(secret.encode(), label.encode(), hashlib.sha256).digest()


def _pads(key: bytes) -> tuple[bytes, bytes]:
    padded = key.ljust(_BLOCK, b"\0")
    return bytes(byte ^ 0x36 for byte in padded), bytes(byte ^ 0x5C for byte in padded)
