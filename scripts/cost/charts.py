"""Charts as SVG that stands alone: no script, no font, no network. They are readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

_INK, _BAR, _TRACK = "#5b6675", "#3355c4", "#8892a0"
_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 760, 190, 96, 26, 40


def bars(title: str, amounts: Mapping[str, float]) -> str:
    """A bar for each amount, US dollars a month.

    Args:
        title: above the bars.
        amounts: by label, in the order in which they are to stand.
    """
    most = max(amounts.values(), default=0.0) or 1.0
    room = _WIDTH - _LEFT - _RIGHT
    rows = []
    for number, (label, usd) in enumerate(amounts.items()):
        y = _TOP + number * _ROW
        long = max(room * usd / most, 1.5 if usd > 0 else 0)
        box = f'x="{_LEFT}" y="{y + 2}" height="14" rx="4"'
        rows += [
            f'<text x="{_LEFT - 10}" y="{y + 13}" text-anchor="end">{escape(label)}</text>',
            f'<rect {box} width="{room}" fill="{_TRACK}" opacity=".18"/>',
            f'<rect {box} width="{long:.1f}" fill="{_BAR}"/>',
            f'<text x="{_WIDTH - _RIGHT + 10}" y="{y + 13}">{money(usd)}</text>',
        ]
    described = "; ".join(f"{label} {money(usd)}" for label, usd in amounts.items())
    height = _TOP + len(amounts) * _ROW + 6
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" width="100%"',
        f'  font-family="system-ui, sans-serif" font-size="13" fill="{_INK}">',
        f"<title>{escape(title)}</title><desc>{escape(described)}</desc>",
        f'<text x="0" y="20" font-size="15" font-weight="600">{escape(title)}</text>',
        *rows,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def money(usd: float) -> str:
    """1234.5 -> 1,235 USD; 12.345 -> 12.35 USD."""
    if abs(usd) >= 100:
        return f"{usd:,.0f} USD"
    return "< 0.01 USD" if 0 < usd < 0.005 else f"{usd:,.2f} USD"
