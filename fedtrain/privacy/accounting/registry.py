"""The accountants by name, in order of preference: the first one that supports all releases of a run is used. Later
ones support kinds of sampling that earlier ones do not."""

from fedtrain.privacy.accounting.accountant import Accountant
from fedtrain.privacy.accounting.errors import AccountingError
from fedtrain.privacy.accounting.exact_gaussian import ExactGaussian
from fedtrain.privacy.accounting.pld import Pld
from fedtrain.privacy.accounting.release import Sampling

_ACCOUNTANTS: dict[str, Accountant] = {}


def register(accountant: Accountant) -> None:
    """Add an accountant, after those that are registered. Raises ValueError if its name is taken."""
    if accountant.name in _ACCOUNTANTS:
        raise ValueError(f"There are two accountants named {accountant.name}. Rename one of them.")
    _ACCOUNTANTS[accountant.name] = accountant


def accountant_for(*samplings: Sampling) -> Accountant:
    """Return the accountant for releases with all of `samplings`. Raises AccountingError if there is none.

    Without sampling there is a closed form (Balle and Wang 2018); with it, a privacy loss distribution is needed
    (Koskela et al. 2020):

    >>> from fedtrain.privacy.accounting import AllRounds, Poisson
    >>> accountant_for(AllRounds()).name, accountant_for(AllRounds(), Poisson(0.1)).name
    ('exact Gaussian', 'PLD')
    """
    for accountant in _ACCOUNTANTS.values():
        if all(accountant.supports(sampling) for sampling in samplings):
            return accountant
    names = ", ".join(sorted({type(sampling).__name__ for sampling in samplings}))
    raise AccountingError(f"No accountant composes rounds with these kinds of sampling: {names}.")


register(ExactGaussian())
register(Pld())
