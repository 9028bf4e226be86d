"""`spec.privacy`: differential privacy of the global adapters, under a budget."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from fedtrain.api.base import Block, NonNegativeInt, Number, Union
from fedtrain.privacy.accounting.budget import LARGEST_MULTIPLIER, SMALLEST_MULTIPLIER
from fedtrain.privacy.clipping import LARGEST_NORM, SMALLEST_NORM

Epsilon = Annotated[Number, Field(ge=1e-6, le=1000)]
Delta = Annotated[Number, Field(ge=1e-10, lt=1)]
ClippingNorm = Annotated[Number, Field(ge=SMALLEST_NORM, le=LARGEST_NORM)]
Multiplier = Annotated[Number, Field(ge=SMALLEST_MULTIPLIER, le=LARGEST_MULTIPLIER)]
Quantile = Annotated[Number, Field(ge=0.01, le=0.99)]
ClippingRate = Annotated[Number, Field(ge=0.001, le=1)]


class Budget(Block):
    """Limit on the privacy loss of the whole run."""

    epsilon: Epsilon
    """Largest privacy loss. A round that would exceed it does not start."""
    delta: Delta
    """Probability with which the loss may exceed epsilon. Less than 1 / number of participants; with unit Example, less
    than 1 / number of training rows of each participant."""
    on_exhausted: Literal["Halt", "Fail"] = "Halt"
    """Action when no further round fits. `Halt`: the run ends with the last adapter. `Fail`: the run fails."""


class Noise(Block):
    """Gaussian noise on the sum of the updates, before the server's optimizer step; with unit Example, on the sum of
    the gradients of a step's rows."""

    unions: ClassVar[tuple[Union, ...]] = (Union(discriminator="type", required={"Multiplier": "multiplier"}),)

    type: Literal["Budget", "Multiplier"] = "Budget"
    """`Budget`: the smallest noise with which all rounds fit into the budget. `Multiplier`: a given noise."""
    multiplier: Multiplier | None = None
    """Standard deviation of the noise on the sum, divided by the clipping norm. Only with type Multiplier."""
    location: Literal["Server", "Client"] = "Server"
    """Who adds the noise. `Server`: the hub. `Client`: each participant adds a share to its update before it leaves;
    `rounds.minParticipants` - 1 shares together are the noise. Only with unit Participant and
    `clipping.location: Client`."""


class AdaptiveClipping(Block):
    """Adaptive clipping (Andrew et al. 2021): the clipping norm follows a quantile of the updates' norms."""

    initial_norm: ClippingNorm = 0.1
    """Clipping norm of the first round."""
    target_quantile: Quantile = 0.5
    """Fraction of the updates that clipping should leave unchanged."""
    learning_rate: ClippingRate = 0.2
    """Speed at which the clipping norm follows the quantile."""
    indicator_noise: Multiplier | None = None
    """Standard deviation of the noise on the number of unclipped updates. It must be greater than the noise
    multiplier. Defaults to participants / 20, or to twice the noise multiplier if that is larger."""


class Clipping(Block):
    """Bound on the L2 norm of each update, over all its tensors. Larger updates are scaled down. With unit Example,
    bound on the norm of the gradient of each row."""

    unions: ClassVar[tuple[Union, ...]] = (
        Union(discriminator="type", required={"Fixed": "norm"}, optional={"Adaptive": "adaptive"}),
    )

    type: Literal["Fixed", "Adaptive"]
    """`Fixed`: the same norm in all rounds. `Adaptive`: the norm follows a quantile of the updates' norms."""
    location: Literal["Server", "Client"] = "Server"
    """Where updates are clipped. `Server`: the hub. `Client`: each participant, before its update leaves; the hub
    quarantines an update that is not clipped. Only with unit Participant: with unit Example, each participant clips."""
    norm: ClippingNorm | None = None
    """The clipping norm. Only with type Fixed."""
    adaptive: AdaptiveClipping | None = None
    """Parameters of adaptive clipping. Only with type Adaptive."""


class Privacy(Block):
    """Differential privacy: everyone who sees an adapter learns little about any one participant, or any one row."""

    unit: Literal["Participant", "Example"]
    """What is protected. `Participant`: all data of one participant. Participants trust the hub with their updates, or
    with less (`clipping.location`, `noise.location`). `Example`: one training row of one participant, which samples
    rows, clips their gradients and adds noise in each step (DP-SGD)."""
    budget: Budget
    """Limit on the privacy loss."""
    noise: Noise = Noise()
    """Amount of noise."""
    clipping: Clipping
    """Clipping of the updates, or of the gradients of rows."""
    testing_seed: NonNegativeInt | None = None
    """Draws the noise from this seed, so that a test can repeat a run. The run is not private then."""
