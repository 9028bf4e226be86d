"""The defaults that an API server fills in change nothing about a run: its claim says what the file says."""

from typing import Any

import pytest

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.ledger.run_claim import compare, new_run
from hack.cluster.control_plane import ControlPlane
from tests.controlplane.corpus import CASES, Case
from tests.controlplane.objects import Objects

TRAININGS = [case for case in CASES if case.section not in ("bank-a", "bank-b")]


def said(spec: dict[str, Any]) -> Any:
    return new_run("default", "answers", FederatedTrainingSpec.model_validate(spec)).spec


@pytest.fixture
def objects(kinds: ControlPlane) -> Objects:
    return Objects(kinds.client, "default")


@pytest.mark.parametrize("case", TRAININGS, ids=lambda case: case.name)
def test_a_run_on_a_cluster_says_what_fedtrain_run_says_of_the_same_file(objects: Objects, case: Case) -> None:
    of_file = case.objects("good")[0]
    of_server = objects.create(of_file, dry=True)
    assert of_server["spec"] != of_file["spec"], "defaults were filled in"
    assert said(of_server["spec"]) == said(of_file["spec"])
    assert compare(said(of_file["spec"]), of_server["spec"]) == ()


def test_changes_of_changeable_fields_continue_the_run(objects: Objects) -> None:
    (body, *_) = TRAININGS[0].objects("good")
    claimed = said(body["spec"])
    storage = {**body["spec"]["storage"], "retentionPolicy": "Delete"}
    rounds = {**body["spec"]["rounds"], "deadline": "9h"}
    changed = {**body, "spec": {**body["spec"], "suspend": True, "storage": storage, "rounds": rounds}}
    assert compare(claimed, objects.create(changed, dry=True)["spec"]) == ()
    other = {**body, "spec": {**body["spec"], "rounds": {"count": 7}}}
    assert [one.field for one in compare(claimed, objects.create(other, dry=True)["spec"])] == ["rounds.count"]
