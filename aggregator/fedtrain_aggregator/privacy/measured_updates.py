"""The updates of a round under privacy, measured before its draw of noise was claimed."""

from collections.abc import Sequence
from dataclasses import dataclass

from fedtrain.api.privacy import AdaptiveClipping
from fedtrain.contracts.noise_records import Spend
from fedtrain.contracts.privacy_blocks import RoundPrivacy


@dataclass(frozen=True)
class MeasuredUpdates:
    """`norms`: those that the updates claimed, and have but for the rounding. `indicators`: `Update.within_bound` of
    their records, where the participants clip. `quarantined`: number of updates that arrived and are left out. They
    count as zeros, so that the sum is divided by a number that does not depend on what an update contains. `values`:
    number of values of an update."""

    planned: RoundPrivacy
    spend: Spend
    norms: Sequence[float]
    indicators: Sequence[float | None]
    quarantined: int
    values: int
    adaptive: AdaptiveClipping

    @property
    def arrived(self) -> int:
        """Number of updates that the sum is divided by."""
        return len(self.norms) + self.quarantined
