"""docs/troubleshooting.md speaks of reasons that the operator gives, and of all that block a training or a task."""

import re
from pathlib import Path

import pytest

from fedtrain.contracts.wire import task
from fedtrain.manifests import admission, policy_check

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
SOURCES = "".join(
    file.read_text(encoding="utf-8")
    for part in ("operator", "fedtrain/manifests", "fedtrain/contracts/wire")
    for file in (ROOT / part).rglob("*.py")
)
GIVEN = re.compile(r'(?:Problem|Refusal|TaskRefused|_told)\(\s*"([A-Z][A-Za-z]+)"')


@pytest.mark.parametrize("module", [admission, policy_check, task], ids=["admission", "policy", "task"])
def test_every_reason_is_explained(module: object) -> None:
    file = getattr(module, "__file__", None)
    assert file is not None
    reasons = set(GIVEN.findall(Path(file).read_text(encoding="utf-8")))
    assert reasons
    assert {reason for reason in reasons if f"`{reason}`" not in PAGE} == set()


def test_every_reason_on_the_page_exists() -> None:
    explained = set(re.findall(r"^\| `([A-Z][A-Za-z]+)`", PAGE, re.MULTILINE))
    assert explained
    assert {reason for reason in explained if f'"{reason}"' not in SOURCES} == set()
