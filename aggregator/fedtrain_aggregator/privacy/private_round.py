"""A round under privacy: how its updates are summed, and once they have passed all checks, which draw of noise it has
and who adds it."""

from collections.abc import Sequence

from fedtrain.api.privacy import AdaptiveClipping, Privacy
from fedtrain.contracts.privacy_blocks import RoundPrivacy
from fedtrain.contracts.records import Close
from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.ledger import Ledger
from fedtrain_aggregator.combine import Combine, Mean
from fedtrain_aggregator.privacy.clipped_sum import ClippedSum
from fedtrain_aggregator.privacy.draw import claim_draw
from fedtrain_aggregator.privacy.hub_noise import HubNoise
from fedtrain_aggregator.privacy.shared_noise import SharedNoise

PrivateRound = HubNoise | SharedNoise


def private_sum(planned: RoundPrivacy, norms: Sequence[float], arrived: int) -> Combine:
    """Return the sum that the noise is for: of updates that are clipped by these norms; where the participants add the
    noise, the mean of the noisy updates, of which `arrived` came. Raises ValueError."""
    return ClippedSum(planned, norms) if planned.noise_shares is None else Mean([1 / arrived for _ in norms])


def private_round(
    ledger: Ledger,
    close: Close,
    privacy: Privacy,
    planned: RoundPrivacy,
    records: Sequence[Update],
    norms: Sequence[float],
    values: int,
) -> PrivateRound:
    """Claim the draw of noise. `records`, `norms`: of the updates, which have passed all checks, with the norms that
    they claimed. `values`: number of values of an update. Raises Refused if the round may not be aggregated, and
    StoreError."""
    adaptive = privacy.clipping.adaptive or AdaptiveClipping()
    indicators, quarantined = [record.within_bound for record in records], len(close.quarantined)
    spend = claim_draw(ledger, close, planned, privacy.testing_seed)
    if planned.noise_shares is not None:
        return SharedNoise(planned, spend, norms, indicators, quarantined, values, adaptive)
    return HubNoise(planned, spend, norms, indicators, quarantined, values, adaptive)
