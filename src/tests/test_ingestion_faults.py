"""Faulty files through the whole ingestion: each costs what is broken in it, and every row is accounted for.

One run takes many files, since a run costs seconds. The oracle is the same everywhere (:func:`fates.fates`): what each
file was made with equals, as multisets, what stands in processed and in quarantine.
"""

from __future__ import annotations

import bz2
import gzip
import json
import re
from collections import Counter
from typing import Any

import pyarrow as pa
import zstandard

from fates import (
    HEADER,
    MISSING,
    PLAIN,
    UNPARSED,
    Fate,
    Row,
    fates,
    noise,
    put,
    rows,
)
from reading import orc_bytes, parquet_bytes
from shop import INGEST, Shop


def overwritten(content: bytes, start: int, length: int) -> bytes:
    return content[:start] + bytes((7 * n + 3) % 256 for n in range(length)) + content[start + length :]


# Whole files -------------------------------------------------------------------------------------------------

TABLE = pa.table({"id": [str(n) for n in range(100)], "note": ["x" * 50] * 100})
BROKEN: dict[str, tuple[bytes, str]] = {
    "empty.csv": (b"", "the file is empty"),
    "blank.csv": (b" \n\r\n", "nothing but white space"),
    "page.csv": (b"<!DOCTYPE html><html>Access denied</html>", "HTML or XML"),
    "other.csv": (b"product,price,colour\np,1,red\nq,2,blue\n", "no column of the header product, price, colour"),
    "cut.csv.gz": (gzip.compress(noise(20).encode())[:-40], "ends too early|Unexpected end|damaged"),
    "cut-late.csv.gz": (gzip.compress(noise(9000).encode())[:-1000], "Unexpected end|ends too early"),
    "flipped.csv.gz": (overwritten(gzip.compress(noise(9000).encode()), 150_000, 200), "can't be read|damaged"),
    "cut.csv.bz2": (bz2.compress(noise(30_000).encode())[:-1000], "can't be read|ends too early|damaged"),
    "cut.csv.zst": (zstandard.compress(noise(9000).encode())[:-1000], "ends too early"),
    "misnamed.csv": (gzip.compress(noise(9000).encode())[:-1000], "ends too early"),
    "cut.parquet": (parquet_bytes(TABLE)[:-20], "without its footer"),
    "lying.parquet": (b"PAR1" + b"\x00" * 40 + b"\x05\x00\x00\x00PAR1", "can't be read"),
    "footer.parquet": (overwritten(parquet_bytes(TABLE), len(parquet_bytes(TABLE)) - 60, 40), "can't be read"),
    "pages.parquet": (overwritten(parquet_bytes(TABLE), 4, 200), "can't be read"),
    "cut.orc": (orc_bytes(TABLE)[:-20], "without its postscript"),
    "damaged.avro": (b"Obj\x01" + bytes(range(200)), "can't be read"),
    "cut.json": (json.dumps([{"id": str(n)} for n in range(9)], indent=1)[:-30].encode(), "line"),
    "cut.xlsx": (b"PK\x03\x04[Content_Types].xml xl/workbook.xml" + b"\x00" * 50, "can't be opened"),
    "archive.zip": (b"PK\x03\x04" + b"\x00" * 26 + b"orders.csv", "a zip archive"),
    "odd ü%41=+.parquet": (b"PAR1" + b"\x00" * 40, "without its footer"),
}


def test_a_file_that_cannot_be_read_is_kept_whole_with_its_reason_and_costs_no_other(shop: Shop, lake: Any) -> None:
    shop.contract(**PLAIN)
    good = {f"good-{number}.csv": f"{HEADER}{number},1.5,x\n" for number in range(4)}
    put(lake, {**{name: content for name, (content, _) in BROKEN.items()}, **good})
    shop.run(INGEST)
    found = fates(shop, lake)
    assert {name: found.pop(name) for name in good} == {
        f"good-{number}.csv": rows((str(number), "1.50", "x")) for number in range(4)
    }
    assert set(found) == set(BROKEN)
    for name, (_, reason) in BROKEN.items():
        assert found[name] == Fate(reason=found[name].reason), name
        assert re.search(reason, found[name].reason), f"{name}: {found[name].reason}"
    [(_, message)] = shop.notifications()
    assert "cut.parquet: a Parquet file without its footer" in message


# Text --------------------------------------------------------------------------------------------------------


def ascii_rows(length: int) -> tuple[str, Counter[Row]]:
    return "i,1,plain\n" * length, Counter({("i", "1.00", "plain"): length})


def test_a_faulty_csv_file_costs_the_rows_that_are_broken_and_no_value_changes(shop: Shop, lake: Any) -> None:
    shop.contract(**PLAIN)
    many, counted = ascii_rows(8_000)
    texts: dict[str, tuple[bytes | str, Fate]] = {
        "ragged.csv": (
            HEADER + "1,5,x\n2,5\n3,5,x,y\n,5,z\n4,5,\n",
            rows(
                ("1", "5.00", "x"),
                ("4", "5.00", None),
                refused=[(UNPARSED, "2,5"), (UNPARSED, "3,5,x,y"), (MISSING, '{"amount":"5","note":"z"}')],
            ),
        ),
        "breaks.csv": (
            HEADER + '1,5,"a\nb"\n2,5,"say ""c"", d"\n3,5,"\n"\n',
            rows(("1", "5.00", "a\nb"), ("2", "5.00", 'say "c", d'), ("3", "5.00", "\n")),
        ),
        "late-break.csv": (HEADER + many + '1,5,"a\nb"\n', Fate(counted + Counter([("1", "5.00", "a\nb")]))),
        "open-quote.csv": (
            HEADER + '1,5,x\n2,"5,y\n3,5,z\n',
            rows(("1", "5.00", "x"), ("3", "5.00", "z"), refused=[(UNPARSED, '2,"5,y')]),
        ),
        "mark.csv": ("\ufeff" + HEADER + "1,5,é\n", rows(("1", "5.00", "é"))),
        "utf-16.csv": ((HEADER + "1,5,é日\n").encode("utf-16"), rows(("1", "5.00", "é日"))),
        "latin.csv": ((HEADER + "1,5,café\n").encode("latin-1"), rows(("1", "5.00", "café"))),
        "late-latin.csv": (
            (HEADER + many + "1,5,café\n").encode("latin-1"),
            Fate(counted + Counter([("1", "5.00", "café")])),
        ),
        "nul.csv": (HEADER + "1,5,a\x00b\n2,5,c\n", rows(("1", "5.00", "a\x00b"), ("2", "5.00", "c"))),
        "late-nul.csv": (HEADER + many + "1,5,a\x00b\n", Fate(counted + Counter([("1", "5.00", "a\x00b")]))),
        "no-header.csv": ("1,5.10,x\n2,6.10,y\n", rows(("1", "5.10", "x"), ("2", "6.10", "y"))),
        "header-only.csv": (HEADER, rows()),
        "semicolons.csv": ("id;amount;note\n1;5.5;x,y\n", rows(("1", "5.50", "x,y"))),
        "tabs.txt": ("id\tamount\tnote\n1\t5.5\tx,y\n", rows(("1", "5.50", "x,y"))),
        "returns.csv": ("id,amount,note\r1,5,x\r2,5,y\r", rows(("1", "5.00", "x"), ("2", "5.00", "y"))),
        "dos.csv": ("id,amount,note\r\n1,5,x\r\n", rows(("1", "5.00", "x"))),
        "equal.csv": (HEADER + "1,5,x\n1,5,x\n", rows(("1", "5.00", "x"), ("1", "5.00", "x"))),
        "equal-again.csv": (HEADER + "1,5,x\n", rows(("1", "5.00", "x"))),
    }
    put(lake, {name: content for name, (content, _) in texts.items()})
    shop.run(INGEST)
    assert fates(shop, lake) == {name: fate for name, (_, fate) in texts.items() if fate != Fate()}


def test_json_of_every_shape_is_read_and_a_broken_line_costs_itself(shop: Shop, lake: Any) -> None:
    shop.contract(**PLAIN)
    deep = '{"d":' * 300 + "1" + "}" * 300
    records: list[dict[str, Any]] = [{"id": "1", "amount": 5, "note": "x"}, {"id": "2", "amount": "6.5", "note": None}]
    both = rows(("1", "5.00", "x"), ("2", "6.50", None))
    texts: dict[str, tuple[bytes | str, Fate]] = {
        "lines.json": ("\n".join(map(json.dumps, records)), both),
        "array.json": (json.dumps(records), both),
        "pretty.json": (json.dumps(records, indent=2), both),
        "one.json": (json.dumps(records[0], indent=2), rows(("1", "5.00", "x"))),
        "mark.json": ("\ufeff" + json.dumps(records), both),
        "wide.json": ("\n".join(map(json.dumps, records)).encode("utf-16"), both),
        "lines.csv": ("\n".join(map(json.dumps, records)), both),
        "latin.jsonl": ('{"id": "1", "note": "café"}\n'.encode("latin-1"), rows(("1", None, "café"))),
        "mixed.jsonl": (
            '{"id":1}\n{"id":"x"}\n{"id":{"a":[1,"b"]}}\n{"id":[1,2]}\n{"id":true}\n{"id":1.50}\n{"note":"n"}\n',
            rows(
                *((text, None, None) for text in ("1", "x", '{"a":[1,"b"]}', "[1,2]", "true", "1.5")),
                refused=[(MISSING, '{"note":"n"}')],
            ),
        ),
        "digits.jsonl": (
            '{"id":12345678901234567890123,"amount":0.10,"note":1e400}\n',
            rows(("12345678901234567890123", "0.10", "1e400")),
        ),
        "deep.jsonl": (f'{{"id":"1","note":{deep}}}\n', rows(("1", None, deep))),
        "broken.jsonl": (
            '{"id":"1"}\n{"id": "2", \n{"id":"3"}\nnot json\n{"id":"4"}{"id":"5"}\n',
            rows(
                ("1", None, None),
                ("3", None, None),
                refused=[(UNPARSED, line) for line in ('{"id": "2", ', "not json", '{"id":"4"}{"id":"5"}')],
            ),
        ),
        "none.json": ("[]", rows()),
    }
    put(lake, {name: content for name, (content, _) in texts.items()})
    shop.run(INGEST)
    assert fates(shop, lake) == {name: fate for name, (_, fate) in texts.items() if fate != Fate()}


def test_two_thousand_columns_of_a_csv_file_arrive(shop: Shop, lake: Any) -> None:
    names = tuple(f"c{number}" for number in range(2_000))
    cells = tuple(str(number) for number in range(2_000))
    columns = [{"name": name, "type": "string"} for name in names]
    shop.contract(**{**PLAIN, "name": "wide", "source": None, "columns": columns})
    put(lake, {"a.csv": f"{','.join(names)}\n{','.join(cells)}\n"}, "wide")
    shop.run(INGEST)
    # Not compared in the assertion: showing how thousands of values differ would take minutes.
    is_right = fates(shop, lake, names, "wide") == {"a.csv": rows(cells)}
    assert is_right


# Keys --------------------------------------------------------------------------------------------------------

ODD = (
    "a b", "ü日", "u\u0308", "50%", "50%25", "a%20b", "a=b", "country=DE", "a+b", "a&b", "a#b", "a?b", "it's", 'a"b',
    "a\\b", "a,b", "[x]", "{a,b}", "*", "a;b", "~a", "-a", "a@b", "$a", "(a)", " a", "a..b",
)  # fmt: skip


def test_files_under_odd_keys_are_read_each_once_and_told_by_their_own_names(shop: Shop, lake: Any) -> None:
    shop.contract(**PLAIN)
    as_they_lie = {f"{odd}/{odd}.csv": HEADER + f"{number},1,\n,2,\n" for number, odd in enumerate(ODD)}
    rewritten = {f"{odd}.json": json.dumps([{"id": odd}]) for odd in ODD}
    put(lake, {**as_they_lie, **rewritten})
    shop.run(INGEST)
    assert fates(shop, lake) == {
        **{
            name: rows((str(number), "1.00", None), refused=[(MISSING, '{"amount":"2"}')])
            for number, name in enumerate(as_they_lie)
        },
        **{f"{odd}.json": rows((odd, None, None)) for odd in ODD},
    }
    shop.run(INGEST)
    assert len(shop.batches()) == 1


# Among others and in a hurry -----------------------------------------------------------------------------------


def test_one_broken_file_among_a_thousand_good_ones_costs_that_file_only(shop: Shop, lake: Any) -> None:
    shop.contract(**PLAIN)
    good = {f"{number}.csv": f"{HEADER}{number},1,\n" for number in range(1_000)}
    put(lake, {**good, "500-cut.csv.gz": gzip.compress(noise(9000).encode())[:-1000]})
    shop.run(INGEST)
    found = fates(shop, lake)
    assert "ends too early" in (reason := found.pop("500-cut.csv.gz").reason) or "Unexpected end" in reason
    assert found == {name: rows((name.removesuffix(".csv"), "1.00", None)) for name in good}
