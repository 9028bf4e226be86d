"""Blocks of YAML in the pages parse, and use fields that exist: of fedtrain's kinds, the charts or a pod."""

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "examples").glob("*/README.md"))]
BLOCK = re.compile(r"^ *```yaml\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
KUBERNETES = {"claimName", "configMap", "hostPath", "persistentVolumeClaim", "pool"}
"""Volumes of pods, and a node's label."""
TEMPLATE = "{{"
"""In the training operator's init container, which is not YAML before it is rendered."""


@pytest.fixture(scope="module")
def known() -> set[str]:
    files = [*(ROOT / "crds").glob("*.yaml"), *(ROOT / "helm").glob("*/values.yaml")]
    return {str(key) for file in files for document in documents(file.read_text("utf-8")) for key in keys(document)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_fields_exist(page: Path, known: set[str]) -> None:
    blocks = [dedent(text) for text in BLOCK.findall(page.read_text("utf-8"))]
    used = {key for text in blocks if TEMPLATE not in text for document in documents(text) for key in keys(document)}
    assert used - known - KUBERNETES == set()


def documents(text: str) -> Iterator[Any]:
    return YAML(typ="safe").load_all(text)


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys(item)
