"""Small real federations under privacy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from federation import Small

from fedtrain.api.reading import read_file
from fedtrain.manifests.privacy_ledger import Unit, released
from fedtrain.runner.privacy_files import entries_of_data

PEOPLE = ("zoo", "museum", "observatory")
NORM = 0.005
"""Below the norms of the updates, which are 0.009 to 0.03."""
FIXED = {"type": "Fixed", "norm": NORM}
ADAPTIVE = {"type": "Adaptive", "adaptive": {"initialNorm": NORM}}
EXAMPLE = {
    "unit": "Example",
    "noise": {"type": "Multiplier", "multiplier": 1.0},
    "clipping": {"type": "Fixed", "norm": 1.0},
}


def private(folder: Path, *, blocks: Mapping[str, Any] | None = None, **privacy: Any) -> Small:
    """Three participants, so that a round without one of them still hides each of the others. `privacy`: fields of
    the block; those that are missing are of unit Participant, and those that are None are left out. `blocks`: other
    blocks of the file."""
    changes: dict[str, Any] = {
        "participants": [{"name": who} for who in PEOPLE],
        "rounds": {"count": 2, "minParticipants": 2},
        "aggregation": {"weights": "Uniform"},
        "privacy": {
            "unit": "Participant",
            "budget": {"epsilon": 1000, "delta": 1e-5},
            "noise": {"type": "Multiplier", "multiplier": 0.5},
            "clipping": FIXED,
        }
        | {name: value for name, value in privacy.items() if value is not None},
    }
    return Small(folder, changes | dict(blocks or {}))


def private_rows(folder: Path, *, blocks: Mapping[str, Any] | None = None, **privacy: Any) -> Small:
    """The same with unit Example: participants measure nothing, because metrics have no noise."""
    unmeasured = {"evaluation": {"participants": None}}
    return private(folder, blocks=unmeasured | dict(blocks or {}), **(EXAMPLE | privacy))


def entered(small: Small, unit: Unit = "Participant") -> list[int]:
    """What the owners' ledgers beside the data have of each participant: rounds, or steps with unit Example."""
    federation = read_file(small.file)
    entries = (entries_of_data(federation, federation.policies[who].spec.datasets) for who in PEOPLE)
    return [sum(released(found, {"glosses"}, unit).values()) for found in entries]
