"""Processes of a private run are killed at every write of noise: each draw is counted once, and no noisy byte is left
that none counts."""

from pathlib import Path
from typing import Any

import pytest
from federation import Ran, Small
from private_federation import PEOPLE, entered, private, private_rows

from fedtrain.contracts import names
from fedtrain.contracts.noise_records import NoiseDraw, Spend
from fedtrain.contracts.privacy_blocks import PrivacyState
from fedtrain.contracts.records import Aggregate, Grant, Initial
from fedtrain.contracts.untrusted_records import Update
from fedtrain.ledger.verify import verify
from tests.support.made_once import made_once

BLOCKS: dict[str, Any] = {
    "rounds": {"count": 1, "minParticipants": 2, "retries": 9},
    "aggregation": {"weights": "Uniform", "strategy": "FedAvgM"},  # its state is a noisy blob too
}
NOISY_BLOB = "blobs/(?!{initial})"
HUB = [r"rounds/0001/spend-1\.json$", NOISY_BLOB, r"rounds/0001/aggregate-1\.json$"]
"""The adapter is the first noisy blob, and the state the next one: killed before the record, both are written."""
ZOO = r"rounds/0001/updates/zoo/\d/"
PARTICIPANT = [rf"{ZOO}noise\.json$", rf"{ZOO}[^/]*\.safetensors$", rf"{ZOO}record\.json$"]


def kill(small: Small, zygote: str, *faults: str) -> None:
    """Run to the end; a process is killed at each of `faults`. A run that is killed itself is started again."""
    killed = small.folder / "killed"

    def run() -> Ran:
        return small.run(
            zygote,
            parallel=1,
            FEDTRAIN_TEST_KILL=" ".join(faults),
            FEDTRAIN_TEST_KILLED=str(killed),
            FEDTRAIN_TEST_BACK_OFF="0.02",
        )

    runs = [run()]
    while runs[-1].returncode == 137 and len(runs) <= len(faults):
        runs.append(run())
    assert runs[-1].returncode == 0, runs[-1].said
    for number, fault in enumerate(faults):
        assert Path(f"{killed}.{number}").exists(), f"nothing was killed {fault}: {[run.said for run in runs]}"


def around(*writes: str) -> list[str]:
    return [f"{when}:{write}" for write in writes for when in ("before", "after")]


def last_state(small: Small) -> PrivacyState:
    found = small.manifests()[-1].privacy
    assert found is not None
    return found


def initial_blobs(small: Small) -> set[str]:
    initial = small.ledger.read(names.initial(), Initial)
    assert initial is not None
    return {names.blob(initial.adapter), names.blob(initial.config)}


@pytest.fixture(scope="module")
def undisturbed_at_the_hub(zygote: str, tmp_path_factory: pytest.TempPathFactory) -> Small:
    def make(folder: Path) -> None:
        done = private(folder, blocks=BLOCKS, testingSeed=7).run(zygote, parallel=1)
        assert done.returncode == 0, done.said

    return Small(made_once(tmp_path_factory, "private-undisturbed", make), made=True)


@pytest.mark.parametrize("seed", [None, 7])
def test_a_draw_of_the_hub_is_used_again_by_each_aggregator_that_follows(
    seed: int | None, zygote: str, undisturbed_at_the_hub: Small, tmp_path: Path
) -> None:
    """Without a testing seed, other noise would be another adapter."""
    small = private(tmp_path / "run", blocks=BLOCKS, testingSeed=seed)
    initial = initial_blobs(undisturbed_at_the_hub)
    known = "|".join(name.removeprefix("blobs/") for name in sorted(initial))
    kill(small, zygote, *around(*(write.replace("{initial}", known) for write in HUB)))
    assert initial_blobs(small) == initial
    assert [one.count for one in last_state(small).spent] == [1]
    spend, aggregate = (
        small.ledger.read(names.spend(1, 1), Spend),
        small.ledger.read(names.aggregate(1, 1), Aggregate),
    )
    assert spend is not None
    assert aggregate is not None
    assert aggregate.state is not None
    noisy = {names.blob(aggregate.adapter), names.blob(aggregate.state)}
    assert set(small.ledger.names("blobs/")) == initial | noisy, "each noisy byte is one of the draw that counts"
    assert [name for name in small.ledger.names("rounds/0001/") if "spend-" in name] == [names.spend(1, 1)]
    assert verify(small.ledger).sound
    if seed is not None:
        assert small.digests() == undisturbed_at_the_hub.digests()


def test_each_attempt_of_a_participant_that_draws_noise_counts_once(zygote: str, tmp_path: Path) -> None:
    """Its trainer is killed before and after each write of an update, so each attempt draws other noise."""
    small = private_rows(tmp_path / "run", blocks=BLOCKS)
    kill(small, zygote, *around(*PARTICIPANT))
    attempts = range(1, 7)
    for attempt in attempts:
        draw = small.ledger.read(names.noise_draw(1, "zoo", attempt), NoiseDraw)
        sent = [name for name in small.ledger.names(names.update_folder(1, "zoo", attempt)) if "safetensors" in name]
        record = small.ledger.read(names.update(1, "zoo", attempt), Update)
        assert (draw is not None) == (attempt >= 2), attempt
        assert len(sent) == (attempt >= 4), "no noisy byte without a draw, and one update of a draw"
        assert (record is not None) == (attempt == 6), attempt
        assert attempt == 1 or small.ledger.read(names.grant(1, "zoo", attempt), Grant) is not None
    steps = {one.participant: one.steps for one in last_state(small).participants}
    assert steps == {"museum": 2, "observatory": 2, "zoo": 2 * len(attempts)}
    assert entered(small, "Example") == [steps[who] for who in PEOPLE]
    assert verify(small.ledger).sound


def test_noise_of_a_known_seed_is_the_same_if_the_run_is_killed_once_it_is_recorded(
    zygote: str, tmp_path: Path
) -> None:
    undisturbed, small = (private_rows(tmp_path / name, blocks=BLOCKS, testingSeed=7) for name in ("whole", "killed"))
    assert undisturbed.run(zygote, parallel=1).returncode == 0
    kill(small, zygote, rf"after:{ZOO}record\.json$", *around(r"rounds/0001/close-1\.json$"))
    assert small.digests() == undisturbed.digests()
    assert last_state(small) == last_state(undisturbed)
    assert verify(small.ledger).sound
