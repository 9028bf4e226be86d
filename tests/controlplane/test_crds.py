"""A real API server refuses at apply what `fedtrain validate` refuses of one object, and says what to write where."""

import re
from pathlib import Path

import pytest

from fedtrain.api.reading import Invalid, read_file
from fedtrain.api.reading.documents import Documents
from fedtrain.api.rules import RULES
from hack.cluster.control_plane import ControlPlane
from hack.cluster.eventually import eventually
from hack.cluster.processes import ProgramFailed
from tests.controlplane.corpus import CASES, ELSEWHERE, NAMES, OTHER_WORDS, Case
from tests.controlplane.objects import PLURALS, Objects, Refused
from tests.unit.api.broken_rules import kind, recording
from tests.unit.api.federation_files import write

QUICKSTART = Path(__file__).parents[2] / "examples/quickstart/kubernetes/federation.yaml"
CONFLICT = 409


@pytest.fixture
def objects(kinds: ControlPlane) -> Objects:
    return Objects(kinds.client, "default")


def created(objects: Objects, case: Case, version: str) -> None:
    """Raises Refused for the first object that is refused."""
    for body in case.objects(version):
        try:
            objects.create(body, dry=True)
        except Refused as refusal:
            if refusal.status != CONFLICT:  # a Participant of another test has the name: looked up after validation
                raise


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_broken_object_is_refused_with_the_field_and_what_to_write(objects: Objects, case: Case) -> None:
    with pytest.raises(Refused) as refusal:
        created(objects, case, "bad")
    said = [cause for cause in refusal.value.causes if case.words in cause.message]
    assert len(said) == 1, refusal.value
    assert "evaluation error" not in str(refusal.value)
    field, message = re.sub(r"\[([a-z]+)\]", r".\1", said[0].field or case.path), said[0].message  # keys of maps
    assert case.path.startswith(field) or f'unknown field "{case.path}' in message, (field, case.path)
    if case.item is not None and case.item.startswith(("participant", "metric")) and "[" not in field:
        assert case.item in message  # whose it is, when the field doesn't say


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_corrected_object_is_accepted(objects: Objects, case: Case) -> None:
    created(objects, case, "good")


def test_the_corpus_names_its_cases_rightly() -> None:
    assert len(CASES) >= 90
    assert set(ELSEWHERE) <= NAMES
    assert set(OTHER_WORDS) <= NAMES - set(ELSEWHERE)


def test_every_rule_with_cel_is_broken_by_a_case_that_the_api_server_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = recording(monkeypatch)
    for case in CASES:
        sections = {**case.sections, case.section: case.bad.rstrip("\n")}
        with pytest.raises(Invalid):
            read_file(write(tmp_path, **sections), elsewhere=case.cluster)
    assert {kind(rule) for rule in RULES if rule.cel} <= {kind(rule) for rule in broken}


def test_the_quickstart_is_accepted_and_means_the_same_with_the_defaults_filled_in(objects: Objects) -> None:
    federation = read_file(QUICKSTART, elsewhere=True, policies_elsewhere=True)
    for document in Documents(QUICKSTART.read_text()).found:
        kept = objects.create(document.value, dry=True)
        if kept["kind"] == "FederatedTraining":
            assert type(federation.training.spec).model_validate(kept["spec"]) == federation.training.spec
            assert kept["spec"]["rounds"]["deadline"] == "2h"


def test_a_thousand_participants_with_all_that_they_may_have_fit_the_api_servers_budget(objects: Objects) -> None:
    case = next(case for case in CASES if case.name == "a participant twice")
    training = case.objects("good")[0]
    training["spec"]["aggregation"] = {"weights": "Fixed"}
    training["spec"]["participants"] = [
        {
            "name": f"{number:04}{'x' * 36}",
            "compute": {"nodes": 2, "gpusPerNode": 4, "gpuMemory": "1024.5Gi", "cpu": "500m", "memory": "1024.5Gi"},
            "training": {"length": {"type": "Steps", "steps": 1}, "microBatchSize": 4},
            "weight": 0.5,
        }
        for number in range(1000)
    ]
    objects.create(training, dry=True)
    training["spec"]["participants"][999]["training"]["microBatchSize"] = 3
    with pytest.raises(Refused, match=r"participant 0999x+: training.batchSize is 32, which is not a multiple of 24"):
        objects.create(training, dry=True)


def explained(kinds: ControlPlane, *arguments: str) -> str:
    """What `kubectl explain` prints; empty while the API server has not published a new kind's schema yet."""
    try:
        return kinds.kubectl("explain", *arguments)
    except ProgramFailed:
        return ""


def test_kubectl_explains_every_field(kinds: ControlPlane) -> None:
    for plural in PLURALS.values():
        assert "spec" in eventually(lambda plural=plural: explained(kinds, plural, "--recursive"))
    deadline = eventually(lambda: explained(kinds, "ft.spec.rounds.deadline"))
    assert "Time limit for the training of one round." in " ".join(deadline.split())


def test_kubectl_finds_the_kinds_by_their_short_names_and_their_category(kinds: ControlPlane, namespace: str) -> None:
    objects = Objects(kinds.client, namespace)
    case = next(case for case in CASES if case.name == "a participant twice")
    training, *policies = case.objects("good")
    objects.create(training)
    for policy in policies:
        objects.create(policy)
    status = {"round": 2, "phase": "Training", "participants": "1/2", "metric": "loss 1.25", "message": "Waits."}
    objects.patch_status("FederatedTraining", "answers", status)
    header, line = kinds.kubectl("get", "ft", "-n", namespace).splitlines()
    assert header.split() == ["NAME", "ROUND", "PHASE", "PARTICIPANTS", "METRIC", "EPSILON", "SECONDS", "AGE"]
    assert line.split()[:6] == ["answers", "2", "Training", "1/2", "loss", "1.25"]
    assert "Waits." in kinds.kubectl("get", "ft", "-n", namespace, "-o", "wide")
    assert "participantpolicy.fedtrain.dev/bank-b" in kinds.kubectl("get", "fedtrain", "-n", namespace, "-o", "name")
