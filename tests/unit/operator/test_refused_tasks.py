"""A task that a participant's policy refuses: the training's status at the hub names the participant and the rule."""

from pathlib import Path

import pytest

from fedtrain.contracts import names
from fedtrain.contracts.records import Plan
from fedtrain.manifests.kinds import Json
from tests.unit.operator.federation import FOUR, Federation

REFUSAL = (
    "policy (limits.gpus) refuses the task: the training asks for 8 GPUs; the limit is 4. In the FederatedTraining, ..."
)
REFUSED: Json = {"phase": "Refused", "reason": "PolicyRefused", "message": f"bank-b's {REFUSAL}"}


@pytest.fixture
def federation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Federation:
    made = Federation(tmp_path, monkeypatch)
    made.apply(rounds={"count": 2, "minParticipants": 3})
    made.settle()
    return made


def refuse(federation: Federation, work: str) -> None:
    """As the participant's operator reports it."""
    (task,) = [one for one in federation.server.all("trainingtasks") if f"-{work}-bank-b-" in one["metadata"]["name"]]
    federation.state.tasks.put(federation.server.add("trainingtasks", {**task, "status": REFUSED}))


def test_a_task_refused_in_a_round_is_named_with_its_rule_while_the_others_train(federation: Federation) -> None:
    federation.deliver_preflights(*FOUR)
    federation.deliver_adapter()
    federation.settle()
    refuse(federation, "train")
    federation.settle()
    assert federation.status["message"] == f"0 of 4 updates, without bank-b: its {REFUSAL}"


def test_a_participant_that_refuses_to_count_its_rows_is_left_out_with_the_rule(federation: Federation) -> None:
    refuse(federation, "inspect")
    federation.settle()
    assert (federation.status["phase"], federation.status["message"]) == (
        "Initialising",
        f"without bank-b: its {REFUSAL}",
    )
    federation.deliver_preflights(*(who for who in FOUR if who != "bank-b"))
    federation.deliver_adapter()
    federation.settle()
    plan = federation.ledger.read(names.plan(1), Plan)
    assert plan is not None
    assert [member.participant for member in plan.members] == ["bank-a", "bank-c", "bank-d"]
    ((absent,),) = [plan.absent]
    assert absent.participant == "bank-b"
    assert absent.reason == f"its data was not counted: its {REFUSAL}"
    assert federation.status["message"] == f"0 of 3 updates, without bank-b: {absent.reason}"


def test_a_run_that_fails_because_of_a_refusal_says_how_to_resume_it(federation: Federation) -> None:
    federation.apply(rounds={"count": 2, "minParticipants": 4})
    federation.settle()
    refuse(federation, "inspect")
    federation.settle()
    assert federation.status["phase"] == "Failed"
    message = federation.status["message"]
    assert message.startswith(
        f"4 participants are needed and 3 can take part: bank-b: its {REFUSAL.rstrip('.')}. Correct"
    )
    assert message.endswith("federatedtraining tickets --namespace hub fedtrain.dev/resume=true`")
    assert federation.condition("Complete")["message"] == message
