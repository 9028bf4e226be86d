from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from private_round_on_disk import Make, maker
from round_on_disk import MakeRound, RoundOnDisk, Tensors, adapter, spec_of


@pytest.fixture
def make_round(tmp_path: Path) -> MakeRound:
    """(participants, start adapter, fixed weights, aggregation fields) -> a round to send updates to."""
    count = 0

    def make(
        participants: Sequence[str] = ("anna", "ben", "carla", "dora"),
        start: Tensors | None = None,
        fixed: Mapping[str, float] | None = None,
        **aggregation: Any,
    ) -> RoundOnDisk:
        nonlocal count
        count += 1
        folder = tmp_path / str(count)
        folder.mkdir()
        return RoundOnDisk(folder, spec_of(participants, fixed, **aggregation), start or adapter(0))

    return make


@pytest.fixture(params=[True, False], ids=["norms stated", "norms measured"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Fields of privacy -> a round with noise to send updates to."""
    return maker(tmp_path, states_norms=request.param)
