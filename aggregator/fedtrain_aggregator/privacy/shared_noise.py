"""A round whose noise the participants have added, and what is recorded about it."""

from dataclasses import dataclass
from math import sqrt

from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.privacy_blocks import NoisyMean
from fedtrain.plurals import several
from fedtrain.privacy.adaptive_clipping import next_bound
from fedtrain.privacy.gaussian_noise import granularity, std_in_steps
from fedtrain.privacy.noise_shares import share_multiplier
from fedtrain_aggregator.engine.read_updates import Step
from fedtrain_aggregator.errors import Refused
from fedtrain_aggregator.privacy.measured_updates import MeasuredUpdates


@dataclass(frozen=True)
class SharedNoise(MeasuredUpdates):
    """The mean of the noisy updates. Quarantined ones count as zeros without noise. Raises Refused if there are fewer
    updates than the shares were calibrated to."""

    def __post_init__(self) -> None:
        if len(self.norms) < self.needed:
            raise Refused(
                f"The round has {several(len(self.norms), 'update')} with a share of the noise, but the shares are "
                f"calibrated to {self.needed} or more. Nothing was published."
            )

    @property
    def needed(self) -> int:
        """Number of updates that the shares are calibrated to."""
        assert self.planned.noise_shares is not None
        return self.planned.noise_shares

    def noisy(self, step: Step) -> Step:
        """The noise is in the updates."""
        return step

    def mean(self) -> NoisyMean:
        """Return what is recorded."""
        share, bound = share_multiplier(self.planned.update_multiplier, self.needed), self.planned.bound
        std = std_in_steps(share, bound, self.values) * granularity(share, bound)
        return NoisyMean(
            bound=bound,
            noise_std=std * sqrt(len(self.norms)) / self.arrived,
            spend=digest_of(self.spend),
            next_bound=self._next_bound(),
        )

    def _next_bound(self) -> float:
        """With adaptive clipping, from the noisy indicators."""
        if self.planned.indicator_noise is None:
            return self.planned.bound
        within = sum(indicator for indicator in self.indicators if indicator is not None)
        quantile, rate = self.adaptive.target_quantile, self.adaptive.learning_rate
        return next_bound(self.planned.bound, within / self.arrived, quantile, rate)
