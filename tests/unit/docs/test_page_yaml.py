"""Blocks of YAML in the pages parse, and use fields that exist: of fedtrain's kinds, the charts or a pod. Those with
blocks of a spec are valid in a file."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from ruamel.yaml import YAML

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.participant_policy import ParticipantPolicySpec, PolicyPrivacy
from fedtrain.api.privacy import Privacy
from fedtrain.api.reading import read_file
from fedtrain.api.shapes import fields_of

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md"] + [
    page for place in ("docs/*.md", "examples/*/README.md", "helm/*/README.md") for page in sorted(ROOT.glob(place))
]
BLOCK = re.compile(r"^ *```yaml\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
QUICKSTART = ROOT / "examples" / "quickstart"
METRICS = [{"name": "accuracy", "type": "Choices"}, {"name": "loss", "type": "Loss"}]
KUBERNETES = {"claimName", "configMap", "hostPath", "persistentVolumeClaim", "pool"}
"""Volumes of pods, and a node's label."""
TEMPLATE = "{{"
"""In the training operator's init container, which is not YAML before it is rendered."""
POLICY_ONLY = set(fields_of(PolicyPrivacy)) - set(fields_of(Privacy))


def documents(text: str) -> Iterator[Any]:
    return YAML(typ="safe").load_all(text)


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys(item)


def _blocks_of_specs() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the page and the content of each block of YAML that has blocks of a training's spec and nothing else."""
    fields = set(fields_of(FederatedTrainingSpec))
    for page in PAGES:
        for text in map(dedent, BLOCK.findall(page.read_text("utf-8"))):
            for document in documents(text) if TEMPLATE not in text else ():
                if isinstance(document, dict) and set(document) <= fields:
                    yield page.name, document


BLOCKS_OF_SPECS = list(_blocks_of_specs())


@pytest.fixture(scope="module")
def known() -> set[str]:
    files = [*(ROOT / "crds").glob("*.yaml"), *(ROOT / "helm").glob("*/values.yaml")]
    return {str(key) for file in files for document in documents(file.read_text("utf-8")) for key in keys(document)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_fields_exist(page: Path, known: set[str]) -> None:
    blocks = [dedent(text) for text in BLOCK.findall(page.read_text("utf-8"))]
    used = {key for text in blocks if TEMPLATE not in text for document in documents(text) for key in keys(document)}
    assert used - known - KUBERNETES == set()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the base model and the files that the pages name."""
    made = tmp_path_factory.mktemp("pages")
    (made / "base").symlink_to(QUICKSTART / "base")
    for file in ("a.jsonl", "b.jsonl", "test.jsonl"):
        shutil.copy(QUICKSTART / "data" / "test.jsonl", made / file)
    return made


@pytest.mark.parametrize(
    "block", BLOCKS_OF_SPECS, ids=[f"{page}: {', '.join(block)}" for page, block in BLOCKS_OF_SPECS]
)
def test_blocks_of_a_spec_are_valid_in_a_file(block: tuple[str, dict[str, Any]], folder: Path) -> None:
    _, content = block
    if set(content.get("privacy", {})) & POLICY_ONLY:
        ParticipantPolicySpec.model_validate({"datasets": [{"name": "d", "uri": "a.jsonl"}], **content})
        return
    spec = {
        "model": {"base": "./base"},
        "data": {"dataset": "d", "format": "PromptCompletion"},
        "participants": [{"name": "a"}, {"name": "b"}],
        "rounds": {"count": 4},
        "training": {"length": {"type": "Steps", "steps": 1}},
        "evaluation": {"hub": {"data": {"uri": "test.jsonl"}, "metrics": METRICS}},
    }
    for name, fields in content.items():
        spec[name] = {**spec.get(name, {}), **fields}
    file = folder / "federation.yaml"
    with file.open("w") as text:
        YAML().dump_all([_document("FederatedTraining", spec), *(_policy(who) for who in ("a", "b"))], text)
    assert read_file(file).training.spec


def _policy(who: str) -> dict[str, Any]:
    return _document("ParticipantPolicy", {"datasets": [{"name": "d", "uri": f"{who}.jsonl"}]}, who)


def _document(kind: str, spec: dict[str, Any], name: str = "page") -> dict[str, Any]:
    return {"apiVersion": "fedtrain.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def test_the_settings_of_each_unit_of_privacy_are_among_them() -> None:
    units = [block["privacy"]["unit"] for _, block in BLOCKS_OF_SPECS if "unit" in block.get("privacy", {})]
    assert {"Participant", "Example"} <= set(units)
