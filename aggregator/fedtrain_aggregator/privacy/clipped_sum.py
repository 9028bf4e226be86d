"""The sum of clipped updates, in whole steps of the noise's granularity (`fedtrain.privacy.gaussian_noise`)."""

from collections.abc import Sequence

from fedtrain.contracts.privacy_blocks import RoundPrivacy
from fedtrain.privacy.clipping import clip_factor
from fedtrain.privacy.gaussian_noise import check_range, granularity
from fedtrain_aggregator.combine.running_sum import RunningSum


class ClippedSum:
    """sum of round(u_i min(1, C / norm_i) / g), for updates whose norms are at most `norms`. All values are integers,
    so the sum is exact in any order. An update that is longer adds more than C: discard the sum then. Raises ValueError
    if the sum of this many updates is not exact."""

    passes = 1

    def __init__(self, privacy: RoundPrivacy, norms: Sequence[float]) -> None:
        check_range(privacy.update_multiplier, privacy.bound, len(norms))
        step = granularity(privacy.update_multiplier, privacy.bound)
        self._scales = [clip_factor(norm, privacy.bound) / step for norm in norms]

    def combination(self, block: int, norms: Sequence[float]) -> RunningSum:
        return RunningSum(self._scales, block, rounded=True)
