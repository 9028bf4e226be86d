"""What the images install is locked, and is what the tests ran with."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
IMAGES = ("operator", "trainer")


def pins(file: str) -> dict[str, str]:
    """Each package of a lock with all that the lock says of it: versions, for which Pythons and machines, hashes.

    No image runs in a browser, so it may leave a package out there that a package of the tests needs everywhere.
    """
    text = re.sub(r"^\s*#.*\n", "", (ROOT / file).read_text(), flags=re.MULTILINE)
    text = text.replace(" ; sys_platform != 'emscripten' \\\n", " \\\n")
    entries = re.findall(r"^(\S+)==((?:.*\\\n)*.*)", text, flags=re.MULTILINE)
    found: dict[str, str] = {}
    for name, content in entries:
        found[name] = found.get(name, "") + content + "\n"
    return found


def normal(requirement: str) -> str:
    return re.split(r"[\[<>=! ]", requirement)[0].replace(".", "-").replace("_", "-")


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_has_the_versions_and_hashes_of_the_whole_lock(image: str) -> None:
    whole, own = pins("requirements.lock"), pins(f"requirements-{image}.lock")
    assert own.items() <= whole.items()
    assert all("--hash=sha256:" in content for content in own.values())


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_has_all_that_its_extra_asks_for(image: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *requirements(project["optional-dependencies"], image)]
    assert {normal(one) for one in wanted} <= pins(f"requirements-{image}.lock").keys()


def requirements(extras: dict[str, list[str]], extra: str) -> list[str]:
    """The requirements of an extra, and of the extras of this package that it includes."""
    found: list[str] = []
    for one in extras[extra]:
        included = re.fullmatch(r"fedtrain\[(.+)\]", one)
        found += requirements(extras, included[1]) if included else [one]
    return found


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_has_neither_torchx_nor_the_official_kubernetes_client_and_the_current_urllib3(image: str) -> None:
    locked = pins(f"requirements-{image}.lock")
    assert not locked.keys() & {"torchx", "kubernetes"}
    assert not locked["urllib3"].startswith("1.")


@pytest.mark.parametrize("package", ["torch", "opacus", "scipy"])
def test_the_operators_image_has_no_package_of_the_trainer(package: str) -> None:
    assert package not in pins("requirements-operator.lock")
    assert package in pins("requirements-trainer.lock")


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_is_built_by_the_uv_that_resolved_its_lock(image: str) -> None:
    (version,) = re.findall(r"^UV_VERSION := (.+)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert f"uv=={version}" in (ROOT / f"Dockerfile.{image}").read_text()
