"""Checks under privacy of what an update and its record claim, once the update is measured: its norm, by which it was
clipped in the sum, and what its participant must do with clipping and noise."""

from collections.abc import Sequence
from math import sqrt

from fedtrain.contracts.privacy_blocks import RoundPrivacy
from fedtrain.contracts.records import Update
from fedtrain.privacy.clipping import states
from fedtrain.privacy.noise_shares import noisy_indicator_limit, noisy_norm_range, share_multiplier
from fedtrain_aggregator.engine.update import Measurement

ANOTHER_NORM = "its norm is not the one that its record states"
UNCLIPPED = "it is not clipped to this round's norm"
NOT_NOISY = "its norm is not that of a clipped update with its share of noise"
NO_INDICATOR = "its record does not say whether clipping left the update unchanged"
"""Reasons name no value, because they are published."""


def private_flaws(
    privacy: RoundPrivacy,
    records: Sequence[Update],
    claimed: Sequence[float],
    measured: Sequence[Measurement],
    values: int,
) -> list[str | None]:
    """Return why updates are not what they claim and what their participants must send; None for those that are.
    `claimed`: the `claimed_norms`. `values`: number of values of an update."""
    if privacy.clipping_location is None:
        pairs = zip(claimed, measured, strict=True)
        return [None if states(norm, found.norm) else ANOTHER_NORM for norm, found in pairs]
    return [
        _norm_flaw(privacy, found.norm, values) or _indicator_flaw(privacy, record)
        for record, found in zip(records, measured, strict=True)
    ]


def _norm_flaw(privacy: RoundPrivacy, norm: float, values: int) -> str | None:
    if privacy.noise_shares is None:
        return None if norm <= privacy.bound else UNCLIPPED
    share = share_multiplier(privacy.update_multiplier, privacy.noise_shares)
    smallest, largest = noisy_norm_range(share, privacy.bound, values)
    return None if smallest <= norm <= largest else NOT_NOISY


def _indicator_flaw(privacy: RoundPrivacy, record: Update) -> str | None:
    if privacy.indicator_noise is None:
        return None
    indicator = record.within_bound
    if privacy.noise_shares is None:
        return None if indicator in (0, 1) else NO_INDICATOR
    limit = noisy_indicator_limit(privacy.indicator_noise / sqrt(privacy.noise_shares - 1))
    return None if indicator is not None and abs(indicator) <= limit else NO_INDICATOR
