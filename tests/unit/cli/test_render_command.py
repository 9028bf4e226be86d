"""`fedtrain render`: the objects of a round, before anything is made."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from fedtrain.cli.main import main
from fedtrain.cli.manifests import as_yaml
from fedtrain.cli.render import HUB_IMAGE, TRAINER_IMAGE

VALUES = Path(__file__).parents[3] / "helm/fedtrain/values.yaml"
ROWS = ("--rows", "big=100", "--rows", "small=50")
FILE = """\
apiVersion: fedtrain.dev/v1alpha1
kind: FederatedTraining
metadata: {name: tickets, namespace: team}
spec:
  model: {base: /models/base, adapter: {rank: 4}}
  data: {dataset: d, format: Text}
  participants: [{name: big, compute: {nodes: 2}}, {name: small}]
  rounds: {count: 2}
  training: {length: {type: Steps, steps: 5}, batchSize: 8}
  partitioning: {strategy: FixedSize, fixedSize: {samples: 60}, onExhausted: Clip}
  evaluation: {hub: {data: {uri: s3://rows/test.jsonl}}, participants: {}}
  storage: {type: S3, s3: {bucket: fed, credentialsSecretRef: {name: keys}}}
---
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata: {name: big}
spec:
  datasets: [{name: d, uri: /data/big.jsonl}]
  pods: {env: [{name: A, value: "on"}, {name: B, value: "1e3"}, {name: C, value: "12:30"}]}
---
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata: {name: small}
spec: {datasets: [{name: d, uri: /data/small.jsonl}]}
---
apiVersion: fedtrain.dev/v1alpha1
kind: Participant
metadata: {name: big}
spec: {namespace: at-big, allowedNamespaces: [team]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "federation.yaml").write_text(FILE)
    return tmp_path / "federation.yaml"


def render(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["render", *map(str, arguments)])


def objects(*arguments: str | Path) -> list[dict[str, Any]]:
    result = render(*arguments, "-o", "json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)["items"]


def titles(found: list[dict[str, Any]]) -> list[str]:
    return [f"{one['kind']} {one['metadata']['namespace']}/{one['metadata']['name'][:-7]}" for one in found]


def test_a_round_is_everything_that_it_makes_in_order(file: Path) -> None:
    assert titles(objects(file, *ROWS)) == [
        "TrainingTask at-big/tickets-1-train-big-1",
        "PyTorchJob at-big/tickets-1-train-big-1",
        "TrainingTask small/tickets-1-train-small-1",
        "PyTorchJob small/tickets-1-train-small-1",
        "Job team/tickets-1-aggregate-1-1",
        "Job team/tickets-1-evaluate-1-1",
    ]


def test_round_0_needs_no_rows(file: Path) -> None:
    assert [title.rpartition("/")[2] for title in titles(objects(file, "--round", "0"))] == [
        "tickets-0-inspect-big-1",
        "tickets-0-inspect-big-1",
        "tickets-0-inspect-small-1",
        "tickets-0-inspect-small-1",
        "tickets-0-initialise-1",
        "tickets-0-evaluate-0-1",
    ]


def test_the_last_round_ends_with_the_measuring(file: Path) -> None:
    file.write_text(FILE.replace("onExhausted: Clip", "onExhausted: Wrap"))
    found = objects(file, *ROWS, "--round", "2")
    assert titles(found)[-1] == "PyTorchJob small/tickets-3-measure-small-1"
    train = found[0]["spec"]["task"]["work"]
    assert (train["start"], train["samples"], train["progressEnd"]) == (60, 60, 1.0)


def test_a_round_that_would_not_come_to_be_says_why(file: Path) -> None:
    result = render(file, *ROWS, "--round", "2")
    assert result.exit_code == 1
    assert "round 2 would not run: in round 2 the run would fail" in result.stderr
    assert "small" in result.stderr


def test_both_kinds_of_yaml_read_what_json_says(file: Path) -> None:
    expected = objects(file, *ROWS)
    text = render(file, *ROWS).stdout
    assert list(yaml.safe_load_all(text)) == expected, "YAML 1.1"
    assert list(YAML(typ="safe", pure=True).load_all(text)) == expected, "YAML 1.2"


@pytest.mark.parametrize(
    "text", ["on", "No", "~", "", "1e3", "0x1f", "12:30", "2026-11-21", "a: b", "a #b", "- a", "ä\n"]
)
def test_text_stays_text(text: str) -> None:
    assert yaml.safe_load(as_yaml([{text or "key": text}])) == {text or "key": text}


def test_a_namespace_that_the_file_does_not_say_is_noted(file: Path) -> None:
    assert render(file, "--round", "0").stderr == ("note: no Participant names the namespace of small; using small\n")


def test_images_are_the_charts_unless_others_are_named(file: Path) -> None:
    charts = yaml.safe_load(VALUES.read_text())["images"]
    assert [HUB_IMAGE.rpartition(":")[0], TRAINER_IMAGE.rpartition(":")[0]] == [
        charts["operator"]["repository"],
        charts["trainer"]["repository"],
    ]
    found = objects(file, *ROWS, "--trainer-image", "me/trainer:2", "--hub-image", "me/hub:2")
    pods = [one["spec"]["template"]["spec"] for one in found if one["kind"] == "Job"]
    assert [pod["containers"][0]["image"] for pod in pods] == ["me/hub:2", "me/trainer:2"]
    master = found[1]["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]
    assert master["containers"][0]["image"] == "me/trainer:2"


@pytest.mark.parametrize(
    ("here", "instead", "said"),
    [
        ("count: 2", "count: 0", "federation.yaml:8:"),
        ("base: /models/base", "base: ./base", "spec.model.base: ./base is a relative path"),
        ("allowedNamespaces: [team]", "allowedNamespaces: [others]", "does not allow namespace team"),
    ],
)
def test_refusals_have_the_messages_of_validate_and_operator(file: Path, here: str, instead: str, said: str) -> None:
    file.write_text(FILE.replace(here, instead))
    result = render(file, *ROWS)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert said in result.stderr


def test_participants_may_be_in_a_file_of_their_own_among_other_objects(file: Path, tmp_path: Path) -> None:
    expected = objects(file, *ROWS)
    training, *others = FILE.split("---\n")
    file.write_text(training)
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: at-big}\n"
    (tmp_path / "participants.yaml").write_text("---\n".join([namespace, *others]))
    assert objects(file, tmp_path / "participants.yaml", *ROWS) == expected


def test_an_error_in_a_further_file_is_shown_there(file: Path, tmp_path: Path) -> None:
    training, *others = FILE.split("---\n")
    file.write_text(training)
    (tmp_path / "participants.yaml").write_text("---\n".join(others).replace("datasets", "dataset", 1))
    said = render(file, tmp_path / "participants.yaml").stderr
    assert "participants.yaml:5:3: spec.dataset (policy big): " in said
    assert said.endswith(f" in {tmp_path / 'participants.yaml'}.\n")


def test_rounds_and_rows_are_asked_for_by_name(file: Path) -> None:
    assert "has rounds 0 to 2" in render(file, "--round", "3").stderr
    assert "--rows big=1000 --rows small=1000" in render(file).stderr


def test_rendering_needs_none_of_the_operators_libraries(file: Path) -> None:
    program = (
        "import sys; from fedtrain.cli.main import main\n"
        "main(['render', sys.argv[1], '--round', '0'], standalone_mode=False)\n"
        "print([name for name in ('torch', 'kopf', 'aiohttp', 'prometheus_client') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
