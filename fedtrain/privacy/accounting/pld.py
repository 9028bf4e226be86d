"""Privacy loss distributions (Koskela, Jaelkoe, Honkela 2020; Doroshenko et al. 2022): tight for Poisson sampling."""

from collections.abc import Mapping

from fedtrain.privacy.accounting.accountant import Relation
from fedtrain.privacy.accounting.release import AllRounds, Poisson, Release, Sampling


class Pld:
    """dp-accounting's PLDAccountant, under addition or removal of one unit."""

    name = "PLD"
    relation: Relation = "AddOrRemoveOne"

    def supports(self, sampling: Sampling) -> bool:
        return isinstance(sampling, AllRounds | Poisson)

    def epsilon(self, releases: Mapping[Release, int], delta: float) -> float:
        import dp_accounting as dp  # pyright: ignore[reportMissingTypeStubs]
        from dp_accounting.pld import PLDAccountant  # pyright: ignore[reportMissingTypeStubs]

        accountant = PLDAccountant(dp.NeighboringRelation.ADD_OR_REMOVE_ONE)
        for release, count in sorted(releases.items(), key=str):  # one order: float sums depend on it
            gaussian = dp.GaussianDpEvent(release.multiplier)
            sampling = release.sampling
            poisson = isinstance(sampling, Poisson)
            event = dp.PoissonSampledDpEvent(sampling.probability, gaussian) if poisson else gaussian
            accountant.compose(event, count)
        return float(accountant.get_epsilon(delta))
