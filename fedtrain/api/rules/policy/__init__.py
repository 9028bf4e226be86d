"""What a ParticipantPolicy decides about a task. One file per field, with its evaluation and its validation. Pure.

To add a rule, write a `@refuses` or `@holds` function in the file of its field and list it here.
"""

from collections.abc import Iterator
from dataclasses import replace

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
from fedtrain.api.rules.policy.one_machine import is_cluster_only
from fedtrain.api.rules.policy.rule import Holding, Objection, Refusing, Request, Situation

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
    participants_per_round.minimum_is_stated,  # a hub with an old version
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
    participants_per_round.minimum_is_stated,
    privacy.share_of_noise_is_what_was_promised,
)

ON_ONE_MACHINE: tuple[Refusing | Holding, ...] = tuple(
    one for one in (*REFUSING, *HOLDING) if not is_cluster_only(one.field) and one not in _OF_TASKS_FROM_ELSEWHERE
)
"""Rules that `fedtrain run` applies too."""


def refusals(request: Request, policy: ParticipantPolicySpec) -> Iterator[Objection]:
    """Return the rules that refuse the task."""
    return (why for one in REFUSING if (why := one.objection(request, policy)))


def refusals_on_one_machine(request: Request, policy: ParticipantPolicySpec) -> Iterator[Objection]:
    """Return the rules of one machine that refuse the task. A run there does not wait for the owner, so what lets a
    task wait on a cluster refuses it."""
    now = Situation(now=0.0, running=0)
    for one in ON_ONE_MACHINE:
        why = one.objection(request, policy) if isinstance(one, Refusing) else one.objection(request, policy, now)
        if why is not None:
            yield replace(why, owner=why.owner or "change {field}", then="")


def hold(request: Request, policy: ParticipantPolicySpec, situation: Situation) -> Objection | None:
    """Return the first rule that lets the task wait."""
    return next((why for one in HOLDING if (why := one.objection(request, policy, situation))), None)
