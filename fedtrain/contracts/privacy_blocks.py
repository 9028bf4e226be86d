"""The blocks of records under `spec.privacy`: how a round clips and adds noise, and what the run has spent."""

from typing import Annotated, Literal

from pydantic import Field

from fedtrain.api.base import Block
from fedtrain.api.privacy import ClippingNorm
from fedtrain.api.privacy import Multiplier as NoiseMultiplier
from fedtrain.contracts.record_fields import MAX_COUNT, Counted, Digest, Finite, Multiplier


class ExampleNoise(Block):
    """How a participant samples, clips and noises gradients with `privacy.unit: Example`. Each of `steps` steps has
    each training row with probability `probability`, `batch` of them on average. `bound`: largest L2 norm of one row's
    gradient. `multiplier`: standard deviation of the noise on the sum of the rows' gradients over `bound`."""

    probability: Annotated[float, Field(gt=0, le=1)]
    batch: Annotated[int, Field(ge=1)]
    steps: Annotated[int, Field(ge=1, le=MAX_COUNT)]
    bound: ClippingNorm
    multiplier: NoiseMultiplier


class RoundPrivacy(Block):
    """How the updates of a round are clipped and noised. `bound`: the clipping norm. `multiplier`: noise multiplier of
    the whole release; `update_multiplier`: of the updates, larger with adaptive clipping. `indicator_noise`: standard
    deviation of the noise on the number of unclipped updates; None with a fixed clipping norm. `clipping_location`:
    None if the hub clips. `noise_shares`: number of updates, at least, among which the participants share the noise;
    None if the hub adds it."""

    bound: Finite
    multiplier: Multiplier
    update_multiplier: Multiplier
    indicator_noise: Finite | None = None
    clipping_location: Literal["Client"] | None = None
    noise_shares: int | None = None


class NoisyMean(Block):
    """How the mean of the updates was made private. `bound`: the norm that clipped them. `noise_std`: standard
    deviation of the noise on each value of the mean. `spend`: digest of the Spend record. `next_bound`: clipping norm
    of the next round."""

    bound: Finite
    noise_std: Finite
    spend: Digest
    next_bound: Finite


class Releases(Block):
    """Number of noisy releases with one noise multiplier."""

    multiplier: Multiplier
    count: Counted


class ParticipantReleases(Block):
    """Number of noisy steps of one participant with one sampling probability and noise multiplier; or of its updates
    with a share of the noise, which are not sampled."""

    participant: str
    probability: Finite
    multiplier: Finite
    steps: int


class PrivacyState(Block):
    """After a round: the clipping norm of the next round, and all noisy releases since the run began, of rounds that
    were skipped or repeated too. `participants`: what all attempts have released, where participants draw the noise:
    steps with `privacy.unit: Example`, and updates, which the hub sees, with `noise.location: Client`."""

    bound: Finite
    spent: tuple[Releases, ...] = ()
    participants: tuple[ParticipantReleases, ...] = ()
