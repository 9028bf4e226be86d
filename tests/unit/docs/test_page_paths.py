"""Files and folders of the repository that the pages name between backticks exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted(
    [*ROOT.glob("docs/**/*.md"), *ROOT.glob("helm/*/README.md")]
)
PARTS = "fedtrain|trainer_image|aggregator|operator|hack|tests|benchmarks|helm|crds|schemas|examples|docs"
PATH = re.compile(rf"`((?:{PARTS})/[A-Za-z0-9_./*-]*)`")
MADE_BY_A_COMMAND = re.compile(r"examples/[a-z]+/(runs|store\.env)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_exist(page: Path) -> None:
    named = {path for path in PATH.findall(page.read_text(encoding="utf-8")) if not MADE_BY_A_COMMAND.match(path)}
    assert {path for path in named if not any(ROOT.glob(path.replace("NAME", "*")))} == set()


def test_the_layout_lists_every_package_of_fedtrain() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    packages = {path.parent.name for path in (ROOT / "fedtrain").glob("*/__init__.py")}
    assert {name for name in packages - {"cli"} if f"`fedtrain/{name}`" not in text} == set()
