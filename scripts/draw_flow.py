#!/usr/bin/env python3
"""Draws the README's picture of the flow as docs/images/flow.svg, for places that show no mermaid.

    .venv/bin/python scripts/draw_flow.py

Run it whenever the README's diagram has changed; a test compares the two. It needs the tests' packages
(./scripts/venv.sh test): mermaid draws it, in a JavaScript engine from PyPI.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET  # it reads our own drawings only # nosec B405
from pathlib import Path
from typing import Annotated

import mermaidx
import typer
from rich.console import Console

REPOSITORY = Path(__file__).resolve().parents[1]
SVG = "{http://www.w3.org/2000/svg}"
# As wide as DejaVu Sans, by which mermaidx measures.
FONT = "Verdana, DejaVu Sans, Bitstream Vera Sans, sans-serif"
# Labels are SVG's own text: not every viewer shows HTML within SVG.
CONFIG = {"htmlLabels": False, "flowchart": {"htmlLabels": False}, "fontFamily": FONT}
# A light sheet under the drawing, so that it is legible on dark pages, too.
SHEET, MARGIN = "#ffffff", 16.0


def diagram_of(page: Path) -> str:
    """The first mermaid diagram of a page.

    Raises:
        ValueError: the page has none.
    """
    found = re.search(r"^```mermaid\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    if not found:
        raise ValueError(f"{page} has no block that begins with ```mermaid")
    return found[1]


def draw(diagram: str) -> str:
    """A mermaid diagram as SVG on a light sheet, with the diagram's text as its description."""
    ET.register_namespace("", SVG.strip("{}"))
    root = ET.fromstring(mermaidx.render(diagram, theme="neutral", config=CONFIG).svg())  # noqa: S314 - our own text # nosec B314
    left, top, width, height = (float(number) for number in root.attrib["viewBox"].split())
    left, top, width, height = left - MARGIN, top - MARGIN, width + 2 * MARGIN, height + 2 * MARGIN
    root.attrib.update(viewBox=f"{left:g} {top:g} {width:g} {height:g}", width=f"{width:g}", height=f"{height:g}")
    root.attrib.pop("style", None)
    place = {"x": f"{left:g}", "y": f"{top:g}", "width": f"{width:g}", "height": f"{height:g}"}
    root.insert(0, ET.Element(f"{SVG}rect", {**place, "rx": "12", "fill": SHEET, "style": f"fill:{SHEET};stroke:none"}))
    description = ET.Element(f"{SVG}desc")
    description.text = diagram
    root.insert(0, description)
    return ET.tostring(root, encoding="unicode") + "\n"


def main(
    page: Annotated[Path, typer.Option(help="The page that has the diagram.")] = REPOSITORY / "README.md",
    output: Annotated[Path, typer.Option(help="Where the SVG goes.")] = REPOSITORY / "docs" / "images" / "flow.svg",
) -> None:
    """Draw the README's diagram as docs/images/flow.svg."""
    try:
        output.write_text(draw(diagram_of(page)))
    except (OSError, ValueError) as error:
        Console(stderr=True).print(f"draw_flow: {error}", style="red", markup=False)
        raise typer.Exit(1) from error
    Console().print(f"drawn: {output}", markup=False)


if __name__ == "__main__":
    typer.run(main)
