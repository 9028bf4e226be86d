"""Arms get what is fair: the same steps, the same start, the same rows held out."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fedtrain.api.reading import read_file
from fedtrain.api.reading.federation import Federation
from fedtrain.api.storage import S3, Storage
from fedtrain.baseline.arms import ArmRun, alone, arm_name, budgets, personalised, pooled
from fedtrain.baseline.personal import check_personal
from fedtrain.baseline.pooling import pool_rows
from fedtrain.baseline.subjects import subjects_of
from fedtrain.baseline.unchanged import check_same_training
from fedtrain.contracts import names
from fedtrain.contracts.base_fingerprint import BaseFingerprint
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.records import Initial, Manifest, ModelFacts, Run
from fedtrain.contracts.run_end import End
from fedtrain.contracts.untrusted_records import Preflight
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.run_claim import new_run
from fedtrain.partitioning import split_indices
from fedtrain.results.pooled_rows import delete_pooled_rows, pooled_file
from fedtrain.results.summary import summarise
from fedtrain.runner.bindings import bind, ledger_of, storage_of
from fedtrain.runner.errors import RunError
from tests.support.ledger_by_hand import Hand

FILE = """
apiVersion: fedtrain.dev/v1alpha1
kind: FederatedTraining
metadata: {name: quickstart}
spec:
  model: {base: ./base}
  data: {dataset: glosses, format: Text, validationFraction: 0.25}
  participants:
    - {name: museum}
    - {name: zoo, training: {length: {type: Steps, steps: 10}, learningRate: 1e-3}}
  rounds: {count: 3, deadline: 10m, minParticipants: 2}
  training: {length: {type: Steps, steps: 25}, seed: 5}
  partitioning: {strategy: FixedSize, fixedSize: {samples: 8}}
  aggregation: {strategy: FedAdam, merge: FreezeA, fedAdam: {serverLearningRate: 0.1}}
---
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata: {name: museum}
spec: {datasets: [{name: glosses, uri: ./museum.jsonl}]}
---
apiVersion: fedtrain.dev/v1alpha1
kind: ParticipantPolicy
metadata: {name: zoo}
spec: {datasets: [{name: glosses, uri: ./zoo}]}
"""
ROWS = {"museum": [f"museum {i}" for i in range(20)], "zoo": [f"zoo {i}" for i in range(12)]}


@pytest.fixture
def federation(tmp_path: Path) -> Federation:
    (tmp_path / "base").mkdir()
    (tmp_path / "base/config.json").write_text('{"model_type": "llama"}')
    lines = {who: [json.dumps({"text": text}) for text in texts] for who, texts in ROWS.items()}
    (tmp_path / "museum.jsonl").write_text("\n\n".join(lines["museum"]) + "\n")
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo/b.jsonl").write_text("\n".join(lines["zoo"][5:]))
    (tmp_path / "zoo/a.jsonl").write_text("\n".join(lines["zoo"][:5]))
    (tmp_path / "federation.yaml").write_text(FILE)
    return read_file(tmp_path / "federation.yaml")


def preflights(museum: int = 15) -> dict[str, Preflight]:
    counts = {"museum": (museum, 5), "zoo": (9, 3)}
    return {
        who: Preflight(
            run_id="r", participant=who, samples=train, validation_samples=held, fingerprint=digest_bytes(b"")
        )
        for who, (train, held) in counts.items()
    }


def test_an_arm_alone_trains_all_its_steps_in_one_round(federation: Federation) -> None:
    arm = alone(federation, "zoo", 30).federation
    spec = arm.training.spec
    assert arm.training.metadata.name == "quickstart-alone-zoo"
    assert [participant.name for participant in spec.participants] == ["zoo"]
    own = spec.participant("zoo").training.over(spec.training)
    assert (own.length.steps, own.learning_rate, own.seed) == (30, 1e-3, 5)
    assert (spec.rounds.count, spec.minimum, spec.rounds.deadline) == (1, 1, "1800s")
    assert (spec.aggregation.strategy, spec.partitioning.strategy) == ("FedAvg", "All")
    assert spec.aggregation.merge == "FreezeA", "an arm trains the parameters that the federated run trains"
    assert spec.data == federation.training.spec.data
    assert storage_of(arm) == storage_of(federation)


def test_a_personalised_arm_starts_from_the_federated_adapter(federation: Federation, tmp_path: Path) -> None:
    digest = digest_bytes(b"adapter")
    arm = personalised(federation, "zoo", 7, tmp_path / "initial", digest)
    spec = arm.federation.training.spec
    assert (arm.label, arm.federation.training.metadata.name) == ("zoo personalised", "quickstart-personal-zoo")
    start = spec.model.adapter.initial_from
    assert start is not None
    assert (start.uri, start.digest) == (str(tmp_path / "initial"), digest)
    assert [participant.name for participant in spec.participants] == ["zoo"]
    assert (spec.training.length.steps, spec.aggregation.merge) == (7, "FreezeA")
    assert list(arm.federation.policies) == ["zoo"]


def test_personalised_adapters_are_not_written_to_a_bucket(federation: Federation) -> None:
    bucket = Storage(type="S3", s3=S3(bucket="runs"))
    training = federation.training
    there = training.model_copy(update={"spec": training.spec.model_copy(update={"storage": bucket})})
    with pytest.raises(RunError, match=r"--personalise keeps .* on this machine, but spec.storage is a bucket"):
        check_personal(replace(federation, training=there))


def test_an_arms_spec_is_valid_and_reads_back_the_same(federation: Federation) -> None:
    arm = alone(federation, "museum", 75).federation
    claimed = new_run("default", "arm", arm.training.spec)
    assert type(arm.training.spec).model_validate(claimed.spec) == arm.training.spec


def test_the_pooled_arm_trains_the_steps_of_all_participants(federation: Federation, tmp_path: Path) -> None:
    arm = pooled(federation, {"glosses": tmp_path / "pooled.jsonl"}, 105).federation
    spec = arm.training.spec
    assert (spec.training.length.steps, spec.data.validation_fraction) == (105, 0.0)
    assert arm.policies["pooled"].spec.datasets[0].uri == str(tmp_path / "pooled.jsonl")


def test_steps_are_rounds_times_steps_with_overrides(hand: Hand) -> None:
    zoo = {"name": "zoo", "training": {"length": {"type": "Steps", "steps": 10}}}
    hand.spec = {**hand.spec, "participants": [{"name": "museum"}, {"name": "observatory"}, zoo]}
    hand.begin()
    for round in (1, 2, 3):
        hand.record(hand.plan(round), None, outcome="Skipped")
    assert budgets(summarise(hand.ledger)) == {"museum": 75, "observatory": 75, "zoo": 30}


def test_with_epochs_the_steps_are_what_updates_took(hand: Hand) -> None:
    hand.spec = {**hand.spec, "training": {"length": {"type": "Epochs", "epochs": 1.0}}}
    hand.begin()
    plan = hand.plan(1)
    hand.record(plan, hand.close(1, (hand.update(1, "museum"), hand.update(1, "zoo"))))
    hand.record(hand.plan(2), None, outcome="Skipped")
    assert budgets(summarise(hand.ledger)) == {"museum": 50, "zoo": 50}, "observatory never sent an update"


def test_arms_of_a_run_that_ended_early_get_the_steps_of_its_recorded_rounds(hand: Hand) -> None:
    hand.begin()
    hand.whole_round(1)
    hand.roll_back(2, accuracy=0.3, best=0.412)
    hand.end()
    summary = summarise(hand.ledger)
    assert budgets(summary) == dict.fromkeys(("museum", "observatory", "zoo"), 50)
    base, federated = subjects_of(summary.spec, hand.ledger, {}, [], 150)
    assert (base.manifest.round, federated.manifest.round) == (0, 2), "the file plans 3 rounds"
    assert (base.steps, federated.steps) == (0, 150), "also if arms have failed"


def test_pooled_rows_are_all_training_rows_and_no_validation_row(federation: Federation, tmp_path: Path) -> None:
    pool_rows(federation, preflights(), tmp_path)
    file = pooled_file(tmp_path, "glosses")
    found = [json.loads(line)["text"] for line in file.read_text().splitlines()]
    expected: list[str] = []
    for who, texts in ROWS.items():
        train, held_out = split_indices(len(texts), 0.25, 5, who)
        expected += [texts[at] for at in train]
        assert not {texts[at] for at in np.asarray(held_out)} & set(found)
    assert found == expected


def test_only_this_user_may_read_pooled_rows_and_they_are_deleted_once_used(
    federation: Federation, tmp_path: Path
) -> None:
    folder = tmp_path / "quickstart-pooled/pooled"
    pool_rows(federation, preflights(), folder)
    file = pooled_file(folder, "glosses")
    assert [path.stat().st_mode & 0o777 for path in (folder, file)] == [0o700, 0o600]
    delete_pooled_rows(folder, ["glosses"])
    assert not folder.exists()
    delete_pooled_rows(folder, ["glosses"])


def test_data_that_changed_since_the_run_is_not_pooled(federation: Federation, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="data of museum changed since the run: 15 training rows instead of 14"):
        pool_rows(federation, preflights(museum=14), tmp_path)


def test_names_of_arms_fit_and_stay_apart() -> None:
    long = "a" * 38
    names = {arm_name(long, f"alone-{who}") for who in ("museum", "zoo", "observatory")}
    assert len(names) == 3
    assert all(len(name) <= 40 for name in names)


def test_the_hubs_data_is_not_bound_to_an_arms_own_tasks(federation: Federation) -> None:
    from fedtrain.contracts.tasks import Inspect, Task

    arm = alone(federation, "zoo", 30).federation
    spec = arm.training.spec
    task = Task(
        namespace="default", name="quickstart-alone-zoo", run_id="r", round=0, attempt=1, participant="zoo",
        model=spec.model, data=spec.data, training=spec.training, work=Inspect(),
    )  # fmt: skip
    assert bind(arm, task).data_uris == (federation.resolve("./zoo"),)


DIGEST = digest_bytes(b"adapter")


def record(federation: Federation, counted: dict[str, Preflight], base: bytes = b"base") -> Ledger:
    """Write what a run of `federation` records in round 0."""
    ledger = ledger_of(federation)
    run = ledger.claim(names.RUN, new_run("default", ledger.name, federation.training.spec))
    for who, preflight in counted.items():
        ledger.claim(names.preflight(who), preflight)
    facts = ModelFacts(base_parameters=1, adapter_parameters=1, hidden_size=1, layers=1, vocabulary=1)
    fingerprint = BaseFingerprint(settings=digest_bytes(base))
    initial = Initial(run_id=run.run_id, adapter=DIGEST, config=DIGEST, facts=facts, base_fingerprint=fingerprint)
    ledger.claim(names.initial(), initial)
    begun = Manifest(
        run_id=run.run_id, round=0, outcome="Initial", step=0, adapter=DIGEST, config=DIGEST, previous=DIGEST
    )
    ledger.claim(names.manifest(0), begun)
    return ledger


def changed(federation: Federation, **training: object) -> Federation:
    """Return the federation after its file was edited."""
    spec = federation.training.spec
    spec = spec.model_copy(update={"training": spec.training.model_copy(update=training)})
    return replace(federation, training=federation.training.model_copy(update={"spec": spec}))


def arms_of(federation: Federation, tmp_path: Path) -> list[ArmRun]:
    files = {"glosses": tmp_path / "pooled.jsonl"}
    return [alone(federation, "museum", 75), alone(federation, "zoo", 30), pooled(federation, files, 105)]


def record_arms(federation: Federation, tmp_path: Path, base: bytes = b"base") -> None:
    for arm in arms_of(federation, tmp_path):
        everyone = preflights()
        if arm.participant is None:
            update = {"participant": "pooled", "samples": 24, "validation_samples": 0}
            everyone["pooled"] = everyone["zoo"].model_copy(update=update)
        who = arm.participant or "pooled"
        record(arm.federation, {who: everyone[who]}, base)


def test_a_run_of_other_steps_or_another_start_is_not_shown_as_this_training(
    federation: Federation, tmp_path: Path
) -> None:
    def arm(steps: int, folder: str = "initial", digest: str = DIGEST) -> list[ArmRun]:
        return [personalised(federation, "zoo", steps, tmp_path / folder, digest)]

    check_same_training(arm(7))
    record(arm(7)[0].federation, {})
    check_same_training(arm(7, "moved"))
    with pytest.raises(
        RunError, match=r"steps was 7 and is 9 now\nTo train it again, delete it first: `fedtrain delete "
    ):
        check_same_training(arm(9))
    with pytest.raises(RunError, match=r"spec.model.adapter.initialFrom.digest was "):
        check_same_training(arm(7, digest=digest_bytes(b"other")))


def test_arms_of_an_earlier_file_are_not_compared(federation: Federation, tmp_path: Path) -> None:
    record_arms(federation, tmp_path)
    ledger = record(federation, preflights())
    check_same_training(arms_of(federation, tmp_path), ledger)
    after = changed(federation, learning_rate=0.5)
    with pytest.raises(RunError) as refused:
        check_same_training(arms_of(after, tmp_path), ledger)
    first, museum, *others, fix = str(refused.value).splitlines()
    assert first == "trainings to compare have other settings or data than now:"
    assert museum.endswith("quickstart-alone-museum: spec.training.learningRate was 0.0002 and is 0.5 now")
    assert len(others) == 2
    assert fix.count("`fedtrain delete ") == 3


def test_a_training_that_has_ended_stays_if_what_changed_did_not_change_it(
    federation: Federation, tmp_path: Path
) -> None:
    """Its base may be in another folder, which its fingerprint identifies."""
    record_arms(federation, tmp_path)
    ledger = record(federation, preflights())
    spec = federation.training.spec
    moved = {
        "rounds": spec.rounds.model_copy(update={"retries": 7}),
        "model": spec.model.model_copy(update={"base": "b"}),
    }
    after = replace(federation, training=federation.training.model_copy(update={"spec": spec.model_copy(update=moved)}))
    with pytest.raises(RunError, match=r"rounds\.retries was .* and is 7 now"):
        check_same_training(arms_of(after, tmp_path), ledger)
    for arm in arms_of(federation, tmp_path):
        own = ledger_of(arm.federation)
        run, last = own.read(names.RUN, Run), names.manifest(0)
        assert run is not None
        end = End(run_id=run.run_id, outcome="Succeeded", round=0, adapter=DIGEST, manifest=own.digest(last) or "")
        own.claim(names.END, end)
    check_same_training(arms_of(after, tmp_path), ledger)


def test_arms_of_other_rows_are_not_compared(federation: Federation, tmp_path: Path) -> None:
    record_arms(federation, tmp_path)
    counted = preflights()
    counted["zoo"] = counted["zoo"].model_copy(update={"fingerprint": digest_bytes(b"other rows")})
    with pytest.raises(RunError) as refused:
        check_same_training(arms_of(federation, tmp_path), record(federation, counted))
    _, zoo, everyone, _ = str(refused.value).splitlines()
    assert zoo.endswith("quickstart-alone-zoo: it was trained on other rows")
    assert everyone.endswith("quickstart-pooled: it was trained on other rows")


def test_arms_of_another_base_model_are_not_compared(federation: Federation, tmp_path: Path) -> None:
    record_arms(federation, tmp_path, base=b"other")
    with pytest.raises(RunError, match="quickstart-pooled: it was trained from another base model"):
        check_same_training(arms_of(federation, tmp_path), record(federation, preflights()))
