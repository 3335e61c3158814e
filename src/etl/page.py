"""What the pages of all reports share: templates that escape every value, the style, and how values are shown.

Nothing here knows what a report tells; the pages need neither scripts nor a network.
"""

from __future__ import annotations

import math
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup


def json_value(value: Any) -> Any:
    """Any value of a row or a result as JSON knows it."""
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [json_value(item) for item in value]
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def page_templates(names: Iterable[str], **filters: Callable[..., Any]) -> Environment:
    """Templates of the package, escaping every value, with the filters ``number``, ``percent``, ``when`` and ``shown``.

    Args:
        names: files of etl/templates: the page's own, and those that it imports.
        filters: further filters by name.
    """
    # By pkgutil, not by path: on Glue the library is imported from a zip.
    environment = Environment(
        loader=DictLoader({name: _text(name) for name in names}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=shown_number, percent=shown_percent, when=shown_time, shown=shown_value, **filters
    )
    return environment


def page_style() -> Markup:
    """The style sheet of every report, for a ``<style>`` element."""
    return Markup(_text("report.css"))  # noqa: S704 - our own file, not data # nosec B704


def _text(name: str) -> str:
    data = pkgutil.get_data("etl", f"templates/{name}")
    if data is None:
        raise FileNotFoundError(f"the template etl/templates/{name} is missing from the package")
    return data.decode("utf-8")


def shown_number(value: Any) -> str:
    """1234567 -> 1,234,567; 0.123456 -> 0.1235; texts stay."""
    if value is None:
        return "–"  # noqa: RUF001
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int) or value.is_integer():
        return f"{int(value):,}" if abs(value) < 1e15 else f"{value:.4g}"
    if abs(value) >= 100:
        return f"{value:,.2f}"
    return f"{value:.4g}"


def shown_percent(share: float) -> str:
    """0.5 -> 50 %; never 100 % or 0 % for what is only near it."""
    if share in (0, 1):
        return f"{share:.0%}"
    return f"{min(max(math.floor(share * 10000) / 100, 0.01), 99.99):g}%"


def shown_time(moment: Any) -> str:
    """An ISO time without its fraction; anything else as it is."""
    text = str(moment or "")
    try:
        parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return text
    zone = " UTC" if parsed.utcoffset() is not None and not parsed.utcoffset() else ""
    return parsed.strftime("%Y-%m-%d %H:%M") + zone


def shown_value(value: Any, most: int = 80) -> str:
    """A value of a row, cut to fit a cell."""
    if value is None:
        return "null"
    text = str(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"
