"""Renyi differential privacy (Mironov 2017) for cohorts of a fixed size (Wang, Balle, Kasiviswanathan 2019)."""

from collections.abc import Mapping

from fedtrain.privacy.accounting.accountant import Relation
from fedtrain.privacy.accounting.release import AllRounds, FixedSize, Release, Sampling


class Rdp:
    """dp-accounting's RdpAccountant, under replacement of one unit.

    dp-accounting takes the multiplier relative to the sensitivity under the accountant's relation. Replacing a
    contribution of norm C by another changes the sum by up to 2 C, so its multiplier is half of the release's."""

    name = "RDP"
    relation: Relation = "ReplaceOne"

    def supports(self, sampling: Sampling) -> bool:
        return isinstance(sampling, AllRounds | FixedSize)

    def epsilon(self, releases: Mapping[Release, int], delta: float) -> float:
        import dp_accounting as dp  # pyright: ignore[reportMissingTypeStubs]
        from dp_accounting.rdp import RdpAccountant  # pyright: ignore[reportMissingTypeStubs]

        accountant = RdpAccountant(neighboring_relation=dp.NeighboringRelation.REPLACE_ONE)
        for release, count in sorted(releases.items(), key=str):  # one order: float sums depend on it
            gaussian = dp.GaussianDpEvent(release.multiplier / 2)
            sampling, event = release.sampling, gaussian
            if isinstance(sampling, FixedSize):
                event = dp.SampledWithoutReplacementDpEvent(sampling.population, sampling.cohort, gaussian)
            accountant.compose(event, count)
        return float(accountant.get_epsilon(delta))
