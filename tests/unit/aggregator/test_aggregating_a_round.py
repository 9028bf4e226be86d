"""From a close to the next global adapter."""

import re
from typing import Any

import numpy as np
import pytest
from fedtrain_aggregator.engine.read_updates import Reading
from fedtrain_aggregator.errors import Refused
from round_on_disk import A2, B2, SHAPES, A, B, MakeRound, RoundOnDisk, adapter
from safetensors.numpy import load

from fedtrain.contracts import names
from fedtrain.contracts.canonical import canonical
from fedtrain.contracts.records import Aggregate, Close
from fedtrain.ledger.file_store import FileStore
from fedtrain.ledger.store import ObjectReader, StoreUnavailable

PEOPLE = ("anna", "ben", "carla", "dora")


def matrix(rows: list[list[float]]) -> Any:
    return np.array(rows, np.float32)


def filled(round: RoundOnDisk, scale: float = 0.1, people: tuple[str, ...] = PEOPLE, **shapes: Any) -> RoundOnDisk:
    for i, who in enumerate(people):
        round.send(who, adapter(100 * round.round + i, scale=scale, **shapes), distinct=10 * (i + 1))
    round.close()
    return round


def aggregated(round: RoundOnDisk, **options: Any) -> Aggregate:
    made = round.aggregate(**options)
    assert isinstance(made, Aggregate)
    return made


def test_fed_avg_adds_the_weighted_mean_of_the_updates_to_the_global_adapter(make_round: MakeRound):
    round = make_round(["anna", "ben"], start={A: matrix([[1, 2]]), B: matrix([[3], [4]])})
    round.send("anna", {A: matrix([[4, 0]]), B: matrix([[0], [8]])}, distinct=30)
    round.send("ben", {A: matrix([[0, 4]]), B: matrix([[-4], [0]])}, distinct=10)
    round.close()
    made = aggregated(round)
    # A: 1 + .75 * 4, 2 + .25 * 4; B: 3 - .25 * 4, 4 + .75 * 8
    found = round.tensors(made.adapter)
    assert {name: values.tolist() for name, values in found.items()} == {A: [[4, 3]], B: [[2], [10]]}
    assert [(w.participant, w.weight) for w in made.weights] == [("anna", 0.75), ("ben", 0.25)]
    assert [w.norm for w in made.weights] == pytest.approx([80**0.5, 32**0.5])
    assert made.update_norm == pytest.approx((9 + 1 + 1 + 36) ** 0.5)
    assert made.state is None


def test_the_new_adapter_has_the_layout_and_metadata_of_the_one_before(make_round: MakeRound):
    round = filled(make_round())
    before = round.bytes_of(round.start)
    after = round.ledger.store.get(f"team/notes/{names.blob(aggregated(round).adapter)}")
    header = 8 + int.from_bytes(before[:8], "little")
    assert after[:header] == before[:header]
    assert len(after) == len(before)
    assert set(load(after)) == set(SHAPES)


def test_a_mean_of_equal_updates_is_that_update(make_round: MakeRound):
    round = make_round(start=adapter(0, scale=0.0))
    update = adapter(1)
    for i, who in enumerate(PEOPLE):
        round.send(who, update, distinct=i + 1)
    round.close()
    found = round.tensors(aggregated(round).adapter)
    assert all(found[name].tobytes() == update[name].tobytes() for name in update)


def test_freeze_a_leaves_a_as_it_is_and_averages_b(make_round: MakeRound):
    round = make_round(merge="FreezeA")
    only_b = {name: shape for name, shape in SHAPES.items() if name in (B, B2)}
    sent = [adapter(i, only_b) for i in range(2)]
    for who, update in zip(("anna", "ben"), sent, strict=True):
        round.send(who, update)
    round.close()
    found = round.tensors(aggregated(round).adapter)
    for name in (A, A2):
        assert found[name].tobytes() == round.start[name].tobytes()
    for name in (B, B2):
        assert np.allclose(found[name], round.start[name] + (sent[0][name] + sent[1][name]) / 2, atol=1e-6)


def test_freeze_a_keeps_moments_of_b_alone(make_round: MakeRound):
    round = make_round(merge="FreezeA", strategy="FedAdam")
    round.send("anna", adapter(1, {B: SHAPES[B], B2: SHAPES[B2]}))
    round.close()
    state = round.tensors(aggregated(round).state)
    assert {name: values.shape for name, values in state.items()} == {"m": (12,), "v": (12,)}


def test_an_adapter_without_b_can_not_be_aggregated_with_freeze_a(make_round: MakeRound):
    round = make_round(start=adapter(0, {A: SHAPES[A]}), merge="FreezeA")
    round.send("anna", adapter(1, {A: SHAPES[A]}))
    round.close()
    with pytest.raises(Refused, match="no lora_B tensors"):
        round.aggregate()


def test_the_servers_state_goes_from_round_to_round_and_counts_committed_steps(make_round: MakeRound):
    round = make_round(["anna"], start={A: matrix([[1]])}, strategy="FedAvgM", fed_avg_m={"momentum": 0.5})
    round.send("anna", {A: matrix([[2]])})
    round.close()
    first = aggregated(round)  # m = 2, x = 3
    round.commit(first)
    round.record(2, "Skipped", first.adapter, first.state, None, 1)
    round.round = 3
    round.send("anna", {A: matrix([[4]])})
    round.close()
    second = aggregated(round)  # m = .5 * 2 + 4 = 5, x = 8
    assert round.tensors(second.adapter)[A].tolist() == [[8.0]]
    assert round.tensors(second.state)["m"].tolist() == [5.0]


def test_bias_correction_counts_steps_not_rounds(make_round: MakeRound):
    def second_round(step: int) -> Aggregate:
        round = make_round(strategy="FedAdam", fed_adam={"bias_correction": "Adam"})
        first = aggregated(filled(round))
        round.record(1, "Committed", first.adapter, first.state, 1, step)
        round.round, round.sent = 2, []
        return aggregated(filled(round))

    one, again, two = second_round(1), second_round(1), second_round(2)
    assert one == again
    assert one.state == two.state
    assert one.adapter != two.adapter


@pytest.mark.parametrize("strategy", ["FedAvg", "FedAvgM", "FedAdam", "FedAdagrad", "FedYogi"])
def test_neither_blocks_nor_threads_change_a_bit(make_round: MakeRound, strategy: str):
    shapes = {A: (30, 2500), B: (100, 30), B2: (7, 3)}  # 78,021 values: up to 20 blocks, the last one shorter

    def two_rounds(reading: Reading) -> tuple[Aggregate, Aggregate]:
        round = make_round(start=adapter(0, shapes), strategy=strategy)
        first = aggregated(filled(round, shapes=shapes), reading=reading)
        round.commit(first)
        return first, aggregated(filled(round, shapes=shapes), reading=reading)

    expected = two_rounds(Reading(4096, 1))
    for reading in (Reading(4096, 3), Reading(3 * 4096, 2), Reading(10 * 4096, 4), Reading(2**20, 8)):
        assert two_rounds(reading) == expected


def test_weights_and_order_are_those_of_the_close(make_round: MakeRound):
    round = make_round()
    for who in ("dora", "anna"):
        round.send(who, adapter(1))
    round.send("ben", adapter(2))
    round.sent.pop()  # sent, but not in the close
    round.close()
    assert [weight.participant for weight in aggregated(round).weights] == ["dora", "anna"]


def test_an_existing_aggregate_is_adopted_without_reading_any_update(make_round: MakeRound):
    round = filled(make_round())
    first = aggregated(round)
    round.store.delete(f"team/notes/{names.round_folder(1)}/updates")
    assert round.aggregate() == first


def test_a_close_that_followed_is_adopted(make_round: MakeRound):
    round = filled(make_round())
    later = Close(run_id="run-1", round=1, k=2, epoch=1, updates=tuple(round.sent[:2]))
    round.ledger.claim(names.close(1, 2), later)
    assert round.aggregate() == later
    assert round.reopened().read(names.aggregate(1, 1), Aggregate) is None


@pytest.mark.parametrize("survives", [0, 1, 2])
def test_killed_between_its_writes_it_makes_the_same_again(
    make_round: MakeRound, monkeypatch: pytest.MonkeyPatch, survives: int
):
    """Three writes: adapter, state, record. The store goes away after `survives` of them."""
    undisturbed = aggregated(filled(make_round(strategy="FedAdam")))
    round = filled(make_round(strategy="FedAdam"))
    create, left = round.store.create, survives

    def create_until_lost(key: str, content: Any) -> bool:
        nonlocal left
        if not left:
            raise StoreUnavailable("lost")
        left -= 1
        return create(key, content)

    monkeypatch.setattr(round.store, "create", create_until_lost)
    with pytest.raises(StoreUnavailable):
        round.aggregate()
    monkeypatch.undo()
    assert round.reopened().read(names.aggregate(1, 1), Aggregate) is None
    assert canonical(aggregated(round)) == canonical(undisturbed)


def test_a_later_close_of_a_round_is_aggregated_on_its_own(make_round: MakeRound):
    round = filled(make_round())
    first = aggregated(round)
    round.sent = round.sent[:2]
    round.close(2)
    second = aggregated(round, k=2)
    assert [weight.participant for weight in second.weights] == ["anna", "ben"]
    assert second.adapter != first.adapter


def test_a_round_without_a_close_is_refused(make_round: MakeRound):
    with pytest.raises(Refused, match=r"close-1\.json .* lists no update"):
        make_round().aggregate()


@pytest.mark.parametrize(("rate", "words"), [(1e38, "values that are not finite"), (1e6, "beyond 65504")])
def test_a_step_to_an_absurd_adapter_is_refused_and_names_the_largest_updates(
    make_round: MakeRound, rate: float, words: str
):
    round = filled(make_round(strategy="FedAvgM", fed_avg_m={"server_learning_rate": rate}), scale=10.0)
    with pytest.raises(Refused, match=words) as refused:
        round.aggregate()
    assert re.search(r"by norm: dora \([\d.]+\), carla \([\d.]+\), ben", str(refused.value))
    assert round.reopened().read(names.aggregate(1, 1), Aggregate) is None
    assert list(round.store.keys("team/notes/blobs/")) == [f"team/notes/{names.blob(round.blob(round.start))}"]


def test_a_tensor_without_dimensions_is_averaged_like_any_other(make_round: MakeRound):
    round = make_round(["anna", "ben"], start={A: matrix([[1]]), "scale.lora_B.weight": np.array(1, np.float32)})
    for who, value in (("anna", 2), ("ben", 4)):
        round.send(who, {A: matrix([[value]]), "scale.lora_B.weight": np.array(value, np.float32)})
    round.close()
    found = round.tensors(aggregated(round).adapter)
    assert {name: values.tolist() for name, values in found.items()} == {A: [[4.0]], "scale.lora_B.weight": 4.0}


class OtherTensors(FileStore):
    """Opens an adapter with other tensors than its file has."""

    def open(self, key: str) -> ObjectReader:
        if "/blobs/" in key:
            key += "-changed"
            self.create(key, self.get(key.removesuffix("-changed")).replace(b"lora_A", b"lora_X"))
        return super().open(key)


def test_a_store_that_answers_with_two_different_adapters_leads_to_a_retry(make_round: MakeRound):
    round = filled(make_round())
    round.store = OtherTensors(round.folder / "store")
    with pytest.raises(StoreUnavailable, match="was read twice, and its headers differ"):
        round.aggregate()
    assert round.reopened().read(names.close(1, 2), Close) is None


def test_a_global_adapter_of_integers_is_refused(make_round: MakeRound):
    round = make_round(["anna"], start={A: np.array([[1]], np.int32)})
    round.send("anna", {A: np.array([[1]], np.int32)})
    round.close()
    with pytest.raises(Refused, match=r"is I32\. Save adapters in F32"):
        round.aggregate()


def test_a_state_of_another_size_is_refused(make_round: MakeRound):
    round = make_round(strategy="FedAvgM")
    round.commit(aggregated(filled(round)))
    round.record(2, "Committed", round.blob(round.start), round.blob({"m": np.zeros(3, np.float32)}), 1, 2)
    round.round, round.sent = 3, []
    with pytest.raises(Refused, match="no float32 tensor m of 32 values"):
        filled(round).aggregate()
