"""Expressions of a condition -> Python values, and whether a number meets a condition."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any

from etl.dqdl.errors import RuleError
from etl.dqdl.model import Arithmetic, Call, Condition, Expression, Negative, Number, Quantity, Text

Numeric = Decimal | float | int

SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
# AWS's documentation is silent; storage is counted in powers of 1024 here.
BYTES = {"B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?: ([AP])M)?")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?")
REDUCERS: dict[str, Callable[[Sequence[float]], Any]] = {
    "avg": statistics.fmean,
    "mean": statistics.fmean,
    "median": statistics.median,
    "max": max,
    "min": min,
    "sum": math.fsum,
    "std": statistics.pstdev,
}
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
}


def number(expression: Expression, past: Sequence[float] = ()) -> Numeric:
    """The number an expression stands for.

    Args:
        expression: numbers, arithmetic, and functions over ``last(k)``.
        past: earlier values of the metric, oldest first.

    Raises:
        RuleError: it is not a number.
    """
    if isinstance(expression, Number):
        return expression.value
    if isinstance(expression, Text):
        return _parsed(expression)
    if isinstance(expression, Negative):
        return -number(expression.operand, past)
    if isinstance(expression, Arithmetic):
        return _arithmetic(expression, past)
    if isinstance(expression, Call):
        return _called(expression, past)
    raise RuleError(f"{expression} is not a number")


def _parsed(text: Text) -> Decimal:
    """AWS's documentation writes numbers in quotes too, as in Completeness "colA" = "1.0"."""
    try:
        value = Decimal(text.value)
    except ArithmeticError:
        raise RuleError(f"{text} is not a number") from None
    if not value.is_finite():
        raise RuleError(f"{text} is not a finite number")
    return value


def _arithmetic(expression: Arithmetic, past: Sequence[float]) -> Numeric:
    left, right = number(expression.left, past), number(expression.right, past)
    if not (isinstance(left, Decimal) and isinstance(right, Decimal)):
        left, right = float(left), float(right)
    try:
        result: Numeric = ARITHMETIC[expression.operator](left, right)
    except ArithmeticError:
        raise RuleError(f"{expression} divides by zero") from None
    return result


def _called(call: Call, past: Sequence[float]) -> Numeric:
    if call.name == "abs":
        value = number(call.arguments[0], past)
        return value if value >= 0 else -value
    if call.name == "last":
        values = _last(call, past)
        if call.arguments and number(call.arguments[0]) != 1:
            raise RuleError(f"{call} is a list; reduce it, for example with avg({call})")
        return values[0]
    if call.name == "now":
        raise RuleError("now() is a time, not a number")
    values = _last(call.arguments[0], past)
    if call.name == "index":
        return _at(call, values, past)
    if call.name == "percentile":
        return _percentile(values, float(number(call.arguments[1], past)))
    reduced: float = REDUCERS[call.name](values)
    return reduced


def _last(expression: Expression, past: Sequence[float]) -> list[float]:
    """The values of ``last(k)``, newest first; [0.0] when there is no history, as AWS documents."""
    if not (isinstance(expression, Call) and expression.name == "last"):
        raise RuleError(f"{expression} stands where last(k) is needed")
    count = number(expression.arguments[0]) if expression.arguments else 1
    if count != int(count) or count < 1:
        raise RuleError(f"{expression}: the number of earlier runs is a whole number from 1")
    return [float(value) for value in reversed(past[-int(count) :])] or [0.0]


def _at(call: Call, values: list[float], past: Sequence[float]) -> float:
    position = number(call.arguments[1], past)
    if position != int(position) or not 0 <= position < len(values):
        raise RuleError(f"{call}: there are {len(values)} earlier values, counted from 0")
    return values[int(position)]


def _percentile(values: list[float], percent: float) -> float:
    """Linear between neighbours; percent is 0-100."""
    if not 0 <= percent <= 100:
        raise RuleError(f"percentile takes 0 to 100, not {percent:g}")
    ordered = sorted(values)
    place = percent / 100 * (len(ordered) - 1)
    low = math.floor(place)
    high = math.ceil(place)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def seconds(expression: Expression) -> float:
    """The length of a time such as ``24 hours``, in seconds."""
    if isinstance(expression, Quantity) and expression.unit.rstrip("s") in SECONDS:
        return float(expression.value) * SECONDS[expression.unit.rstrip("s")]
    raise RuleError(f"{expression} is not a time such as 24 hours or 2 days")


def moment(expression: Expression, now: datetime) -> datetime | None:
    """The time of ``now()`` or ``(now() - 3 days)``; None for anything else."""
    if isinstance(expression, Call) and expression.name == "now":
        return now
    if isinstance(expression, Arithmetic) and expression.operator in "+-":
        start = moment(expression.left, now)
        if start is not None:
            step = timedelta(seconds=seconds(expression.right))
            return start + step if expression.operator == "+" else start - step
    return None


def clock(text: str) -> time | None:
    """The time of day of ``9:30 AM`` or ``21:45``; None for any other text."""
    found = CLOCK.fullmatch(text)
    if not found:
        return None
    hour, minute, half = int(found[1]), int(found[2]), found[3]
    if minute > 59 or hour > 23 or (half and not 1 <= hour <= 12):
        return None
    return time(hour % 12 + (12 if half == "P" else 0), minute) if half else time(hour, minute)


def instant(expression: Expression, now: datetime, zone: tzinfo = timezone.utc) -> datetime:
    """The moment of ``now()``, ``(now() - 3 days)``, a date (its midnight), a date with time, or a time of today.

    Args:
        expression: an operand of a condition.
        now: the time of ``now()``, with a zone.
        zone: where dates and times of day are meant.

    Raises:
        RuleError: it is no moment.
    """
    found = moment(expression, now)
    if found is not None:
        return found
    text = expression.value if isinstance(expression, Text) else ""
    of_today = clock(text)
    if of_today:
        return datetime.combine(now.astimezone(zone).date(), of_today, zone)
    try:
        if DATE.fullmatch(text) or TIMESTAMP.fullmatch(text):
            return datetime.fromisoformat(text[:19]).replace(tzinfo=zone)
    except ValueError as error:
        raise RuleError(f"{expression} is not a date: {error}") from None
    raise RuleError(f'{expression} is not a moment such as (now() - 24 hours), "2024-01-31" or "9:30 AM"')


def size(expression: Expression) -> Numeric:
    """A size such as ``2 MB`` in bytes; a number without a unit is bytes."""
    if isinstance(expression, Quantity) and expression.unit in BYTES:
        return expression.value * BYTES[expression.unit]
    if isinstance(expression, Number):
        return expression.value
    raise RuleError(f"{expression} is not a size such as 2 MB or 1 GB")


def holds(condition: Condition, value: Numeric, past: Sequence[float] = ()) -> bool:
    """Whether a number meets a condition. ``between`` leaves its bounds out, as in AWS. NaN meets none.

    Raises:
        RuleError: the condition is not about numbers.
    """
    if condition.operator.endswith("matches"):
        raise RuleError(f"'{condition.operator}' is about texts; this rule gives a number")
    operands = [number(operand, past) for operand in condition.operands]
    if isinstance(value, float):
        operands = [float(operand) for operand in operands]
        if math.isnan(value):
            return False
    elif any(isinstance(operand, float) for operand in operands):
        value, operands = float(value), [float(operand) for operand in operands]
    return compare(condition.operator, value, operands)


def compare(operator: str, value: Any, operands: Sequence[Any]) -> bool:
    """Whether a value meets an operator of DQDL, with operands of the same kind: numbers, sizes or moments."""
    first, last = operands[0] if operands else 0, operands[-1] if operands else 0
    tests: dict[str, Callable[[], bool]] = {
        "=": lambda: value == first,
        "!=": lambda: value != first,
        ">": lambda: value > first,
        ">=": lambda: value >= first,
        "<": lambda: value < first,
        "<=": lambda: value <= first,
        "between": lambda: first < value < last,
        "not between": lambda: value <= first or value >= last,
        "in": lambda: value in operands,
        "not in": lambda: value not in operands,
    }
    if operator not in tests:
        raise RuleError(f"'{operator}' cannot be used here")
    return tests[operator]()


def spelled(condition: Condition, past: Sequence[float] = ()) -> str:
    """The condition for people; what ``last()`` came to is written out."""
    if not condition.dynamic:
        return str(condition)
    resolved = [f"{float(number(operand, past)):g}" for operand in condition.operands]
    return f"{condition}, which is {' and '.join(resolved)} now"
