"""An estimate for people and for programs: a table on the terminal, Markdown, HTML, JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment as Templates
from jinja2 import FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from rich.table import Table

from cost.charts import bars, money
from cost.estimate import Estimate
from cost.lines import Line
from etl.page import page_style

TEMPLATES = Path(__file__).with_name("templates")
# Unit prices below this are shown for a million units.
_TINY = 0.0005


def table(done: Estimate) -> Table:
    """All lines, with each service's sum and share."""
    shown = Table(
        "Service", "What", "Quantity", "Unit price", "Monthly", "Share", title=heading(done), title_justify="left"
    )
    for name in ("Quantity", "Unit price", "Monthly", "Share"):
        next(column for column in shown.columns if column.header == name).justify = "right"
    for service, usd in done.by_service().items():
        lines = [line for line in done.lines if line.service == service]
        shown.add_row(f"[bold]{service}", "", "", "", f"[bold]{money(usd)}", f"[bold]{share(usd, done.usd)}")
        for line in sorted(lines, key=lambda each: -each.usd):
            shown.add_row("", line.what, quantity(line), unit_price(line), money(line.usd), "")
    shown.add_section()
    shown.add_row("[bold]Total", "", "", "", f"[bold]{money(done.usd)}", "")
    return shown


def heading(done: Estimate) -> str:
    """Which estimate it is, in a line."""
    case = done.case
    runs = case.assume["runs_per_day"]
    return f"{case.environment.name}, {case.work.gb_per_day:g} GB a day, {runs:g} runs a day, {case.prices.region}"


def as_json(done: Estimate) -> dict[str, Any]:
    """Everything, for programs."""
    case = done.case
    return {
        "environment": case.environment.name,
        "region": case.prices.region,
        "gb_per_day": case.work.gb_per_day,
        "currency": "USD",
        "monthly_usd": done.usd,
        "by_service": done.by_service(),
        "lines": [_line_json(line) for line in done.lines],
        "assumptions": {name: vars(entry) for name, entry in case.assume.entries.items()},
        "unconfirmed_prices": done.unconfirmed(),
        "notes": done.notes(),
    }


def as_markdown(done: Estimate) -> str:
    """A page in Markdown; its chart is a table of bars, since Markdown can't hold an SVG."""
    return render("estimate.md.j2", done=done)


def as_html(done: Estimate) -> str:
    """One HTML page with its chart, in the style of the quality report."""
    return render("estimate.html.j2", done=done, style=page_style(), chart=Markup(service_chart(done)))  # noqa: S704 - our own SVG, escaped there # nosec B704


def service_chart(done: Estimate) -> str:
    """The services that cost anything worth a bar, as SVG; the others are one bar together."""
    sums = done.by_service()
    large = {name: usd for name, usd in sums.items() if usd >= 0.005 * done.usd}
    rest = sum(usd for name, usd in sums.items() if name not in large)
    return bars(f"{heading(done)}: {money(done.usd)} a month", large | ({"all others": rest} if rest else {}))


def quantity(line: Line) -> str:
    """``1,234 GB-month``, ``1 secret-month``, ``14,600 requests``."""
    whole = line.quantity >= 100 or line.quantity == int(line.quantity)
    number = f"{line.quantity:,.0f}" if whole else f"{line.quantity:,.3g}"
    unit = line.price.unit
    return f"{number} {unit}{'s' if line.quantity != 1 and unit[-1].islower() and '-' not in unit else ''}"


def unit_price(line: Line) -> str:
    """``0.44``; tiny ones for a million units; an asterisk for those that are not confirmed."""
    amount = line.price.amount
    text = f"{amount * 1e6:,.6g} a million" if 0 < amount < _TINY else f"{amount:.6g}"
    return text + ("" if line.price.confirmed else " *")


def share(usd: float, of: float) -> str:
    """Percent; nothing of nothing is 0 %."""
    return f"{100 * usd / of:.1f} %" if of else "0.0 %"


def render(template: str, **values: Any) -> str:
    """A template of this package, filled.

    Args:
        template: its file.
        values: what it names.
    """
    return _templates().get_template(template).render(**values)


@cache
def _templates() -> Templates:
    templates = Templates(  # Markdown is escaped where it needs to be: by md
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters.update(
        money=money, quantity=quantity, unit_price=unit_price, md=cells, signed=signed, dearest=dearest
    )
    templates.globals.update(share=share, heading=heading)
    return templates


def cells(text: str) -> str:
    """Text for a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def signed(usd: float) -> str:
    """-12.3 as 12.30 USD with a true minus sign before it; 0 is ±0."""
    if abs(usd) < 0.005:
        return "±0"
    return ("+" if usd > 0 else "−") + money(abs(usd))  # noqa: RUF001


def dearest(lines: Iterable[Line], count: int = 5) -> Sequence[Line]:
    """The lines that cost most."""
    return sorted(lines, key=lambda line: -line.usd)[:count]


def _line_json(line: Line) -> dict[str, Any]:
    return {
        "service": line.service,
        "what": line.what,
        "quantity": line.quantity,
        "how": line.how,
        "price": vars(line.price),
        "monthly_usd": line.usd,
    }
