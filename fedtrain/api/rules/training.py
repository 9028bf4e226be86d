"""Rules on `spec.training`, and on what a participant overrides of it."""

from fedtrain.api.participants import Participant
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.participants import at_participants
from fedtrain.api.rules.rule import Cel, Violations, broken, rule
from fedtrain.api.training import Training

LARGEST = 1
"""Largest learning rate of AdamW: no step of a weight is much larger than it."""
_MESSAGE = "A learning rate of {rate} diverges: AdamW changes each weight by about that much in a step."
_FIX = "Use `1e-5` to `1e-3`, such as `2e-4`."


@rule(
    Training,
    "learningRate",
    message=_MESSAGE,
    fix=_FIX,
    cel=Cel(
        valid=f"self.optimizer != 'AdamW' || self.learningRate <= {LARGEST}.0",
        values={"rate": "self.learningRate"},
    ),
)
def learning_rate_fits_the_optimizer(training: Training, context: Context) -> Violations:
    """With AdamW, `learningRate` is at most 1."""
    if training.optimizer == "AdamW" and training.learning_rate > LARGEST:
        yield broken(rate=f"{training.learning_rate:g}")


_OVER = f"has(p.training) && has(p.training.learningRate) && p.training.learningRate > {LARGEST}.0"


@rule(
    Participant,
    "training.learningRate",
    message=_MESSAGE,
    fix=_FIX,
    cel=at_participants(
        f"self.training.optimizer != 'AdamW' || self.participants.all(p, !({_OVER}))",
        {"rate": f"self.participants.filter(p, {_OVER})[0].training.learningRate"},
        _OVER,
    ),
)
def own_learning_rate_fits_the_optimizer(participant: Participant, context: Context) -> Violations:
    """With AdamW, a participant's `training.learningRate` is at most 1."""
    rate = participant.training.learning_rate
    if rate is not None and rate > LARGEST and context.spec.training.optimizer == "AdamW":
        yield broken(rate=f"{rate:g}")
