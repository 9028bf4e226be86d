"""The state of privacy that each round records: its noisy releases so far, the clipping norm, what participants spent.

All of it comes from records. A draw of noise counts from the moment its Spend record exists, whether or not its round
is ever recorded, so a crash can neither forget a spend nor count one twice.
"""

from collections.abc import Iterable

from fedtrain.api.privacy_parameters import parameters
from fedtrain.contracts import names
from fedtrain.contracts.example_spending import spent_after as spent_by_participants
from fedtrain.contracts.noise_records import Spend
from fedtrain.contracts.privacy_blocks import PrivacyState, Releases, RoundPrivacy
from fedtrain.contracts.records import Aggregate, Manifest
from fedtrain.privacy.accounting import AccountingError, Release, after
from fedtrain.rounds.example_privacy import state_after
from fedtrain.rounds.snapshot import Snapshot


def initial_state(snapshot: Snapshot) -> PrivacyState | None:
    """Return the state before round 1; None without privacy. Raises AccountingError."""
    spec = snapshot.spec
    if spec.example_privacy is not None:
        return PrivacyState(bound=spec.example_privacy.clipping.norm or 0.0)
    privacy = spec.participant_privacy
    return None if privacy is None else PrivacyState(bound=parameters(spec, privacy).initial_norm)


def round_privacy(snapshot: Snapshot) -> RoundPrivacy | None:
    """Return how the updates of the current round are clipped and noised; None without `unit: Participant`. Raises
    AccountingError."""
    privacy, manifest = snapshot.spec.participant_privacy, snapshot.ledger.manifest
    if privacy is None:
        return None
    found = parameters(snapshot.spec, privacy)
    if manifest is None or manifest.privacy is None:
        raise AccountingError(f"{names.manifest(snapshot.ledger.round - 1)} has no state of privacy")
    return RoundPrivacy(
        bound=manifest.privacy.bound,
        multiplier=found.release.multiplier,
        update_multiplier=found.update_multiplier,
        indicator_noise=found.indicator_noise,
        clipping_location="Client" if privacy.clipping.location == "Client" else None,
        noise_shares=found.shares,
    )


def next_state(snapshot: Snapshot, manifest: Manifest, aggregate: Aggregate | None = None) -> PrivacyState | None:
    """Return the state after the current round; None without privacy. `manifest`: the previous one. `aggregate`: of a
    committed round."""
    if manifest.privacy is None or snapshot.spec.example_privacy is not None:
        return state_after(snapshot, manifest)
    spent = spent_after(manifest, snapshot.ledger.current.spends.values())
    bound = aggregate.privacy.next_bound if aggregate and aggregate.privacy else manifest.privacy.bound
    releases = (Releases(multiplier=one.multiplier, count=count) for one, count in spent.items())
    current = snapshot.ledger.current
    return PrivacyState(
        bound=bound,
        spent=tuple(sorted(releases, key=lambda one: one.multiplier)),
        participants=spent_by_participants(manifest.privacy.participants, current.plan, current.grants),
    )


def spent_after(manifest: Manifest | None, spends: Iterable[Spend]) -> dict[Release, int]:
    """Return the noisy releases up to `manifest`, and those of `spends`."""
    releases: dict[Release, int] = {}
    for past in manifest.privacy.spent if manifest and manifest.privacy else ():
        releases = after(releases, Release(past.multiplier), past.count)
    for spend in spends:
        if spend.multiplier is not None:
            releases = after(releases, Release(spend.multiplier))
    return releases
