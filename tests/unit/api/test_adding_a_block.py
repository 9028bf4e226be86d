"""A block that a user adds: the model in one new file, its rules in another, and the two registrations that
docs/architecture.md names. The commands then run on that copy of the code."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from fedtrain.api.crd.document import file_name
from fedtrain.api.crd.editor_schema import FILE_NAME
from fedtrain.api.crd.kinds import KINDS

PACKAGE = Path(__file__).parents[3] / "fedtrain"
MODEL = '''"""`spec.toy`: a toy."""

from fedtrain.api.base import Block, Count, Text


class Toy(Block):
    """A block that only this test has."""

    size: Count
    """Size of the toy."""
    color: Text = "red"
    """Color of the toy."""
'''
RULES = '''"""Rules on `spec.toy`."""

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.rule import Cel, Violations, broken, rule


@rule(
    FederatedTrainingSpec,
    "toy.size",
    message="toy.size is {size}, but a run has {rounds} rounds.",
    fix="Set it to {rounds} or less.",
    cel=Cel(
        valid="!has(self.toy) || self.toy.size <= self.rounds.count",
        values={"size": "self.toy.size", "rounds": "self.rounds.count"},
    ),
)
def a_toy_is_as_small_as_the_run(spec: FederatedTrainingSpec, context: Context) -> Violations:
    """`toy.size` is at most the number of rounds."""
    if spec.toy is not None and spec.toy.size > spec.rounds.count:
        yield broken(size=spec.toy.size, rounds=spec.rounds.count)
'''
REGISTRATIONS = {
    "federated_training.py": {
        "from fedtrain.api.training import Training\n": "from fedtrain.api.toy import Toy\n",
        '    """How each participant trains."""\n': '    toy: Toy | None = None\n    """A toy."""\n',
    },
    "rules/__init__.py": {"    storage,\n": "    toy,\n"},
}
"""By file: a line, and what a developer adds below it; in `__init__.py` to the import and to `_MODULES`."""
FEDERATION = """apiVersion: fedtrain.dev/v1alpha1
kind: FederatedTraining
metadata: {{name: toys}}
spec:
  model: {{base: "s3://models/base"}}
  data: {{dataset: tickets, format: Text}}
  participants: [{{name: anna}}, {{name: ben}}]
  rounds: {{count: 2}}
  training: {{length: {{type: Steps, steps: 3}}}}
  toy: {toy}
"""
VALIDATE = """
import sys
from pathlib import Path
from fedtrain.api.reading import Invalid, read_file
for text in sys.argv[1:]:
    Path("federation.yaml").write_text(text)
    try:
        print(read_file(Path("federation.yaml"), policies_elsewhere=True).training.spec.toy.color)
    except Invalid as error:
        print(*(str(one).partition(".yaml:")[2] for one in error.errors))
"""


def run(copy: Path, *arguments: str) -> list[str]:
    made = subprocess.run([sys.executable, *arguments], cwd=copy, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return made.stdout.splitlines()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the changed code and what `make generated` writes from it."""
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(PACKAGE, copy / "fedtrain", ignore=shutil.ignore_patterns("__pycache__"))
    api = copy / "fedtrain/api"
    (api / "toy.py").write_text(MODEL)
    (api / "rules/toy.py").write_text(RULES)
    for file, additions in REGISTRATIONS.items():
        text = (api / file).read_text()
        for line, below in additions.items():
            assert line in text, (file, line)
            text = text.replace(line, line + below)
        (api / file).write_text(text)
    (copy / "helm/fedtrain-participant/files/crds").mkdir(parents=True)
    run(copy, "-m", "fedtrain.api.crd")
    run(copy, "-m", "fedtrain.api.reference")
    return copy


def test_validate_reads_the_block_and_applies_its_rule(copy: Path) -> None:
    toys = "{size: 2}", "{size: 3}", "{color: blue}", "{size: 1, colour: blue}"
    assert run(copy, "-c", VALIDATE, *(FEDERATION.format(toy=toy) for toy in toys)) == [
        "red",
        "10:15: spec.toy.size: toy.size is 3, but a run has 2 rounds. Set it to 2 or less.",
        "10:3: spec.toy.size: size is required. Add it, for example `size: 1`.",
        "10:18: spec.toy.colour: colour is not a field of spec.toy. Did you mean `color`?",
    ]


def test_the_crd_has_the_block_and_its_rule_and_fixes_the_block_when_the_run_has_begun(copy: Path) -> None:
    (kind,) = (kind for kind in KINDS if kind.name == "FederatedTraining")
    crd = YAML(typ="safe").load(copy / "crds" / file_name(kind))
    root = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    spec = root["properties"]["spec"]
    assert spec["properties"]["toy"] == {
        "description": "A toy.",
        "type": "object",
        "required": ["size"],
        "properties": {
            "size": {"description": "Size of the toy.", "type": "integer", "format": "int64", "minimum": 1},
            "color": {
                "description": "Color of the toy.",
                "type": "string",
                "minLength": 1,
                "maxLength": 1024,
                "default": "red",
            },
        },
    }
    (rule,) = (one for one in spec["x-kubernetes-validations"] if "self.toy" in one["rule"])
    assert rule["rule"] == "!has(self.toy) || self.toy.size <= self.rounds.count"
    assert rule["fieldPath"] == ".toy.size"
    (immutable,) = (one for one in root["x-kubernetes-validations"] if "immutable once" in one["messageExpression"])
    assert "(!has(self.spec.toy) || self.spec.toy == oldSelf.spec.toy)" in immutable["rule"]


def test_editors_and_the_reference_show_the_block(copy: Path) -> None:
    editor = json.loads((copy / "schemas" / FILE_NAME).read_text())
    (training,) = (one for one in editor["allOf"] if one["if"]["properties"]["kind"]["const"] == "FederatedTraining")
    toy = training["then"]["properties"]["spec"]["properties"]["toy"]
    assert set(toy["properties"]) == {"size", "color"}
    assert toy["additionalProperties"] is False
    reference = (copy / "docs/reference.md").read_text()
    assert "### `spec.toy`\n\nA block that only this test has.\n" in reference
    assert "| `color` | text | `red` | Color of the toy. |" in reference
    assert "| `FederatedTrainingSpec.toy.size` | `toy.size` is at most the number of rounds. |" in reference
