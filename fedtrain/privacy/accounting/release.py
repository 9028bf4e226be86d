"""A noisy release: what an accountant composes."""

from dataclasses import dataclass

from fedtrain.privacy.accounting.errors import AccountingError
from fedtrain.privacy.noise import check_multiplier


@dataclass(frozen=True)
class AllRounds:
    """No subsampling: every unit is in every round."""


@dataclass(frozen=True)
class Poisson:
    """Each unit is in a round with this probability, independently of the others.

    256 of 1,890 rows on average:

    >>> round(Poisson(256 / 1890).probability, 3)
    0.135
    """

    probability: float

    def __post_init__(self) -> None:
        if not 0 < self.probability <= 1:
            raise AccountingError(f"The sampling probability is {self.probability}. Set it above 0 and up to 1.")


Sampling = AllRounds | Poisson


@dataclass(frozen=True)
class Release:
    """The sum of clipped contributions plus Gaussian noise (Abadi et al. 2016, Algorithm 1). `multiplier`: standard
    deviation of the noise over the clipping norm.

    >>> Release(0.0)
    Traceback (most recent call last):
    fedtrain.privacy.accounting.errors.AccountingError: The noise multiplier is 0, but must be from 1e-06 to 1e+06.
    """

    multiplier: float
    sampling: Sampling = AllRounds()

    def __post_init__(self) -> None:
        try:
            check_multiplier(self.multiplier)
        except ValueError as error:
            raise AccountingError(str(error)) from None
