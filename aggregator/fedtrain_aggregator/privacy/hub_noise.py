"""A round to which the hub adds the noise, once its draw is claimed, and what is recorded about it."""

from dataclasses import dataclass

from fedtrain.contracts.canonical import digest_of
from fedtrain.contracts.privacy_blocks import NoisyMean
from fedtrain.privacy.adaptive_clipping import next_bound, noisy_fraction
from fedtrain.privacy.clipping import is_within
from fedtrain.privacy.gaussian_noise import NoiseStream, granularity, std_in_steps
from fedtrain_aggregator.combine.base import Float64
from fedtrain_aggregator.engine.read_updates import Step
from fedtrain_aggregator.kernels import CHUNK, add_noise
from fedtrain_aggregator.privacy.measured_updates import MeasuredUpdates

_SLICE = 6 * CHUNK
"""Values noised at a time, while their words are in a core's cache."""


@dataclass(frozen=True)
class HubNoise(MeasuredUpdates):
    """Adds the noise of `spend` to the `ClippedSum` of the updates."""

    def noisy(self, step: Step) -> Step:
        """Return a step that adds noise to a block of the sum, makes it the mean, and passes it to `step`. Safe to
        call from several threads."""
        stream, std, scale = self._stream("updates"), self._std_in_steps, self._scale

        def noisy_step(start: int, combined: Float64) -> None:
            for first in range(0, len(combined), _SLICE):
                part = combined[first : first + _SLICE]
                add_noise(part, stream.words(start + first, len(part)), std, scale)
            step(start, combined)

        return noisy_step

    def mean(self) -> NoisyMean:
        """Return what is recorded."""
        return NoisyMean(
            bound=self.planned.bound,
            noise_std=self._std_in_steps * self._scale,
            spend=digest_of(self.spend),
            next_bound=self._next_bound(),
        )

    def _next_bound(self) -> float:
        """With adaptive clipping, from the noisy number of updates within this round's bound."""
        bound, std = self.planned.bound, self.planned.indicator_noise
        if std is None:
            return bound
        fraction = noisy_fraction(self._within(), self._stream("indicators").on_count(std), self.arrived)
        return next_bound(bound, fraction, self.adaptive.target_quantile, self.adaptive.learning_rate)

    def _within(self) -> int:
        """The number of updates that clipping leaves unchanged."""
        if self.planned.clipping_location is None:
            return sum(is_within(norm, self.planned.bound) for norm in self.norms)
        return sum(indicator == 1 for indicator in self.indicators)

    def _stream(self, purpose: str) -> NoiseStream:
        assert self.spend.seed is not None
        return NoiseStream(bytes.fromhex(self.spend.seed), purpose)

    @property
    def _std_in_steps(self) -> float:
        return std_in_steps(self.planned.update_multiplier, self.planned.bound, self.values)

    @property
    def _scale(self) -> float:
        """From the sum in steps to the mean."""
        return granularity(self.planned.update_multiplier, self.planned.bound) / self.arrived
