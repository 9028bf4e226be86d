"""`fedtrain validate`, `plan` and `run` judge a training by the policies in its file, by the rules of a cluster. Each
field of a ParticipantPolicy is judged, applied, or named as one without effect."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from fedtrain.api.base import Block
from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.reading import read_file
from fedtrain.api.rules import policy as rules
from fedtrain.api.rules.policy.one_machine import CLUSTER_ONLY
from fedtrain.api.shapes import block_of, fields_of
from fedtrain.baseline.without_noise import check_storage, without_noise
from fedtrain.cli.main import main
from fedtrain.contracts.records import ModelFacts, Run
from fedtrain.preview.dry_run import DryRun
from fedtrain.preview.rounds_preview import preflights_of_data
from fedtrain.rounds.decision import AggregateOrder
from fedtrain.runner.errors import RunError
from fedtrain.runner.run import enter

BASE = Path(__file__).parents[3] / "examples/quickstart/base"
ROWS = 50
FACTS = ModelFacts(base_parameters=0, adapter_parameters=0, hidden_size=0, layers=0, vocabulary=0)
FOUND = {"unit": "Example", "budget": {"epsilon": 8, "delta": 1e-5}, "clipping": {"type": "Fixed", "norm": 1.0}}
SEVERAL = {
    "unit": "Participant",
    "budget": {"epsilon": 50, "delta": 1e-5},
    "clipping": {"type": "Fixed", "norm": 1.0},
    "noise": {"type": "Multiplier", "multiplier": 0.7},
}
LEDGER = {"storage": {"type": "S3", "s3": {"bucket": "runs", "endpoint": "http://127.0.0.1:1"}}}


def compute(**asked: Any) -> dict[str, Any]:
    """A training that asks a for resources. A batch has rows for 8 GPUs."""
    training = {"length": {"type": "Steps", "steps": 1}, "batchSize": 8, "microBatchSize": 1}
    return {"participants": [{"name": "a", "compute": asked}, {"name": "b"}], "training": training}


REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    # field, the policy of a, changes of the training, the message
    ("suspend", {"suspend": True}, {}, "the participant is suspended by its owner"),
    (
        "approval",
        {"approval": "Manual"},
        {},
        "owner has not approved training default/tickets. Ask the owner to add bl",
    ),
    (
        "allow.requesters",
        {"allow": {"requesters": [{"namespace": "b"}]}},
        {},
        "does not allow the training tickets of namespace default",
    ),
    ("allow.baseModels", {"allow": {"baseModels": ["hub/*"]}}, {}, "set `model.base` to one that matches `hub/*`"),
    ("allow.stores", {"allow": {"stores": [{"bucket": "b"}]}}, LEDGER, "the ledger is in bucket runs of http"),
    (
        "limits.nodes",
        {"limits": {"nodes": 1}},
        compute(nodes=2, gpusPerNode=1),
        "asks for 2 nodes; the limit is 1",
    ),
    ("limits.gpus", {"limits": {"gpus": 3}}, compute(gpusPerNode=4), "the training asks for 4 GPUs; the limit is 3"),
    (
        "limits.memory",
        {"limits": {"memory": "1Gi"}},
        compute(memory="2Gi"),
        "the training asks for 2Gi of memory per node; the limit is 1Gi",
    ),
    ("limits.adapterRank", {"limits": {"adapterRank": 4}}, {}, "the adapter has rank 16; the limit is 4"),
    (
        "limits.stepsPerRound",
        {"limits": {"stepsPerRound": 4}},
        {"training": {"length": {"type": "Epochs", "epochs": 1}, "batchSize": 10}},
        "the task trains 5 steps; the limit is 4",
    ),
    (
        "minimums.rowsPerRound",
        {"minimums": {"rowsPerRound": ROWS}},
        {"partitioning": {"strategy": "FixedSize", "fixedSize": {"samples": ROWS - 1}}},
        f"the task trains on {ROWS - 1} distinct rows; the minimum is {ROWS}",
    ),
    (
        "minimums.participantsPerRound",
        {"minimums": {"participantsPerRound": 2}},
        {"rounds": {"count": 2, "minParticipants": 1}},
        "rounds with 1 participant are accepted, but the policy requires 2",
    ),
    ("privacy.unit", {"privacy": {"unit": "Example"}}, {"privacy": SEVERAL}, "this participant requires unit: Example"),
    (
        "privacy.noiseLocation",
        {"privacy": {"noiseLocation": "Client"}},
        {"privacy": SEVERAL},
        "the hub adds the noise, but this participant must",
    ),
    (
        "privacy.minNoiseMultiplier",
        {"privacy": {"minNoiseMultiplier": 0.8}},
        {"privacy": SEVERAL},
        "the training promises a noise multiplier of 0.7; the minimum is 0.8",
    ),
    (
        "privacy.minNoiseMultiplier",
        {"privacy": {"minNoiseMultiplier": 0.8}},
        {"privacy": FOUND},
        "the training promises a noise multiplier of 0.4918; the minimum is 0.8",
    ),
    (
        "privacy.maxEpsilon",
        {"privacy": {"maxEpsilon": 4}},
        {"privacy": SEVERAL},
        "together spend epsilon",
    ),
]


@pytest.mark.parametrize(
    ("field", "policy", "changes", "words"), REFUSED, ids=[f"{one[0]} {one[3][:30]}" for one in REFUSED]
)
def test_validate_plan_and_run_refuse_what_a_policy_refuses(
    field: str, policy: dict[str, Any], changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    file = written(tmp_path, policy, changes)
    for command in ("validate", "plan", "run"):
        done = CliRunner().invoke(main, [command, str(file)])
        said = f"{done.output}{done.exception}"
        assert done.exit_code == 1, said
        assert f"spec.{field} (policy a): " in said
        assert words.lower() in said.lower()
        assert "(policy b)" not in said
    assert words in (of_task(file) or "")


def test_a_base_model_may_be_beside_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "base").symlink_to(BASE)
    (folder := tmp_path / "federation").mkdir()
    file = written(folder, {}, {"model": {"base": "../base"}})
    assert of_task(file) is None
    file = written(folder, {"allow": {"baseModels": ["../b*"]}}, {"model": {"base": "../base"}})
    assert of_task(file) is None


def test_comparisons_without_noise_say_so_and_keep_their_adapters_out_of_buckets(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"privacy": {"maxEpsilon": 8}}
    for policy, changes in ((asked, {}), ({}, {"privacy": SEVERAL})):
        federation = read_file(written(tmp_path, policy, changes))
        assert "have no noise" in (without_noise(federation) or "")
        check_storage(federation)
    assert without_noise(read_file(written(tmp_path, {"privacy": {"delta": 1e-6}}, LEDGER))) is None
    file = written(tmp_path, asked, LEDGER)
    with pytest.raises(RunError, match="everyone who can read the bucket"):
        check_storage(read_file(file))
    done = CliRunner().invoke(main, ["baseline", str(file)])
    assert done.exit_code == 1
    assert done.stderr.startswith("note: these trainings have no noise")
    assert "Use `storage.type: File`" in done.output


def test_minimums_that_the_training_cannot_reach_are_the_owners_to_change(tmp_path: Path) -> None:
    minimums = {"minimums": {"rowsPerRound": ROWS + 1, "participantsPerRound": 3}}
    said = CliRunner().invoke(main, ["validate", str(written(tmp_path, minimums, {}))]).stderr
    too_few = f"The data of a has {ROWS} training rows in all; the minimum is {ROWS + 1}. "
    assert f"{too_few}Add rows, leave a out, or ask" in said
    assert (
        "The policy requires 3 participants in each round, but the training has 2. Add 1 participant and set " in said
    )
    assert "`rounds.minParticipants: 3` (" in said
    assert "), leave a out, or ask the owner of a to change spec.minimums.participantsPerRound." in said


@pytest.mark.parametrize("command", ["validate", "plan", "run"])
def test_refuse_a_maximum_of_epsilon_that_allows_no_step_beside_other_refusals(command: str, tmp_path: Path) -> None:
    noise = {"privacy": {**FOUND, "noise": {"type": "Multiplier", "multiplier": 0.8}}}
    policy = {"privacy": {"maxEpsilon": 0.1}, "allow": {"requesters": [{"namespace": "hub"}]}}
    done = CliRunner().invoke(main, [command, str(written(tmp_path, policy, noise))])
    assert done.exit_code == 1
    said = f"{done.output}{done.exception}"
    assert "1 of 2 participants can take part in a round" in said
    assert "The policy does not allow the training tickets of namespace default. Set `metadata.namespace: hub`" in said


def test_a_policy_that_allows_the_training_refuses_nothing(tmp_path: Path) -> None:
    allowing = {
        "allow": {"requesters": [{"namespace": "def*"}], "baseModels": [str(BASE)], "stores": [{"bucket": "b"}]},
        "limits": {"nodes": 1, "gpus": 0, "memory": "1Gi", "adapterRank": 16, "stepsPerRound": 5},
        "minimums": {"rowsPerRound": ROWS, "participantsPerRound": 2},
    }
    file = written(tmp_path, allowing, {"training": {"length": {"type": "Epochs", "epochs": 1}, "batchSize": 10}})
    for command in ("validate", "plan"):
        done = CliRunner().invoke(main, [command, str(file)])
        assert done.exit_code == 0, done.output
    assert of_task(file) is None


def test_an_approved_training_runs(tmp_path: Path) -> None:
    refused = of_task(written(tmp_path, {"approval": "Manual"}, {})) or ""
    digest = refused.partition("blake3:")[2].partition(" ")[0]
    approved = {"approval": "Manual", "approvedTrainings": [f"blake3:{digest}"]}
    assert of_task(written(tmp_path, approved, {})) is None
    assert of_task(written(tmp_path, approved, {"model": {"base": str(BASE), "adapter": {"rank": 2}}})) is not None


WITHOUT_EFFECT: dict[str, dict[str, Any]] = {
    "allow.images": {"allow": {"images": ["r/t@sha256:" + 64 * "0"]}},
    "limits.taskDuration": {"limits": {"taskDuration": "1s"}},
    "limits.concurrentTasks": {"limits": {"concurrentTasks": 1}},
    "windows": {"windows": [{"start": "03:00", "end": "03:01"}]},
    "logs": {"logs": "All"},
    "spool": {"spool": {"volumeClaim": "spool"}},
    "pods": {"pods": {"env": [{"name": "HF_TOKEN", "value": "x"}]}},
}


def test_validate_names_the_fields_without_effect(tmp_path: Path) -> None:
    assert WITHOUT_EFFECT.keys() == CLUSTER_ONLY.keys()
    whole: dict[str, Any] = {}
    for policy in WITHOUT_EFFECT.values():
        for name, value in policy.items():
            whole[name] = {**whole[name], **value} if name in whole else value
    done = CliRunner().invoke(main, ["validate", str(written(tmp_path, whole, {}))])
    assert done.exit_code == 0, done.output
    page = (BASE.parents[2] / "docs/kubernetes.md").read_text()
    for field, reason in CLUSTER_ONLY.items():
        assert f"| `{field}` | {reason} |" in page
        assert f"warning: spec.{field} (policy a) has no effect with `fedtrain run`: {reason}." in done.stderr


@pytest.mark.parametrize("command", ["validate", "run"])
def test_fields_of_a_training_that_only_a_cluster_uses_are_named(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fedtrain.runner.run.run", stop)
    said = {
        "suspend": "Ctrl-C stops the run, and the same command resumes it",
        "storage.retentionPolicy": "`fedtrain delete` deletes a run",
    }
    settings = {"suspend": True, "storage": {"type": "File", "retentionPolicy": "Delete"}}
    done = CliRunner().invoke(main, [command, str(written(tmp_path, {}, settings))])
    for field, reason in said.items():
        assert f"warning: spec.{field} has no effect with `fedtrain run`: {reason}." in done.stderr
    settings = {"suspend": False, "storage": {"type": "File", "retentionPolicy": "Retain"}}
    assert "no effect" not in CliRunner().invoke(main, [command, str(written(tmp_path, {}, settings))]).stderr


def stop(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


APPLIED = {
    "datasets": "where the rows are",
    "baseModel": "access to the base model",
    "limits.gpuMemory": "the memory that partitioning counts on",
    "privacy.delta": "of `maxEpsilon`",
    "approvedTrainings": "of `approval`",
}
"""Fields that `fedtrain run` uses, and that refuse nothing themselves."""
OF_PODS = {
    "limits.gpuModel": "is only reported",
    "privacy.noiseKeySecretRef": "a run creates the keys",
}
"""Settings of pods and of what the hub sees, which limit nothing."""


def test_every_field_of_a_policy_is_judged_applied_or_named() -> None:
    judged = {one.field for one in rules.ON_ONE_MACHINE}
    assert judged == {case[0] for case in REFUSED}
    known = [judged, CLUSTER_ONLY.keys(), APPLIED.keys(), OF_PODS.keys()]
    for field in fields(ParticipantPolicySpec):
        above = {".".join(field.split(".")[:length]) for length in range(1, field.count(".") + 2)}
        places = [one for one in known if above & set(one)]
        assert places, f"{field}: judge it on one machine, or list it as one without effect"
        assert len(places) == 1 or field.startswith("pods.resources.limits"), field


def fields(block: type[Block], path: str = "") -> Iterator[str]:
    """The paths of all fields. Blocks in lists are values."""
    for name, field in fields_of(block).items():
        here = f"{path}{name}"
        inner = block_of(field.shape) if field.shape.kind == "Map" else None
        if inner is None:
            yield here
        else:
            yield from fields(inner, f"{here}.")


def written(folder: Path, policy: Mapping[str, Any], changes: Mapping[str, Any]) -> Path:
    """A federation of a, with a policy, and b, each with `ROWS` rows."""
    spec = {
        "model": {"base": str(BASE)},
        "data": {"dataset": "d", "format": "Text", "validationFraction": 0},
        "participants": [{"name": "a"}, {"name": "b"}],
        "rounds": {"count": 2, "minParticipants": 2},
        "training": {"length": {"type": "Steps", "steps": 1}, "batchSize": 5},
        "aggregation": {"weights": "Uniform"},
        **changes,
    }
    documents = [_document("FederatedTraining", "tickets", spec)]
    for who, fields in (("a", policy), ("b", {})):
        (folder / f"{who}.jsonl").write_text("".join(f'{{"text": "{who} {row}"}}\n' for row in range(ROWS)))
        datasets = [{"name": "d", "uri": f"{who}.jsonl"}]
        documents.append(_document("ParticipantPolicy", who, {"datasets": datasets, **fields}))
    with (folder / "federation.yaml").open("w") as file:
        YAML().dump_all(documents, file)
    return folder / "federation.yaml"


def _document(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "fedtrain.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def of_task(file: Path) -> str | None:
    """Why `fedtrain run` refuses a task of a in the two rounds; None if it starts all of them."""
    federation = read_file(file)
    metadata, counted = federation.training.metadata, preflights_of_data(federation)
    assert counted is not None
    run = Run(run_id="run-1", namespace=metadata.namespace, name=metadata.name, spec={})
    for start in DryRun(federation.training.spec, run, counted, FACTS).orders(2):
        if isinstance(start.order, AggregateOrder) or start.key.who != "a":
            continue
        if (refused := enter(federation, run, start.key, start.order)) is not None:
            return refused
    return None
