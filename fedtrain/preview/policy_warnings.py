"""Warns of fields of policies on this machine that say something else than the data, or less than they seem to."""

from collections.abc import Iterator, Sequence

from fedtrain.api.reading.federation import Federation
from fedtrain.plurals import several
from fedtrain.preview.checked_rows import CheckedRows

ROUNDED = 0.1
"""Share by which a stated number of rows may differ: an owner may round it."""


def policy_warnings(federation: Federation, rows: Sequence[CheckedRows]) -> Iterator[str]:
    yield from _stated_samples(federation, rows)
    yield from _delta_alone(federation)


def _stated_samples(federation: Federation, rows: Sequence[CheckedRows]) -> Iterator[str]:
    """`rows`: those that were not all read say nothing about the number."""
    (only, *_) = federation.training.spec.data.names
    for one in rows:
        policy = federation.policies.get(one.who)
        if policy is None or not one.complete or one.absent is not None or not one.rows:
            continue
        (dataset,) = policy.spec.named((one.dataset or only,))
        if dataset.samples is not None and abs(dataset.samples - one.rows) > ROUNDED * one.rows:
            yield (
                f"the policy of {one.who} says that data set {dataset.name} has {several(dataset.samples, 'sample')}, "
                f"but {one.name} has {several(one.rows, 'row')}. Correct or remove `samples`, which the hub sees."
            )


def _delta_alone(federation: Federation) -> Iterator[str]:
    for who, policy in federation.policies.items():
        if policy.spec.privacy.model_fields_set == {"delta"}:
            yield (
                f"spec.privacy of the policy of {who} has only `delta`, so it asks for no privacy: `delta` is the "
                "probability with which the loss may exceed `maxEpsilon`. Add `maxEpsilon`, or remove `privacy`."
            )
