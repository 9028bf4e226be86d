"""One draw of noise: claimed in the ledger first, then used."""

import secrets

from blake3 import blake3

from fedtrain.contracts import names
from fedtrain.contracts.noise_records import Spend
from fedtrain.contracts.privacy_blocks import RoundPrivacy
from fedtrain.contracts.records import Close, Manifest, Plan
from fedtrain.ledger.ledger import Ledger
from fedtrain.privacy.gaussian_noise import SEED_BYTES
from fedtrain_aggregator.errors import Refused


def planned_privacy(ledger: Ledger, round: int) -> RoundPrivacy:
    """Return how the plan says that the updates are clipped and noised. Raises Refused if it does not say so, and
    StoreError."""
    plan = ledger.read(names.plan(round), Plan)
    if plan is None or plan.privacy is None:
        raise Refused(
            f"The training has spec.privacy, but {names.plan(round)} in {ledger.url} does not say how to clip and "
            "noise the updates, so they are not aggregated. Update the coordinator."
        )
    return plan.privacy


def claim_draw(ledger: Ledger, close: Close, privacy: RoundPrivacy, testing_seed: int | None) -> Spend:
    """Claim the noise of a close, or adopt the draw that an earlier execution claimed. Raises Refused if no noise may
    be drawn for it any more, and StoreError."""
    _check_open(ledger, close)
    made = Spend(
        run_id=close.run_id,
        round=close.round,
        k=close.k,
        multiplier=privacy.multiplier,
        seed=_seed(close, testing_seed).hex() if privacy.noise_shares is None else None,
    )
    found = ledger.claim(names.spend(close.round, close.k), made)
    _check_open(ledger, close)  # the round may have been recorded before the claim, without this draw
    if found.multiplier is None or (found.seed is None and privacy.noise_shares is None):
        raise Refused(f"{names.spend(close.round, close.k)} says that this close is not aggregated any more.")
    if (found.run_id, found.round, found.k) != (close.run_id, close.round, close.k):
        raise Refused(
            f"{names.spend(close.round, close.k)} is of close {found.k} of round {found.round}, so it would not be "
            "counted. Run `fedtrain ledger verify`."
        )
    if found.multiplier != privacy.multiplier:
        raise Refused(
            f"{names.spend(close.round, close.k)} has noise multiplier {found.multiplier:g}, but the plan has "
            f"{privacy.multiplier:g}."
        )
    return found


def _check_open(ledger: Ledger, close: Close) -> None:
    """Raises Refused if the round is recorded: its manifest counts the draws up to then, and no later one."""
    if ledger.read(names.manifest(close.round), Manifest) is not None:
        raise Refused(f"Round {close.round} is recorded, so close {close.k} gets no noise any more.")


def _seed(close: Close, testing_seed: int | None) -> bytes:
    if testing_seed is None:
        return secrets.token_bytes(SEED_BYTES)
    return blake3(f"fedtrain/testing-seed/1/{testing_seed}/{close.round}/{close.k}".encode()).digest(SEED_BYTES)
