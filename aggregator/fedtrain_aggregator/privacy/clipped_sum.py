"""The sum of clipped updates, in whole steps of the noise's granularity (`fedtrain.privacy.gaussian_noise`)."""

from collections.abc import Sequence

from fedtrain.contracts.privacy_blocks import RoundPrivacy
from fedtrain.privacy.clipping import clip_factor
from fedtrain.privacy.gaussian_noise import granularity
from fedtrain_aggregator.combine.running_sum import RunningSum


class ClippedSum:
    """sum of round(u_i min(1, C / ||u_i||) / g), for updates with these norms. All values are integers, so the sum is
    exact in any order, where `gaussian_noise.check_range` allows it."""

    passes = 1

    def __init__(self, privacy: RoundPrivacy, norms: Sequence[float]) -> None:
        step = granularity(privacy.update_multiplier, privacy.bound)
        self._scales = [clip_factor(norm, privacy.bound) / step for norm in norms]

    def combination(self, block: int, norms: Sequence[float]) -> RunningSum:
        return RunningSum(self._scales, block, rounded=True)
