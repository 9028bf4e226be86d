"""What a ParticipantPolicy decides about a task. One file per field, with its evaluation and its validation. Pure.

To add a rule, write a `@refuses` or `@holds` function in the file of its field and list it here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fedtrain.api.participant_policy import ParticipantPolicySpec
from fedtrain.api.rules.policy import (
    approval,
    base_models,
    compute,
    concurrent_tasks,
    images,
    memorisation,
    participants_per_round,
    privacy,
    requesters,
    stores,
    suspend,
    windows,
    work,
)
from fedtrain.api.rules.policy.one_machine import CLUSTER_ONLY
from fedtrain.api.rules.policy.rule import Holding, Refusing, Request, Situation

MODULES = (base_models, compute, images, windows)
"""Modules with rules of validation."""

REFUSING: tuple[Refusing, ...] = (
    work.work_is_a_participants,  # Evaluate, which reads a place that the hub names
    work.ledger_is_a_bucket,  # a folder of the pod
    requesters.requester_is_allowed,  # another consortium's training
    base_models.base_model_stays_in_its_folder,
    base_models.base_model_is_allowed,  # /etc, someone/unknown
    images.image_is_allowed,  # a trainer that the owner has not checked
    stores.store_is_allowed,  # another bucket, a port of the owner's network
    stores.server_of_the_base_model_is_allowed,  # such a port
    compute.nodes_are_within_the_limit,
    compute.gpus_are_within_the_limit,
    compute.memory_is_within_the_limit,
    compute.gpus_are_within_the_limit_of_pods,
    memorisation.rank_is_within_the_limit,
    memorisation.steps_are_within_the_limit,
    memorisation.rows_are_enough,
    participants_per_round.participants_are_enough,
    privacy.share_of_noise_is_what_was_promised,  # a share of a millionth of the promised noise
    privacy.unit_is_protected,
    privacy.rows_are_not_measured,  # metrics of a row that the hub holds out
    privacy.noise_is_added_here,  # an update that the hub sees without noise
    privacy.noise_is_enough,
    privacy.epsilon_is_within_the_limit,
)

HOLDING: tuple[Holding, ...] = (
    suspend.not_suspended,
    approval.training_is_approved,
    windows.a_window_is_open,
    concurrent_tasks.a_place_is_free,
)

_OF_TASKS_FROM_ELSEWHERE = (
    work.work_is_a_participants,
    work.ledger_is_a_bucket,
    base_models.base_model_stays_in_its_folder,
    privacy.share_of_noise_is_what_was_promised,
)

ON_ONE_MACHINE: tuple[Refusing | Holding, ...] = tuple(
    one for one in (*REFUSING, *HOLDING) if one.field not in CLUSTER_ONLY and one not in _OF_TASKS_FROM_ELSEWHERE
)
"""Rules that `fedtrain run` applies too."""


@dataclass(frozen=True)
class Objection:
    """Why a task is refused, or waits. `field`: of the policy; `asks`: of the training."""

    field: str
    message: str
    asks: str | None = None


def refusals(request: Request, policy: ParticipantPolicySpec) -> Iterator[Objection]:
    """Return the rules that refuse the task."""
    return (Objection(one.field, why, one.asks) for one in REFUSING if (why := one.check(request, policy)))


def refusals_on_one_machine(request: Request, policy: ParticipantPolicySpec) -> Iterator[Objection]:
    """Return the rules of one machine that refuse the task. A run there does not wait for the owner, so what lets a
    task wait on a cluster refuses it."""
    for one in ON_ONE_MACHINE:
        if isinstance(one, Refusing):
            why, asks = one.check(request, policy), one.asks
        else:
            why, asks = one.check(request, policy, Situation(now=0.0, running=0)), None
        if why:
            yield Objection(one.field, why, asks)


def hold(request: Request, policy: ParticipantPolicySpec, situation: Situation) -> Objection | None:
    """Return the first rule that lets the task wait."""
    return next((Objection(one.field, why) for one in HOLDING if (why := one.check(request, policy, situation))), None)
