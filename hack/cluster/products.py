"""The images of the product, built from the repository's own files."""

from pathlib import Path

from hack.cluster.building import build, python_base
from hack.cluster.images import Image

ROOT = Path(__file__).parents[2]
REPOSITORY = "localhost/fedtrain"
_CHART = (ROOT / "helm" / "fedtrain" / "Chart.yaml").read_text().splitlines()
VERSION = next(line.split()[1] for line in _CHART if line.startswith("appVersion:"))
"""The tag that the chart installs."""


PRODUCTS = ("operator", "trainer")


def reference(name: str) -> str:
    return f"{REPOSITORY}/{name}:{VERSION}"


def containerfile(name: str) -> Path:
    return ROOT / f"Dockerfile.{name}"


def product(name: str) -> Image:
    """Built here, without an engine."""
    return build(reference(name), containerfile(name), ROOT, {"BASE": python_base()})


def retagged(reference: str, tag: str) -> str:
    return f"{reference.rpartition(':')[0]}:{tag}"
