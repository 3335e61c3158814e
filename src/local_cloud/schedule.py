"""Schedules of triggers: Glue's ``cron(…)`` expressions, and the thread that waits for them."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from croniter import croniter
from croniter.croniter import CroniterError

from local_cloud.protocol import JsonObject, invalid

_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LOOK_AGAIN_SECONDS = 60.0  # cron's unit: definitions made past the endpoint are seen in time

_LOG = logging.getLogger(__name__)


def next_time(expression: str, after: datetime) -> datetime | None:
    """The first time after a moment at which a schedule fires, or None when it never does again.

    Args:
        expression: ``cron(minutes hours day-of-month month day-of-week year)``, in UTC.
        after: the moment.

    Raises:
        GlueError: it is not such an expression.
    """
    cron, year = _standard_cron(expression)
    try:
        found = croniter(f"{cron} 0 {year}", after, ret_type=datetime, max_years_between_matches=50)
        moment: datetime = found.get_next()
    except CroniterError as error:
        if "failed to find next date" in str(error):
            return None
        raise invalid(f"Schedule {expression!r}: {error}") from error
    return moment


def _standard_cron(expression: str) -> tuple[str, str]:
    """AWS's six fields as the five usual ones and a year."""
    match = re.fullmatch(r"\s*cron\((.+)\)\s*", expression)
    fields = match[1].split() if match else []
    if len(fields) != 6:
        raise invalid(f"Schedule is {expression!r}; it must be cron(minutes hours day-of-month month day-of-week year)")
    minutes, hours, day, month, weekday, year = (field.upper() for field in fields)
    if (day == "?") == (weekday == "?"):
        raise invalid(f"Schedule {expression!r}: exactly one of day-of-month and day-of-week must be ?")
    if "W" in day:
        raise invalid(f"Schedule {expression!r}: W in day-of-month is not served by the local cloud")
    day = "*" if day == "?" else day
    weekday = "*" if weekday == "?" else _standard_weekday(weekday)
    return f"{minutes} {hours} {day} {month} {weekday}", year


def _standard_weekday(field: str) -> str:
    """AWS counts the days of the week from 1 for Sunday, cron from 0."""

    def renamed(found: re.Match[str]) -> str:
        number = int(found[1])
        if not 1 <= number <= 7:
            raise invalid(f"day-of-week {field!r}: days are 1 (SUN) to 7 (SAT)")
        return _DAYS[number - 1]

    if field in ("L", "7L"):
        return "SAT" if field == "L" else "L6"
    last = re.fullmatch(r"([1-7])L", field)
    if last:
        return f"L{int(last[1]) - 1}"
    return re.sub(r"(?<![#/\d])(\d+)", renamed, field)


class Scheduler:
    """Fires scheduled triggers.

    Args:
        triggers: reads all triggers.
        fire: starts what a trigger starts.
        now: the clock; tests give their own.
    """

    def __init__(
        self,
        triggers: Callable[[], list[JsonObject]],
        fire: Callable[[JsonObject], Any],
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._triggers = triggers
        self._fire = fire
        self._now = now
        self._changed = threading.Condition()
        self._stop = False
        self._since = now()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)

    def start(self) -> None:
        """Begin to wait for the triggers' times."""
        self._thread.start()

    def look_again(self) -> None:
        """Tell that a trigger was made, changed, started or stopped, or that the clock moved."""
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        """End the thread."""
        with self._changed:
            self._stop = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def tick(self) -> float:
        """Fire every trigger that came due since the last tick.

        Returns:
            Seconds until the next one is due, at most a minute.
        """
        since, until = self._since, self._now()
        waits = [_LOOK_AGAIN_SECONDS]
        for trigger in self._triggers():
            if trigger.get("Type") != "SCHEDULED" or trigger.get("State") != "ACTIVATED":
                continue
            try:
                due = next_time(trigger["Schedule"], since)
                if due is not None and due <= until:
                    self._fire(trigger)
                    due = next_time(trigger["Schedule"], until)
            except Exception:  # noqa: BLE001 - one bad trigger must not keep the others from firing
                _LOG.exception("the trigger %s did not fire", trigger.get("Name"))
                continue
            if due is not None:
                waits.append((due - until).total_seconds())
        self._since = until
        return max(0.0, min(waits))

    def _run(self) -> None:
        while True:
            try:
                seconds = self.tick()
            except Exception:  # noqa: BLE001 - the emulator may be down for a moment; try again later
                _LOG.exception("triggers could not be read")
                seconds = _LOOK_AGAIN_SECONDS
            with self._changed:
                if self._stop:
                    return
                self._changed.wait(seconds)
                if self._stop:
                    return
