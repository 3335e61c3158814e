"""Documentation is true: diagrams parse, links and paths lead somewhere, scripts that it names exist.

What its commands do is the matter of test_docs_commands.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from xml.etree import ElementTree

import pytest
from tests.mermaid_parser import MERMAID_SHA256, MERMAID_VERSION, faults_of, mermaid_digest
from tests.pages import REPOSITORY, Found, Page, all_pages, github_slug, tracked_files

PAGES = all_pages()
DIAGRAMS = [block for page in PAGES for block in page.blocks if block.kind == "mermaid"]
SCRIPT = re.compile(r"(?<![\w/.])(?:\./)?((?:terraform/)?scripts/[\w./-]+\.(?:sh|py))\b")
SVG = "{http://www.w3.org/2000/svg}"
EXTERNAL = re.compile(r"[a-z][a-z0-9+.-]*:")
# What a code span may be to count as a path; <name> and * in it stand for anything.
PATH = re.compile(r"(?:[\w.<>*-]+/)+[\w.<>*-]*|[\w-]+\.(?:py|sh|tf|toml)")
# What a reader makes by following a page.
MADE_BY_READERS = {"src/config/datasets/orders.yml", "src/config/connectors/shop_visits.yml"}
CELL_BORDER = re.compile(r"(?<!\\)\|")
LINE_OF_FAULT = re.compile(r"on line (\d+)")
every_page = pytest.mark.parametrize("page", PAGES, ids=str)


def test_the_parser_of_diagrams_is_the_one_that_mermaid_publishes() -> None:
    assert mermaid_digest() == MERMAID_SHA256, (
        f"no longer mermaid {MERMAID_VERSION}: compare it with npm's, and note it"
    )


def diagram_faults() -> list[str]:
    """What mermaid says of the diagrams of all pages, with page and line."""
    faults = faults_of([block.text for block in DIAGRAMS])
    return [located(block, fault) for block, fault in zip(DIAGRAMS, faults, strict=True) if fault]


def located(block: Found, fault: str) -> str:
    """A fault of a diagram where an editor finds it; mermaid counts from the diagram's first line."""
    said = LINE_OF_FAULT.search(fault)
    last = block.line + block.text.count("\n") - 1
    line = min(block.line + int(said[1]) - 1, last) if said else block.line
    return f"{Found(block.page, line, fault)}"


def test_every_diagram_parses() -> None:
    assert len(DIAGRAMS) >= 10
    assert diagram_faults() == []


def test_a_diagram_that_does_not_parse_is_reported_with_its_page_and_line() -> None:
    text = "flowchart LR\n  a --> b\n  b -- c, or --d --> e\n"
    [fault] = faults_of([text])
    assert located(Found(REPOSITORY / "README.md", 10, text), fault).startswith("README.md:12: ")


@every_page
def test_every_link_of_a_page_leads_to_a_file_and_a_heading_that_exist(page: Page) -> None:
    assert list(broken_links(page)) == []


def broken_links(page: Page) -> Iterator[str]:
    """Links to files that are not there, or to no heading of a page."""
    for link in page.links:
        if EXTERNAL.match(link.text):
            continue
        name, _, anchor = link.text.partition("#")
        target = (page.path.parent / name).resolve() if name else page.path
        if not target.exists():
            yield f"{link}: no such file"
        elif anchor and target.suffix == ".md" and anchor not in Page(target).anchors:
            yield f"{link}: {Page(target)} has no such heading"


@every_page
def test_every_row_of_a_table_has_as_many_cells_as_its_header(page: Page) -> None:
    # GitHub leaves cells out that are too many, and says nothing.
    ragged = [row for header, *rows in page.tables for row in rows if cells(row) != cells(header)]
    assert [str(row) for row in ragged] == []


def cells(row: Found) -> int:
    """How many cells a row of a table has; the pipes at its ends may be left out."""
    return len(CELL_BORDER.findall(row.text.strip().removeprefix("|").removesuffix("|")))


def test_anchors_are_made_as_github_makes_them() -> None:
    headings = ["Two commands", "`--env`, and more!", "Größe & Zahl", "a_b — c", "1. First"]
    assert [github_slug(heading) for heading in headings] == [
        "two-commands",
        "--env-and-more",
        "größe--zahl",
        "a_b--c",
        "1-first",
    ]


@every_page
def test_every_script_that_a_page_names_exists(page: Page) -> None:
    # A package of its own within the repository has scripts of its own.
    missing = [name for name in SCRIPT.findall(page.path.read_text()) if not (page.package / name).exists()]
    assert missing == []


@cache
def repository_paths() -> set[str]:
    """All files of the repository and their folders, as paths from its root."""
    files = [file.relative_to(REPOSITORY) for file in tracked_files()]
    return {str(path) for file in files for path in (file, *file.parents)}


@every_page
def test_every_path_of_the_repository_that_a_page_names_exists(page: Page) -> None:
    named = [span for span in page.spans if PATH.fullmatch(span.text) and span.text not in MADE_BY_READERS]
    assert [str(span) for span in named if not leads_somewhere(page, span.text)] == []


def leads_somewhere(page: Page, text: str) -> bool:
    """Whether what looks like a path of the repository is one; what begins like none of its folders is no matter.

    Paths are taken from the repository, the page's package, its folder, and the folders that Python and Terraform
    start from. A lone name of a file may be anywhere.
    """
    if "/" not in text:
        return any(path.rpartition("/")[2] == text for path in repository_paths())
    bases = (REPOSITORY, page.package, page.path.parent, REPOSITORY / "src", REPOSITORY / "terraform")
    names = {str((base / text.removeprefix("./")).relative_to(REPOSITORY)) for base in bases}
    first = {str((base / text.split("/")[0]).relative_to(REPOSITORY)) for base in bases}
    return not first & repository_paths() or any(exists(name) for name in names)


def exists(name: str) -> bool:
    """Whether a path is there, or one that its <name> and * may stand for."""
    parts = re.split(r"<[^>]*>|\*", name)
    if len(parts) == 1:
        return name in repository_paths()
    pattern = re.compile("[^/]*".join(re.escape(part) for part in parts))
    return any(pattern.fullmatch(path) for path in repository_paths())


def test_the_index_of_decisions_lists_each_of_them_once_and_in_order() -> None:
    folder = REPOSITORY / "docs" / "adr"
    decisions = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert [link.text for link in Page(folder / "README.md").links] == decisions
    assert [int(name[:4]) for name in decisions] == list(range(1, len(decisions) + 1))


def test_shell_scripts_can_be_run_and_stay_under_a_hundred_lines() -> None:
    folders = ("scripts", "terraform/scripts", "ci-cd-glue-health-check-solution/scripts")
    scripts = [*(path for folder in folders for path in (REPOSITORY / folder).glob("*.sh")), REPOSITORY / ".ci" / "run"]
    assert len(scripts) >= 10
    for script in scripts:
        assert script.stat().st_mode & 0o111, f"{script} has no run bit"
        assert len(script.read_text().splitlines()) < 100, f"{script} is too long"


def test_the_flow_s_picture_shows_the_diagram_of_the_readme() -> None:
    drawing = ElementTree.parse(REPOSITORY / "docs" / "images" / "flow.svg")  # noqa: S314 - our own file
    diagram = next(block.text for block in Page(REPOSITORY / "README.md").blocks if block.kind == "mermaid")
    assert drawing.findtext(f"{SVG}desc") == diagram, "draw it again: .venv/bin/python scripts/draw_flow.py"
    drawn = {" ".join(line for row in text for line in row.itertext()) for text in drawing.iter(f"{SVG}text")} - {""}
    named = diagram.replace("<br/>", " ")
    assert len(drawn) >= 15
    assert [label for label in drawn if " ".join(label.split()) not in named] == []
