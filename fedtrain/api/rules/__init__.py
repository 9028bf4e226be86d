"""The rules that one block's types can't say: between fields, between documents, and on the disk.

A rule is one function: from what it judges to the problems that it finds. Its docstring is its line in the reference.
The tables below list them in the order of the file. When the file has other errors, the rules judge what is left: a
rule that touches a malformed or missing field can't judge, and is skipped for that part.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast

from fedtrain.api.base import Block
from fedtrain.api.evaluation import Metric
from fedtrain.api.participant_policy import ParticipantPolicy
from fedtrain.api.participant_record import ParticipantRecord
from fedtrain.api.participants import Participant
from fedtrain.api.rules import (
    base_model,
    measuring,
    participants,
    places,
    pods,
    policies,
    records,
    storage,
    training,
    unions,
)
from fedtrain.api.rules.subject import Found, Place, Problem, Problems, Subject

BLOCK_RULES: tuple[Callable[[Block, Place], Problems], ...] = (
    unions.union_members,  # the blocks of a strategy that was not chosen, or that is missing
    participants.gpu_memory_is_more_than_none,  # 0Gi
    participants.cpu_and_memory_are_more_than_none,  # 0m
)

TRAINING_RULES: tuple[Callable[[Subject], Problems], ...] = (
    places.only_paths_and_buckets,  # https://, gs://, ...
    base_model.the_base_is_a_model,  # a directory that is not there
    base_model.a_hub_id_has_its_commit,  # main, v1.0, none
    base_model.only_a_hub_id_has_a_revision,  # a directory's revision
    base_model.initial_adapter_is_there,  # an adapter that is not there
    training.target_modules_are_named_once,  # q_proj twice
    participants.participants_have_their_own_names,  # bank-a twice
    participants.minimum_is_within_participants,  # 5 of 4
    training.the_deadline_is_in_the_future,  # 0s
    measuring.best_needs_a_validation_split,  # Best without validation rows
    training.whole_passes_are_never_exhausted,  # All with Clip
    training.partitioning_memory_is_more_than_none,  # 0Gi
    measuring.validation_loss_needs_a_validation_split,  # weights without validation rows
    measuring.participants_metrics_need_a_validation_split,  # metrics without validation rows
    measuring.metrics_have_their_own_names,  # loss twice
    measuring.the_hub_measures_on_one_node,  # 2 nodes
    places.the_hubs_data_are_there,  # a file that is not there
    places.the_hub_tests_on_rows_of_its_own,  # testing on training rows
    storage.the_bucket_has_a_valid_name,  # s3://bucket, or a bucket with a prefix
    storage.the_endpoint_is_a_plain_url,  # no https://, or a password in it
    storage.the_certificates_are_there,  # a file that is not there
    storage.the_folder_can_be_one,  # a file in its place
    policies.policies_have_their_own_names,  # two policies of bank-a
)

PARTICIPANT_RULES: tuple[Callable[[Subject, Found[Participant]], Problems], ...] = (
    policies.every_participant_has_a_policy,  # nobody says where its data are
    participants.a_weight_needs_fixed_weights,  # a weight that would not count
    participants.batches_split_evenly,  # 32 over 3 processes
)

METRIC_RULES: tuple[Callable[[Subject, Found[Metric]], Problems], ...] = (
    measuring.metrics_fit_the_format,  # choices of rows without answers
    measuring.patterns_have_one_group,  # a pattern that compares nothing
)

POLICY_RULES: tuple[Callable[[Subject, Found[ParticipantPolicy]], Problems], ...] = (
    policies.every_policy_has_a_participant,  # a policy of somebody else
    policies.datasets_have_their_own_names,  # tickets twice
    policies.every_policy_maps_the_data_set,  # the training's data set is unknown there
    places.a_policys_data_are_there,  # a file that is not there
    policies.limits_leave_gpu_memory,  # 0Gi
    pods.pods_have_their_own_names,  # a volume twice
    pods.mounts_are_of_volumes,  # a volume that is not there
    pods.variables_have_one_source,  # a value, and a Secret
    pods.fedtrains_variables_are_its_own,  # FEDTRAIN_ASSIGNMENT
)

RECORD_RULES: tuple[Callable[[Subject, Found[ParticipantRecord]], Problems], ...] = (
    records.everywhere_stands_alone,  # "*" and a namespace
    records.namespaces_are_named_once,  # default twice
)


ON_DISK: frozenset[Callable[..., Problems]] = frozenset(
    {
        base_model.the_base_is_a_model,
        base_model.initial_adapter_is_there,
        places.the_hubs_data_are_there,
        places.a_policys_data_are_there,
        storage.the_certificates_are_there,
        storage.the_folder_can_be_one,
    }
)
"""Rules that look at this machine's disk."""


OF_ALL: frozenset[Callable[..., Problems]] = frozenset({policies.every_participant_has_a_policy})
"""Rules that need every object of a federation."""


def has_no_policies(subject: Subject) -> bool:
    """Whether participants are asked and not one has a policy, as in a file for a cluster that has them."""
    return not subject.policies and any(True for _ in _guarded(lambda: subject.participants))


def judge(subject: Subject, *, elsewhere: bool = False, policies_elsewhere: bool = False) -> Iterator[Problem]:
    """All problems of a file. `elsewhere`: its paths are not this machine's. `policies_elsewhere`: there may be more
    policies than it has."""
    none = frozenset[Callable[..., Problems]]()
    skipped = (ON_DISK if elsewhere else none) | (OF_ALL if policies_elsewhere else none)
    for document in (subject.training, *subject.policies, *subject.records):
        for block, place in _blocks(document.value, document.place):
            for rule in BLOCK_RULES:
                yield from _guarded(rule, block, place)
    for rule in TRAINING_RULES:
        if rule not in skipped:
            yield from _guarded(rule, subject)
    for participant in _guarded(lambda: subject.participants):
        for rule in PARTICIPANT_RULES:
            if rule not in skipped:
                yield from _guarded(rule, subject, participant)
    for metric in _guarded(lambda: subject.metrics):
        for rule in METRIC_RULES:
            yield from _guarded(rule, subject, metric)
    for policy in subject.policies:
        for rule in POLICY_RULES:
            if rule not in skipped:
                yield from _guarded(rule, subject, policy)
    for record in subject.records:
        for rule in RECORD_RULES:
            yield from _guarded(rule, subject, record)


def _guarded(rule: Callable[..., Iterator[Any]], *judged: Any) -> Iterator[Any]:
    """What the rule yields, until it touches a field that a malformed file lacks."""
    try:
        yield from rule(*judged)
    except AttributeError as error:
        if not isinstance(error.obj, Block) or error.name not in type(error.obj).model_fields:
            raise


def _blocks(value: object, place: Place) -> Iterator[tuple[Block, Place]]:
    """A block and all blocks below it."""
    if isinstance(value, Block):
        yield value, place
        for name, info in type(value).model_fields.items():
            yield from _blocks(getattr(value, name, None), place.at(info.alias or name))
    elif isinstance(value, tuple):
        for number, item in enumerate(cast(tuple[object, ...], value)):
            yield from _blocks(item, place.at(number))
