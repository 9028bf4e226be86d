"""Runs with privacy.unit: Participant, and what their ledgers have spent."""

from typing import Any

from rounds_world import World

from fedtrain.contracts.noise_records import Spend
from fedtrain.contracts.records import Manifest
from fedtrain.privacy.accounting import Release, epsilon

DELTA = 1e-5


def private(budget: float = 8.0, multiplier: float | None = None, **fields: Any) -> dict[str, Any]:
    noise = {"type": "Budget"} if multiplier is None else {"type": "Multiplier", "multiplier": multiplier}
    return {
        "unit": "Participant",
        "budget": {"epsilon": budget, "delta": DELTA} | fields,
        "noise": noise,
        "clipping": {"type": "Adaptive", "adaptive": {"initialNorm": 0.5}},
    }


def draws(world: World) -> list[Spend]:
    """All draws of noise that the ledger has."""
    listed = [name for name in world.open().names("rounds/") if "/spend-" in name]
    found = [world.open().read(name, Spend) for name in listed]
    return [spend for spend in found if spend is not None and spend.multiplier is not None]


def spent(manifest: Manifest) -> dict[float, int]:
    assert manifest.privacy is not None
    return {one.multiplier: one.count for one in manifest.privacy.spent}


def check_account(world: World) -> None:
    """The newest manifest counts all draws of its rounds, and the budget is kept."""
    privacy, newest = world.spec.privacy, world.manifests()[-1]
    assert privacy is not None
    drawn = draws(world)
    assert sum(spent(newest).values()) == sum(draw.round <= newest.round for draw in drawn)
    releases: dict[Release, int] = {}
    for draw in drawn:
        releases[Release(draw.multiplier or 0)] = releases.get(Release(draw.multiplier or 0), 0) + 1
    assert epsilon(releases, privacy.budget.delta) <= privacy.budget.epsilon
