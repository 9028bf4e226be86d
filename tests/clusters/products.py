"""The images of the product, built from the repository's own files."""

from dataclasses import replace
from pathlib import Path

from tests.clusters.building import build, python_base
from tests.clusters.images import Image

VERSION = "0.1.0"
"""The chart's appVersion, which is the tag that it installs."""
REPOSITORY = "localhost/fedtrain"
ROOT = Path(__file__).parents[2]


def product(name: str) -> Image:
    """`operator` or `trainer`."""
    base = {"BASE": python_base()}
    return build(f"{REPOSITORY}/{name}:{VERSION}", ROOT / f"Dockerfile.{name}", ROOT, base)


def tagged(image: Image, tag: str) -> Image:
    """The same image under another tag."""
    return replace(image, reference=f"{image.reference.rpartition(':')[0]}:{tag}")
