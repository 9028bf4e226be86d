"""Runs that nothing disturbs."""

from pathlib import Path

from federation import Small


def test_training_changes_the_adapter(undisturbed: Small) -> None:
    adapters = [manifest.adapter for manifest in undisturbed.manifests()]
    assert len(set(adapters)) == len(adapters) == 3


def test_one_worker_gives_the_digests_of_two(zygote: str, undisturbed: Small, tmp_path: Path) -> None:
    small = Small(tmp_path / "run")
    assert small.run(zygote, parallel=1).returncode == 0
    assert small.digests() == undisturbed.digests()


def test_a_finished_run_is_left_as_it_is(zygote: str, undisturbed: Small) -> None:
    before = undisturbed.ledger.names("rounds/")
    done = undisturbed.run(zygote)
    assert done.returncode == 0
    assert undisturbed.ledger.names("rounds/") == before


def test_each_participant_measures_the_final_adapter_once(undisturbed: Small) -> None:
    measured = undisturbed.ledger.names("rounds/0002/measurements/")
    assert [name.rsplit("/", 1)[1] for name in measured] == ["museum.json", "zoo.json"]
    assert not undisturbed.ledger.names("rounds/0003/")
