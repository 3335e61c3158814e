"""Property: what was printed is read as the same again, for the whole language."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from etl.dqdl import parse_ruleset
from etl.dqdl.catalog import METRICS, RULE_TYPES, RuleType
from etl.dqdl.model import quote

Texts = st.SearchStrategy[str]


def joined(separator: str, items: Texts, fewest: int, most: int) -> Texts:
    return st.lists(items, min_size=fewest, max_size=most).map(separator.join)


def maybe(strategy: Texts) -> Texts:
    return st.just("") | strategy


# Odd strings: quotes, regular expressions, comments, words of the language, any letter, new lines.
odd = st.sampled_from(
    [r"\d{2}\\.", r"a\"b", "# no comment", "// nor this", "and", "] or (", 'say \\"hi\\"', "$x", "ünï\tcode\n", ""]
)
strings = odd.map(lambda text: f'"{text}"') | st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\\\x00"), max_size=15
).map(quote)
words = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(
    lambda word: (
        word not in RULE_TYPES and word.lower() not in ("and", "or", "of", "in", "not", "with", "where", "like")
    )
)
bare = words.filter(
    lambda word: word.lower() not in ("between", "matches", "labels", "is", "rlike", "equals", "contains")
)
columns = strings | bare | bare.map(lambda word: f"of {word}")
numbers = st.decimals(-(10**6), 10**6, allow_nan=False, places=3).map(str) | st.sampled_from(
    ["2e3", ".5", "1E-7", "007"]
)
counts = st.integers(1, 30)

past = st.builds(
    "{}(last({}))".format, st.sampled_from(["avg", "min", "max", "sum", "std", "median", "mean"]), counts
) | st.sampled_from(["last()", "last(1)", "percentile(last(9), 90)", "index(last(3), 1)", "abs(-3)"])
amounts = st.recursive(
    numbers | past,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner)
        | st.builds("{}{}{}".format, inner, st.sampled_from(["-", " * "]), past)
        | st.builds("-({})".format, inner)
    ),
    max_leaves=4,
)
moments = st.builds(
    "(now() {} {} {})".format, st.sampled_from("+-"), counts, st.sampled_from(["days", "hours", "minutes", "day"])
) | st.sampled_from(["now()", '"2024-01-31"', '"2024-01-31 10:00"', '"9:30 AM"', '"21:45"'])
durations = st.builds("{} {}".format, counts, st.sampled_from(["days", "hours", "minute"]))
sizes = st.builds("{} {}".format, counts, st.sampled_from(["B", "KB", "MB", "GB", "TB"])) | counts.map(str)
keywords = st.sampled_from(["NULL", "EMPTY", "whitespaces_only"])


def compared(operands: Texts) -> Texts:
    listed = joined(", ", operands, 0, 4)
    return (
        st.builds("{} {}".format, st.sampled_from(["=", "!=", ">", ">=", "<", "<="]), operands)
        | st.builds("{} {} and {}".format, st.sampled_from(["between", "not between"]), operands, operands)
        | st.builds("{} [{}]".format, st.sampled_from(["in", "not in"]), listed)
    )


matched = st.builds("{} {}".format, st.sampled_from(["matches", "not matches"]), strings)
conditions = st.one_of(
    compared(amounts),
    compared(numbers | strings | keywords),
    compared(moments),
    compared(durations),
    compared(sizes),
    matched,
)
shares = st.builds("{} {}".format, st.sampled_from(["=", ">", ">=", "<"]), amounts) | st.builds(
    "between {} and {}".format, amounts, amounts
)
switches = st.sampled_from(['"true"', '"False"', "true"])
ORDERS = (
    "with recentFiles = 3",
    r'with uriRegex = "\.csv$"',
    'with uriRegex = "(?!.*tmp).*" with recentFiles = "1" with filterOrder = ["uriRegex", "recentFiles"]',
)
OPTIONS: dict[str, Texts] = {
    "threshold": shares.map("with threshold {}".format),
    "format": strings.filter(lambda text: text != '""').map("with format = {}".format),
    "ignoreCase": switches.map("with ignoreCase = {}".format),
    "recentFiles": st.sampled_from(ORDERS),  # with the other filters
    "failFast": switches.map("with failFast = {}".format),
    "timeZone": st.sampled_from(['with timeZone = "UTC"', 'with timeZone = "Asia/Shanghai"']),
    "hashAlgorithm": st.sampled_from(["MD5", "SHA-1", "SHA-256"]).map('with hashAlgorithm = "{}"'.format),
    "matchFileName": switches.map("with matchFileName = {}".format),
}
wheres = strings.map("where {}".format)
labels = st.dictionaries(
    strings.filter(lambda text: text != '""'), strings | st.just("null"), min_size=1, max_size=3
).map(lambda pairs: "labels=[" + ", ".join(f"{key}={value}" for key, value in pairs.items()) + "]")


def rule_of(name: str, kind: RuleType) -> Texts:
    """A rule of the type, with everything that it takes."""
    fewest, most = kind.parameters
    parameters = joined(" ", columns, fewest, min(most, 3))
    condition = {"required": conditions, "none": st.just(""), "optional": maybe(conditions)}[kind.condition]
    options = joined(" ", st.one_of([OPTIONS[option] for option in kind.options if option in OPTIONS]), 0, 1)
    parts = [st.just(name), parameters, condition, maybe(wheres) if kind.where else st.just("")]
    if name == "FileMatch":
        listed = joined(", ", strings, 0, 3).map("in [{}]".format)
        forms = st.builds("{} {}".format, maybe(strings), listed) | st.builds("{} {}".format, strings, strings)
        parts = [st.just(name), forms]
    if name == "DetectAnomalies":
        parts = [st.just(name), st.sampled_from(METRICS).flatmap(watched)]
    if kind.options:
        parts.append(options)
    return st.tuples(*parts).map(lambda texts: " ".join(filter(None, texts)))


def watched(metric: str) -> Texts:
    fewest, most = RULE_TYPES[metric].parameters
    return joined(" ", columns, fewest, min(most, 2)).map(lambda taken: f'"{metric}" {taken}')


leaves = st.one_of([rule_of(name, kind) for name, kind in RULE_TYPES.items() if kind.use != "analyzer"])
composites = st.recursive(
    leaves.map("({})".format),
    lambda inner: st.builds(
        lambda op, parts: "(" + f" {op} ".join(parts) + ")",
        st.sampled_from(["and", "or", "AND", "OR"]),
        st.lists(inner, min_size=2, max_size=3),
    ),
    max_leaves=5,
)
rules = st.builds("{} {}".format, leaves | composites, maybe(labels))
analyzers = st.one_of(
    [
        joined(" ", columns, kind.parameters[0], kind.parameters[0]).map(f"{name} {{}}".format)
        for name, kind in RULE_TYPES.items()
        if kind.use != "rule"
    ]
    + [columns.map("Distribution {} with bins = 7, rebin = false".format)]
)
comments = st.sampled_from(["", '# a comment, with ] and "\n', "// another\n", "\n\t"])
pairs = st.builds("{}: {}".format, strings, strings | joined(", ", strings, 0, 3).map("[{}]".format))
documents = st.builds(
    (
        "{comment}{metadata}{sources}{constants}{defaults}"
        "Rules = [{comment}{rules}{comment}]\nAnalyzers = [{analyzers}]"
    ).format,
    comment=comments,
    metadata=maybe(pairs.map("Metadata = {{ {} }}\n".format)),
    sources=maybe(pairs.map("DataSources = {{ {} }}\n".format)),
    constants=maybe(st.builds("text_1 = {}\nlist_1 = [{}]\n".format, strings, joined(", ", numbers | strings, 0, 3))),
    defaults=maybe(labels.map(lambda text: "DefaultLabels" + text.removeprefix("labels") + "\n")),
    rules=joined(", ", rules, 1, 4),
    analyzers=joined(", ", analyzers, 0, 3),
)


@settings(max_examples=150, deadline=None)
@given(documents)
def test_printing_and_parsing_again_gives_the_same(text: str) -> None:
    first = parse_ruleset(text)
    again = parse_ruleset(str(first))
    assert again == first
    assert str(again) == str(first)


@settings(max_examples=50, deadline=None)
@given(strings, st.lists(numbers | strings, max_size=3))
def test_constants_stand_for_what_they_hold(text: str, items: list[str]) -> None:
    listed = f"[{', '.join(items)}]"
    written = parse_ruleset(f'Rules = [ CustomSql {text} = 1, ColumnValues "a" in {listed} where {text} ]')
    named = parse_ruleset(
        f'sql = {text}\nvalues = {listed}\nRules = [ CustomSql $sql = 1, ColumnValues "a" in $values where $sql ]'
    )
    assert named == written
