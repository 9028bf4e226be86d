"""Records state the norms by which the hub clips: whatever a record says, no update adds more than the bound."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fedtrain_aggregator import aggregate as module
from fedtrain_aggregator.engine import read_updates as engine
from private_round_on_disk import ADAPTIVE, PEOPLE, SHAPES, Make, Private, filled, maker
from pydantic import ValidationError
from round_on_disk import A, adapter, norm_in

from fedtrain.contracts import names
from fedtrain.contracts.records import Close

ANOTHER = "its norm is not the one that its record states"
OTHER_BYTES = "its file does not have the digest that its record states"


@pytest.fixture
def make(tmp_path: Any) -> Make:
    return maker(tmp_path)


def with_record(make: Make, update: dict[str, Any], **record: Any) -> Private:
    """A round in which anna sends `update` with fields of a record that say otherwise."""
    made = make(bound=1.0)
    made.round.send("anna", update, **record)
    for number, who in enumerate(PEOPLE[1:]):
        made.round.send(who, adapter(number + 2, SHAPES, 0.1))
    made.round.close()
    return made


def test_one_close_leaves_out_all_bad_updates(make: Make) -> None:
    """A file that cannot be opened, another norm than stated, and other bytes than stated."""
    made = make(bound=1.0, people=(*PEOPLE, "emil"))
    made.round.send("anna", adapter(1, SHAPES, 0.1), norm=1e-3)
    made.round.send("ben", None)
    made.round.send("carla", adapter(3, SHAPES, 0.1), digest="blake3:" + "1" * 64)
    made.round.send("dora", adapter(4, SHAPES, 0.1), norm=None)
    made.round.send("emil", adapter(5, SHAPES, 0.1))
    made.round.close()
    found = made.round.aggregate()
    assert isinstance(found, Close)
    assert [(one.participant, one.reason) for one in found.quarantined] == [
        ("anna", ANOTHER),
        ("ben", "its object is gone"),
        ("carla", OTHER_BYTES),
    ]
    assert len(made.aggregated(found.k).weights) == 2


def true_norm(update: dict[str, Any]) -> float:
    return float(np.sqrt(sum(np.sum(values.astype(np.float64) ** 2) for values in update.values())))


@pytest.mark.parametrize("scale", [1e-4, 10.0])  # below the bound, and above
@pytest.mark.parametrize("lie", [0.0, -0.0, 5e-324, 1e-300, 0.5, 1 - 1e-9, 1 + 1e-7, 2.0, 1e6, 1e300])
def test_an_update_with_another_norm_than_stated_is_left_out_before_noise_is_drawn(
    lie: float, scale: float, make: Make
) -> None:
    update = adapter(1, SHAPES, scale)
    norm = lie * true_norm(update) if 0.1 < lie < 10 else lie
    made = with_record(make, update, norm=norm)
    before = made.blobs()
    found = made.round.aggregate()
    assert isinstance(found, Close)
    assert [(one.participant, one.reason) for one in found.quarantined] == [("anna", ANOTHER)]
    assert made.spend() is None
    assert made.blobs() == before
    assert len(made.aggregated(found.k).weights) == 3


def test_an_update_that_hides_a_large_one_behind_a_small_norm_does_not_reach_the_adapter(make: Make) -> None:
    """Its values overflow the integers of the sum, which is discarded."""
    update = adapter(1, SHAPES, 60_000.0 / 5)
    made = with_record(make, update, norm=0.5)
    found = made.round.aggregate()
    assert isinstance(found, Close)
    assert [one.reason for one in found.quarantined] == [ANOTHER]
    assert np.abs(made.step(made.aggregated(found.k))).max() < 3 * 10


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e5])
@pytest.mark.parametrize("norm", [None, 0.0, 1.0])
def test_a_bad_value_is_found_whatever_norm_is_stated(value: float, norm: float | None, make: Make) -> None:
    update = adapter(1, SHAPES, 0.1)
    update[A][3, 3] = value
    found = with_record(make, update, norm=norm).round.aggregate()
    assert isinstance(found, Close)
    ((who, reason),) = [(one.participant, one.reason) for one in found.quarantined]
    assert who == "anna"
    assert reason != ANOTHER
    assert "value" in reason


@pytest.mark.parametrize("norm", [float("nan"), float("inf"), float("-inf"), -1.0, -5e-324])
def test_a_record_with_no_norm_of_a_vector_is_malformed(norm: float, make: Make) -> None:
    with pytest.raises(ValidationError):
        with_record(make, adapter(1, SHAPES, 0.1), norm=norm)


def test_updates_of_zeros_state_zero(make: Make) -> None:
    update = {name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()}
    assert norm_in(make().round.bytes_of(update)) == 0.0
    made = with_record(make, update)
    assert len(made.aggregated().weights) == 4


@pytest.mark.parametrize("clipping", [{}, {"indicator_noise": 2.0, "clipping": ADAPTIVE}])
@pytest.mark.parametrize("scale", [1e-4, 0.1])
def test_the_adapter_is_the_same_whether_the_norms_are_stated_or_measured(
    clipping: dict[str, Any], scale: float, make: Make, tmp_path: Any
) -> None:
    (tmp_path / "older").mkdir()
    older = maker(tmp_path / "older", states_norms=False)
    stated, measured = (filled(one(**clipping), scale).aggregated() for one in (make, older))
    assert stated.adapter == measured.adapter
    assert stated.privacy is not None
    assert measured.privacy is not None
    assert stated.privacy.next_bound == measured.privacy.next_bound


def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The participants whose updates are read from the first byte, in each pass."""
    found: list[str] = []

    class Counting(engine.Measurement):
        def __init__(self, update: Any) -> None:
            found.append(update.closed.participant)
            super().__init__(update)

    monkeypatch.setattr(engine, "Measurement", Counting)
    return found


def test_updates_are_read_once_and_only_those_without_a_stated_norm_twice(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = reads(monkeypatch)
    filled(make()).aggregated()
    assert sorted(found) == sorted(PEOPLE)
    found.clear()
    with_record(make, adapter(1, SHAPES, 0.1), norm=None).aggregated()
    assert sorted(found) == sorted(["anna", *PEOPLE])


@pytest.mark.parametrize("shares", [None, 3])
def test_updates_that_participants_clip_are_read_once_and_need_no_stated_norm(
    shares: int | None, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = reads(monkeypatch)
    made = make(bound=1.0, clipping_location="Client", noise_shares=shares)
    for number, who in enumerate(PEOPLE):
        noise = 0.0 if shares is None else 1 / np.sqrt(shares - 1)
        update = adapter(number, SHAPES, noise or 1e-3)
        made.round.send(who, update)
    made.round.close()
    made.aggregated()
    assert sorted(found) == sorted(PEOPLE)


@dataclass
class Changing:
    """The file of ben's update, of an older participant: larger than the bound, and damaged with a small norm."""

    file: Path
    sound: bytes
    damaged: bytes

    def write(self, content: bytes) -> None:
        with self.file.open("r+b") as opened:
            opened.write(content)


@pytest.fixture
def older(tmp_path: Path) -> Private:
    (tmp_path / "older").mkdir()
    return filled(maker(tmp_path / "older", states_norms=False)(bound=1.0), scale=10.0)


@pytest.fixture
def changing(older: Private) -> Changing:
    (file,) = (older.round.folder / "store/team/notes" / names.update_folder(1, "ben", 1)).glob("*.safetensors")
    sound = file.read_bytes()
    count = 4 * sum(int(np.prod(shape)) for shape in SHAPES.values())
    return Changing(file, sound, sound[:-count] + bytes(count))


def before_sums(monkeypatch: pytest.MonkeyPatch, *acts: Callable[[], None]) -> None:
    """Do one of `acts` before each pass that sums."""
    read, left = module.combine_updates, list(acts)

    def changed(*arguments: Any) -> Any:
        left.pop(0)()
        return read(*arguments)

    monkeypatch.setattr(module, "combine_updates", changed)


def test_a_file_that_was_damaged_when_its_norm_was_measured_is_summed_by_its_own_norm(
    older: Private, changing: Changing, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    changing.write(changing.damaged)
    before_sums(monkeypatch, lambda: changing.write(changing.sound), lambda: None)
    made = older.aggregated()
    assert len(made.weights) == 4
    monkeypatch.undo()
    assert made.adapter == filled(make(bound=1.0), scale=10.0).aggregated().adapter


def test_a_file_that_is_damaged_when_it_is_summed_is_left_out_for_its_digest(
    older: Private, changing: Changing, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_sums(monkeypatch, lambda: changing.write(changing.damaged))
    found = older.round.aggregate()
    assert isinstance(found, Close)
    assert [(one.participant, one.reason) for one in found.quarantined] == [("ben", OTHER_BYTES)]
    assert older.spend() is None


def test_a_file_that_keeps_changing_is_left_out_for_its_digest(
    older: Private, changing: Changing, monkeypatch: pytest.MonkeyPatch
) -> None:
    changing.write(changing.damaged)
    before_sums(monkeypatch, lambda: changing.write(changing.sound), lambda: changing.write(changing.damaged))
    found = older.round.aggregate()
    assert isinstance(found, Close)
    assert [(one.participant, one.reason) for one in found.quarantined] == [("ben", OTHER_BYTES)]
    assert older.spend() is None
