"""Checks under privacy of an update once it is measured: its bytes and values, its norm, by which it was clipped in the
sum, and what its participant must do with clipping and noise. No update decides about another."""

from collections.abc import Sequence
from math import sqrt

from fedtrain.contracts.privacy_blocks import RoundPrivacy
from fedtrain.contracts.untrusted_records import Update
from fedtrain.privacy.clipping import states
from fedtrain.privacy.noise_shares import noisy_indicator_limit, noisy_norm_range, share_multiplier
from fedtrain_aggregator.engine.update import Measurement
from fedtrain_aggregator.layout import Layout

OTHER_BYTES = "its file does not have the digest that its record states"
BAD_VALUES = "its tensors are not those of the adapter, or a value is not finite or too large"
ANOTHER_NORM = "its norm is not the one that its record states"
UNCLIPPED = "it is not clipped to this round's norm"
NOT_NOISY = "its norm is not that of a clipped update with its share of noise"
NO_INDICATOR = "its record does not say whether clipping left the update unchanged"
"""Reasons name no value, because they are published."""


def private_flaws(privacy: RoundPrivacy, layout: Layout, measured: Sequence[Measurement]) -> list[str | None]:
    """Return why updates cannot be aggregated, or are not what they claim and what their participants must send; None
    for the sound ones."""
    return [_flaw(privacy, layout, found) for found in measured]


def _flaw(privacy: RoundPrivacy, layout: Layout, found: Measurement) -> str | None:
    if not found.intact:
        return OTHER_BYTES
    if found.flaw(layout) is not None:
        return BAD_VALUES
    record = found.update.record
    if privacy.clipping_location is None:
        return ANOTHER_NORM if record.norm is not None and not states(record.norm, found.norm) else None
    return _norm_flaw(privacy, found.norm, layout.count) or _indicator_flaw(privacy, record)


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
