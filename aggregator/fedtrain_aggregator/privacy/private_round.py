"""A round under privacy, from its measured updates: which draw it has, and who adds the noise."""

from collections.abc import Sequence

from fedtrain.api.privacy import AdaptiveClipping, Privacy
from fedtrain.contracts.privacy_blocks import RoundPrivacy
from fedtrain.contracts.records import Close, Update
from fedtrain.ledger.ledger import Ledger
from fedtrain.privacy.gaussian_noise import check_range
from fedtrain_aggregator.privacy.draw import claim_draw
from fedtrain_aggregator.privacy.hub_noise import HubNoise
from fedtrain_aggregator.privacy.shared_noise import SharedNoise

PrivateRound = HubNoise | SharedNoise


def private_round(
    ledger: Ledger,
    close: Close,
    privacy: Privacy,
    planned: RoundPrivacy,
    records: Sequence[Update],
    norms: Sequence[float],
    values: int,
) -> PrivateRound:
    """Claim the draw of noise. `records`, `norms`: of the updates, which have passed all checks. `values`: number of
    values of an update. Raises Refused if the round may not be aggregated, and StoreError."""
    adaptive = privacy.clipping.adaptive or AdaptiveClipping()
    indicators, quarantined = [record.within_bound for record in records], len(close.quarantined)
    if planned.noise_shares is None:
        check_range(planned.update_multiplier, planned.bound, len(norms))
    spend = claim_draw(ledger, close, planned, privacy.testing_seed)
    if planned.noise_shares is not None:
        return SharedNoise(planned, spend, norms, indicators, quarantined, values, adaptive)
    return HubNoise(planned, spend, norms, indicators, quarantined, values, adaptive)
