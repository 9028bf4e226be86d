"""The outcome of pods: the trainer's words outrank exit codes, and a refusal explains its peers' failures."""

import json
from typing import Any

import pytest
from fedtrain_operator.kube.pod_outcome import GONE, outcome_of
from fedtrain_operator.kube.scheduling import unschedulable

from fedtrain.api.participants import Compute


def pod(name: str = "master-0", phase: str = "Failed", **ended: Any) -> dict[str, Any]:
    statuses = [{"name": "pytorch", "state": {"terminated": ended}}] if ended else []
    return {"metadata": {"name": name}, "status": {"phase": phase, "containerStatuses": statuses}}


def said(code: int, reason: str) -> str:
    return json.dumps({"code": code, "reason": reason, "seconds": {}})


def pending(message: str) -> list[dict[str, Any]]:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return [{"metadata": {"name": "master-0"}, "status": {"phase": "Pending", "conditions": [condition]}}]


def test_under_torchrun_the_exit_code_is_1_and_what_the_trainer_wrote_holds() -> None:
    found = outcome_of([pod(exitCode=1, message=said(78, "bank-a's data has no row"))])
    assert (found.refused, found.reason) == (True, "bank-a's data has no row")
    assert not outcome_of([pod(exitCode=1, message=said(75, "the store is away"))]).refused


def test_a_refusal_of_the_ledger_explains_the_failures_of_its_peers() -> None:
    pods = [pod("master-0", exitCode=1, message=said(75, "lost a peer")), pod("worker-0", exitCode=74)]
    found = outcome_of(pods)
    assert (found.refused, found.ledger_refused) == (False, True)


def test_without_its_words_the_exit_code_tells() -> None:
    assert outcome_of([pod(exitCode=78)]).refused
    assert not outcome_of([pod(exitCode=75)]).refused
    assert "Error 137" in outcome_of([pod(exitCode=137, reason="Error")]).reason


@pytest.mark.parametrize("message", ['{"code": 75, "reason": "Patient 4711', "ValueError: Patient 4711", "[]", "7"])
def test_a_message_that_is_not_an_outcome_is_not_reported(message: str) -> None:
    found = outcome_of([pod(exitCode=75, message=message)])
    assert not found.refused
    assert "4711" not in found.reason
    assert "exit code 75" in found.reason


def test_a_refusal_of_one_process_explains_the_others() -> None:
    lost = pod("a-worker-0", exitCode=1, message=said(75, "lost a peer"))
    refused = pod("b-worker-1", exitCode=1, message=said(78, "NaN loss"))
    assert outcome_of([lost, refused]).reason == "NaN loss"


def test_what_the_kubelet_ended_says_so_and_is_worth_another_try() -> None:
    late = pod(exitCode=137, reason="Error")
    late["status"] |= {"reason": "DeadlineExceeded", "message": "Pod was active on the node too long"}
    found = outcome_of([late])
    assert not found.refused
    assert found.reason == "DeadlineExceeded: Pod was active on the node too long"


def test_too_much_memory_is_named_and_worth_another_try() -> None:
    found = outcome_of([pod(exitCode=137, reason="OOMKilled")])
    assert "out of memory" in found.reason
    assert not found.refused


def test_an_evicted_pod_says_what_the_kubelet_says() -> None:
    evicted = pod()
    evicted["status"] |= {"reason": "Evicted", "message": "The node was low on resource: memory."}
    assert outcome_of([evicted]).reason == "Evicted: The node was low on resource: memory."


def test_pods_that_are_gone_are_worth_another_try() -> None:
    assert outcome_of([]) == GONE
    assert not GONE.refused


def test_gpus_that_no_node_has_are_reported() -> None:
    pods = pending("0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient nvidia.com/gpu.")
    wish = Compute(gpus_per_node=2)
    assert unschedulable("bank-b", wish, pods) == (
        "bank-b's job asks for 2 GPUs on 1 node, but no node has 2 free. The pod starts by itself once they are free. "
        "Where no node has that many, lower `compute.gpusPerNode` of participant bank-b in the FederatedTraining"
    )


def test_memory_that_no_node_has_is_reported() -> None:
    pods = pending("0/3 nodes are available: 3 Insufficient memory. preemption: 0/3 nodes are available")
    found = unschedulable("bank-b", Compute(memory="900Gi"), pods)
    assert found is not None
    assert found.startswith(
        "bank-b's job asks for 900Gi of memory on 1 node, but no node has enough memory free. The pod"
    )
    assert found.endswith(
        "lower `compute.memory` of participant bank-b in the FederatedTraining, or `resources` in `pods` of bank-b's "
        "ParticipantPolicy"
    )


def test_other_reasons_are_the_schedulers_own() -> None:
    found = unschedulable("bank-b", Compute(), pending("0/1 nodes are available: 1 node(s) had untolerated taint(s)."))
    assert found is not None
    assert "untolerated taint" in found
    assert "Correct `pods` of bank-b's ParticipantPolicy, or ask the administrator of bank-b's cluster" in found


def test_pods_that_have_a_node_are_not_reported() -> None:
    assert unschedulable("bank-b", Compute(), [pod(phase="Running")]) is None
