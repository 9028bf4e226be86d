"""A noisy release: what an accountant composes."""

from dataclasses import dataclass

from fedtrain.privacy.accounting.errors import AccountingError
from fedtrain.privacy.noise import check_multiplier


@dataclass(frozen=True)
class AllRounds:
    """No subsampling: every unit is in every round."""


@dataclass(frozen=True)
class Poisson:
    """Each unit is in a round with this probability, independently of the others."""

    probability: float

    def __post_init__(self) -> None:
        if not 0 < self.probability <= 1:
            raise AccountingError(f"The sampling probability is {self.probability}. Set it above 0 and up to 1.")


@dataclass(frozen=True)
class FixedSize:
    """A round has `cohort` units, drawn without replacement from `population`, independently of other rounds."""

    cohort: int
    population: int

    def __post_init__(self) -> None:
        if not 1 <= self.cohort <= self.population:
            raise AccountingError(f"A round cannot sample {self.cohort} of {self.population} units.")


Sampling = AllRounds | Poisson | FixedSize


@dataclass(frozen=True)
class Release:
    """The sum of clipped contributions plus Gaussian noise. `multiplier`: standard deviation of the noise over the
    clipping norm."""

    multiplier: float
    sampling: Sampling = AllRounds()

    def __post_init__(self) -> None:
        try:
            check_multiplier(self.multiplier)
        except ValueError as error:
            raise AccountingError(str(error)) from None
