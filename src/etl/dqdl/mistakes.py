"""What to say about text that is not DQDL: where it stops making sense, what stands there, and what would be right.

The grammar knows which symbols could come next; for the mistakes people make most there is a sentence of its own.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from etl.dqdl.catalog import ALIASES, RULE_TYPES
from etl.dqdl.errors import DqdlSyntaxError

SECTIONS = ("Rules", "Analyzers", "DefaultLabels", "Metadata", "DataSources")
KEYWORDS = ("and", "or", "of", "where", "with", "labels", "between", "in", "not", "matches")
# Symbols of the grammar in words; groups of them that mean one thing come first.
VALUE = {"NUMBER", "STRING", "LPAR", "DOLLAR"}
CONDITION = {"EQUAL", "COMPARISON", "BETWEEN", "IN", "NOT", "MATCHES"}
PARAMETER = {"STRING", "NAME", "DOLLAR"}
GROUPS = (
    (VALUE, {*VALUE, "NAME", "MINUS", "KEYWORD"}, "a value: a number, a quoted string, NULL, now(), $constant, ..."),
    (CONDITION, CONDITION, "a condition: a comparison (=, !=, >, >=, <, <=), between, in, matches"),
    (PARAMETER, {*PARAMETER, "_OF", "_AND"}, "a name, a quoted string or a $constant"),
    ({"PLUS", "MINUS"}, {"PLUS", "MINUS", "STAR", "SLASH"}, "an operator (+, -, *, /)"),
    ({"RULES", "ANALYZERS"}, {name.upper() for name in SECTIONS} | {"NAME"}, "'Rules = [' or another section"),
)
WORDS = {
    "NAME": "a name",
    "STRING": "a quoted string",
    "NUMBER": "a number",
    "COMPARISON": "a comparison (!=, >, >=, <, <=)",
    "KEYWORD": "NULL, EMPTY or WHITESPACES_ONLY",
    "UNIT": "a unit (hours, days, MB, ...)",
    "_AND": "'and'",
    "_OR": "'or'",
    "_OF": "'of'",
    "COMMA": "','",
    "EQUAL": "'='",
    "LSQB": "'['",
    "RSQB": "']'",
    "LPAR": "'('",
    "RPAR": "')'",
    "LBRACE": "'{'",
    "RBRACE": "'}'",
    "COLON": "':'",
    "DOLLAR": "'$'",
    "METADATA": "'Metadata'",
    "DATASOURCES": "'DataSources'",
    "DEFAULTLABELS": "'DefaultLabels'",
    "RULES": "'Rules'",
    "ANALYZERS": "'Analyzers'",
    "$END": "the end",
}
# What stands at the fault -> what was found, and what would be right. The first that fits speaks.
AT_THE_FAULT = (
    (r"'", "a single quote", 'double quotes: "text"'),
    (r"[\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019]", "a typographic quote", 'straight double quotes: "text"'),
    (r"`", "a backtick", 'double quotes: "text"'),
    (r"==", "'=='", "'='"),
    (r"<>", "'<>'", "'!='"),
    (r"=>", "'=>'", "'>='"),
    (r"=<", "'=<'", "'<='"),
    (r"!(?!=)", "'!'", "'!=' or 'not'"),
    (r"&&?", "'&'", "'and' between parts in parentheses: (...) and (...)"),
    (r"\|\|?", "'|'", "'or' between parts in parentheses: (...) or (...)"),
    (r"%", "'%'", "a share from 0 to 1, such as 0.95 for 95 %"),
    (r";", "';'", "',' between rules"),
    (r"--", "'--'", "'#' before a comment"),
    (r"/\*", "'/*'", "'#' before a comment, on each of its lines"),
    (r"/", "'/'", 'a regular expression in double quotes: matches "[a-z]*"'),
    (r"(?i:like)\b", "'like'", 'matches "regular expression"'),
    (r"(?i:is\s+not\s+null)\b", "'is not null'", "'!= NULL'"),
    (r"(?i:is\s+null)\b", "'is null'", "'= NULL'"),
    (r"\{", "'{'", "'['"),
)


def syntax_error(error: UnexpectedInput, text: str) -> DqdlSyntaxError:
    """The error to raise instead of the parser's own.

    Args:
        error: what the parser found.
        text: the ruleset.
    """
    position, found, symbols = _fault(error, text)
    symbols -= {"COMMENT"}
    fault = _Fault(position, text[:position].rstrip(), text[position:], symbols)
    hint = (
        _section_hint(text, position)
        or _open_string_hint(text, position)
        or _case_hint(text, position)
        or _between_rules(fault)
        or _order_in_a_rule(fault)
        or _value_hint(fault)
        or _symbol_hint(text, position)
    )
    if hint:
        position, found, expected = hint
        return DqdlSyntaxError(*_place(text, position), found, [expected], text)
    return DqdlSyntaxError(*_place(text, position), found, _readable(symbols), text)


def _fault(error: UnexpectedInput, text: str) -> tuple[int, str, set[str]]:
    """Where the text stops making sense, what stands there, and the symbols that could."""
    if isinstance(error, UnexpectedToken) and error.token.type != "$END":
        return error.token.start_pos or 0, repr(str(error.token)), set(error.accepts or error.expected or ())
    if isinstance(error, UnexpectedCharacters):
        position = error.pos_in_stream or 0
        return position, repr(text[position : position + 1]), set(error.allowed or ())
    accepts = getattr(error, "accepts", None) or getattr(error, "expected", None)
    return len(text.rstrip()), "the end of the text", set(accepts or ())


Hint = tuple[int, str, str]


def _section_hint(text: str, position: int) -> Hint | None:
    """A section whose name is miscased or misspelt, or no section at all."""
    for match in re.finditer(r"^\s*(\w+)\s*[=:]\s*[\[{]", text, re.MULTILINE):
        name = match[1]
        close = difflib.get_close_matches(name.capitalize(), SECTIONS, n=1, cutoff=0.8)
        if match.start(1) <= position and name not in SECTIONS and close:
            sensitive = " (DQDL is case sensitive)" if name.lower() == close[0].lower() else ""
            return match.start(1), f"'{name}'", f"'{close[0]}'{sensitive}"
    first = re.search(r"\w+", text)
    if first and first[0] in RULE_TYPES and "=" not in text[: first.start()]:
        return first.start(), f"'{first[0]}'", "'Rules = [' before the first rule"
    word = re.compile(r"\w+").match(text, position)
    if word and word[0] in RULE_TYPES and not re.search(r"=\s*\[", text[:position]):
        return position, f"'{word[0]}'", "'Rules = [' before the first rule"
    colon = re.search(r"\b(Rules|Analyzers)\s*:?\s*$", text[:position])
    if colon and text[position : position + 1] == ":":
        return position, "':'", f"'{colon[1]} = ['"
    return None


def _open_string_hint(text: str, position: int) -> Hint | None:
    """A quote is missing: the first string that runs into the next rule or line is it."""
    types = "|".join(RULE_TYPES)
    for match in re.finditer(r'#[^\n]*|//[^\n]*|"((?:\\.|[^"\\])*)("?)', text, re.DOTALL):
        if match.start() > position or match[1] is None:
            continue
        runs_on = not match[2] or re.search(
            rf"\n\s*\]|[,\[]\s*(?:{types})\s+(?:of\s+)?$|\n\s*\(?(?:{types})\b", match[1]
        )
        if runs_on:
            return match.start(), "a string that is never closed", "a closing '\"'"
    return None


def _case_hint(text: str, position: int) -> Hint | None:
    """A keyword in upper or mixed case, at the fault or just before it, where it was taken for a name."""
    before = re.search(r"(\w+)\s*$", text[:position])
    at = re.compile(r"\w+").match(text, position)
    for word, start in ((before and before[1], before and before.start(1)), (at and at[0], position)):
        if word and start is not None and word != word.lower() and word.lower() in KEYWORDS:
            return start, f"'{word}'", f"'{word.lower()}' (keywords are written in lower case)"
    return None


@dataclass(frozen=True)
class _Fault:
    """The place where the text stops making sense.

    Args:
        position: the place.
        before: the text before it, without spaces at its end.
        rest: the text from it on.
        symbols: what the grammar could go on with.
    """

    position: int
    before: str
    rest: str
    symbols: set[str]

    @property
    def name(self) -> str:
        """The word at the fault, or an empty text."""
        word = re.match(r"\w*", self.rest)
        return word[0] if word else ""

    def follows(self, pattern: str) -> re.Match[str] | None:
        """Whether what stands before the fault ends so."""
        return re.search(rf"(?:{pattern})$", self.before)


def _between_rules(fault: _Fault) -> Hint | None:
    """What people forget, or write too much, between rules and sections."""
    name, place, symbols = fault.name, fault.position, fault.symbols
    if (name in RULE_TYPES or name in ALIASES) and "COMMA" in symbols:
        return place, f"'{name}'", f"',' before {name}"
    if fault.rest[:1] in ("]", "") and fault.before.endswith(",") and "NAME" in symbols:
        return len(fault.before) - 1, "a comma with nothing after it", "no comma after the last one"
    if fault.rest[:1] == "," and "$END" in symbols:
        return place, "','", "no comma between sections"
    if name in SECTIONS and "RSQB" in symbols:
        return place, f"'{name}'", f"']' before {name}"
    if name.lower() in ("and", "or"):
        return place, f"'{name}'", _connector_hint(fault.before, name.lower())
    connector = fault.follows(r"\b(and|AND|or|OR)")
    if connector and symbols == {"LPAR"}:
        return place, f"'{name}'", _connector_hint(fault.before[: connector.start()].rstrip(), connector[1].lower())
    return None


def _order_in_a_rule(fault: _Fault) -> Hint | None:
    """Parts of a rule that stand in the wrong order or place."""
    name, place = fault.name, fault.position
    if name == "where" and fault.follows(r"\bwith\s+\w+[^,\]]*"):
        return place, "'where' after 'with'", "'where \"...\"' before 'with ...'"
    if name in ("where", "with") and fault.follows(r"\blabels\s*=\s*\[[^\]]*\]"):
        return place, f"'{name}' after 'labels'", f"'{name} ...' before 'labels=[...]'"
    if name == "labels":
        return place, "'labels'", "labels after the whole rule; a composite with labels in parentheses as a whole"
    called = fault.follows(r"(\w+)")
    if fault.rest[:1] == "(" and called and called[1] in RULE_TYPES:
        return place, "'('", f'no parentheses around the parameters: {called[1]} "column"'
    return None


def _value_hint(fault: _Fault) -> Hint | None:
    """Values that are none: a list in parentheses, a text without quotes, an unknown unit, SQL's null."""
    name, place, rest = fault.name, fault.position, fault.rest
    if rest[:1] == "(" and fault.follows(r"\bin"):
        return place, "'('", "'[': a list stands in brackets"
    if rest[:1].isdigit() and fault.follows(r"\d,"):
        return len(fault.before) - 1, "','", "numbers such as 0.9 and 1000, with no ',' in them"
    if name and fault.follows(r"\b(where|matches)"):
        return place, f"'{name}'", "a quoted string"
    if "_AND" in fault.symbols and fault.follows(r"\bbetween\s+[^\s,]+"):
        return place, f"'{name or ','}'", "'and' between the two bounds"
    if name[:1].isalpha() and "UNIT" in fault.symbols and fault.before[-1:].isdigit():
        return place, f"'{name}'", "minutes, hours or days, or B, KB, MB, GB or TB"
    if name.lower() == "null" and fault.follows(r"\bnot"):
        return place, "'not null'", "'!= NULL'"
    bare = fault.follows(r"[A-Za-z_][\w.]*")
    if bare and fault.symbols == {"LPAR"}:
        right = {"now": "'now()'", "none": "'NULL'", "nil": "'NULL'"}.get(bare[0].lower())
        return bare.start(), f"'{bare[0]}'", right or f'quotes around a text: "{bare[0]}"'
    return None


def _connector_hint(before: str, word: str) -> str:
    other = "or" if word == "and" else "and"
    if before.endswith(")") and re.search(rf"\)\s*(?i:{other})\s*\(", before):
        return f"parentheses around the parts, for 'and' and 'or' are mixed: ((...) {other} (...)) {word} (...)"
    return f"parentheses around each part: (...) {word} (...)"


def _symbol_hint(text: str, position: int) -> Hint | None:
    for start in (position, position - 1):
        for pattern, found, expected in AT_THE_FAULT:
            match = re.compile(pattern).match(text, start) if start >= 0 else None
            if match and match.end() > position:
                return start, found, expected
    return None


def _readable(symbols: Iterable[str]) -> list[str]:
    left, words = set(symbols), []
    for needed, members, word in GROUPS:
        if needed <= left:
            words.append(word)
            left -= members
    words += sorted(WORDS.get(symbol, f"'{symbol.lower()}'") for symbol in left)
    return words or ["something else"]


def _place(text: str, position: int) -> tuple[int, int]:
    """Line and column, both from 1."""
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
