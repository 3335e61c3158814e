"""How times, numbers and places are written in messages."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import quote

SUBJECT_LENGTH = 100  # SNS takes no more


def one_line(text: str, ending: str = "") -> str:
    """A subject as SNS takes it: ASCII, one line; what is too long loses its end, never the `ending`."""
    line, end = (part.encode("ascii", "replace").decode() for part in (" ".join(text.split()), ending))
    room = SUBJECT_LENGTH - len(end)
    return (line if len(line) <= room else line[: room - 3] + "...") + end


def facts(named: dict[str, str]) -> list[str]:
    """Lines of names and values, the values below each other; those without a value are left out."""
    shown = {name: value for name, value in named.items() if value}
    width = max(map(len, shown), default=0) + 2
    return [f"{name + ':':<{width}}{value}" for name, value in shown.items()]


def time_text(time: datetime | None) -> str:
    """A time to the second, UTC."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC" if time else "not known"


def duration(seconds: float | None) -> str:
    """A duration in hours, minutes and seconds."""
    if seconds is None:
        return "not known"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return " ".join([*([f"{hours} h"] if hours else []), f"{minutes} min", f"{rest} s"])


def period(length: timedelta) -> str:
    """A period as people say it: the largest unit that it has two of, or one."""
    seconds = length.total_seconds()
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            number = round(seconds / size)
            return f"{number} {unit}{'s' if number != 1 else ''}"
    return f"{round(seconds)} seconds"


def size(number: float) -> str:
    """Bytes as people read them."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def cost(usd: float | None, dpu_hours: float | None) -> str:
    """An estimated cost; nothing where it is not known."""
    if usd is None or dpu_hours is None:
        return ""
    return f"about {usd:.2f} USD ({dpu_hours:.2f} DPU hours)"


def console(region: str) -> str:
    """Where the AWS console of a region's partition is."""
    if region.startswith("cn-"):
        return "https://console.amazonaws.cn"
    return "https://console.amazonaws-us-gov.com" if region.startswith("us-gov-") else "https://console.aws.amazon.com"


def log_link(region: str, group: str, stream: str) -> str:
    """Where the console shows a log stream: the console escapes names twice, with dollars."""
    group, stream = (quote(quote(name, safe=""), safe="").replace("%", "$") for name in (group, stream))
    return f"{console(region)}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{group}/log-events/{stream}"


def object_link(region: str, uri: str) -> str:
    """Where the console shows an object of S3."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return f"{console(region)}/s3/object/{bucket}?region={region}&prefix={quote(key, safe='/=')}"
