"""The guides call things by the names that Terraform gives them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
GUIDES = sorted((REPOSITORY / "docs" / "guides").glob("*.md"))
MODULES = REPOSITORY / "terraform" / "modules"
# Buckets and dashboards have the names of their keys.
KEYS = {"raw", "processed", "curated", "quality", "scripts", "logs", "operations", "data", "cost"}
NAMED = re.compile(r"glue-etl-pipeline-(?:local|dev|staging|prod)-([a-z][a-z-]*[a-z])")
GIVEN = re.compile(r'prefix\}-([a-z][a-z-]*[a-z])"')  # "${local.prefix}-etl-workflow"
FOR_EACH = re.compile(r'"([a-z][a-z-]*[a-z])-\$\{')  # "quality-${dataset}"


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_names_are_those_that_terraform_gives(guide: Path) -> None:
    sources = "\n".join(path.read_text() for path in MODULES.rglob("*.tf"))
    given = KEYS | set(GIVEN.findall(sources))
    beginnings = tuple(f"{beginning}-" for beginning in FOR_EACH.findall(sources))
    named = {name.removesuffix("-dlq") for name in NAMED.findall(guide.read_text())}
    assert [name for name in sorted(named - given) if not name.startswith(beginnings)] == []
