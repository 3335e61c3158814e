"""What a person wants to see after a run: rows in, rows refused and why, curated tables, scores, where it all is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deployment.workflow import query_state


def show_summary(console: Console, dynamodb: Any, outputs: Mapping[str, Any], lake: Path | None) -> None:
    """Print the state of the pipeline from its ledger.

    Args:
        console: where.
        dynamodb: boto3 DynamoDB resource.
        outputs: the environment's Terraform outputs.
        lake: folder with one folder per bucket, on the laptop.
    """
    state = dynamodb.Table(outputs["table_names"]["job_state"])
    datasets = [item["id"] for item in query_state(state, "dataset")]
    batches = {dataset: query_state(state, f"batch#{dataset}") for dataset in datasets}
    checks = {dataset: query_state(state, f"metrics#{dataset}") for dataset in datasets}
    console.print(_datasets(batches, checks))
    console.print(_refused(batches))
    console.print(_tables(query_state(state, "table")))
    alerts = query_state(state, "outbox")
    if alerts:
        console.print(_alerts(alerts))
    for dataset, found in checks.items():
        if found:
            console.print(f"Report of {dataset}: [bold]{_local(found[-1]['report'], lake)}[/]", soft_wrap=True)
    if any(checks.values()):
        index = f"s3://{outputs['bucket_names']['quality']}/reports/index.html"
        console.print(f"All reports: [bold]{_local(index, lake)}[/]", soft_wrap=True)
    console.print("Layers:")
    for layer in ("raw", "processed", "curated", "quality"):
        uri = f"s3://{outputs['bucket_names'][layer]}/"
        where = f"{uri}   {_local(uri, lake)}" if lake else uri
        console.print(f"  {layer:<10} {where}", highlight=False, soft_wrap=True)


def _table(title: str, *headings: str) -> Table:
    return Table(*headings, title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)


def _datasets(batches: Mapping[str, list[dict[str, Any]]], checks: Mapping[str, list[dict[str, Any]]]) -> Table:
    table = _table("Rows", "dataset")
    for heading in ("batches", "in", "refused", "by rules", "curated", "bad files", "score"):
        table.add_column(heading, justify="right", no_wrap=True)
    for dataset, items in batches.items():
        score = _score(checks[dataset][-1]) if checks[dataset] else "-"
        numbers = [_total(items, name) for name in ("rows_read", "rows_refused", "rows_rejected", "rows_curated")]
        files = _total(items, "files_refused")
        table.add_row(dataset, str(len(items)), *(f"{number:,}" for number in numbers), str(files), score)
    return table


def _score(check: Mapping[str, Any]) -> str:
    colour = "green" if check["passed"] else "red"
    return f"[{colour}]{float(check['score']):.2f}[/]"


def _total(items: Iterable[Mapping[str, Any]], name: str) -> int:
    return sum(int(item.get(name, 0)) for item in items)


def _refused(batches: Mapping[str, list[dict[str, Any]]]) -> Table:
    table = _table("Refused, and kept in quarantine", "dataset", "why")
    table.add_column("count", justify="right", no_wrap=True)
    for dataset, items in batches.items():
        reasons: Counter[str] = Counter()
        for item in items:
            for kind in ("reasons", "reject_reasons"):
                reasons.update({reason: int(count) for reason, count in item.get(kind, {}).items()})
        for reason, count in reasons.most_common():
            table.add_row(dataset, reason, f"{count:,} row(s)")
        for line in (line for item in items for line in item.get("file_reasons", ())):
            table.add_row(dataset, line, "1 file")
    return table


def _tables(items: Iterable[Mapping[str, Any]]) -> Table:
    table = _table("Curated tables", "table")
    table.add_column("rows", justify="right")
    table.add_column("location", overflow="fold")
    for item in items:
        table.add_row(item["id"], f"{int(item['rows']):,}", item["location"])
    return table


def _alerts(items: Iterable[Mapping[str, Any]]) -> Table:
    """What people were told of the data, and what they are going to be told once SNS can be reached."""
    table = _table("Alerts", "subject", "")
    for item in items:
        table.add_row(Text(item["subject"]), "sent" if item["status"] == "SENT" else "[yellow]waits[/]")
    return table


def _local(uri: str, lake: Path | None) -> str:
    return str(lake / uri.removeprefix("s3://")) if lake else uri
