"""An update that fails a check is quarantined with a reason, and the others stay in the round."""

import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from round_on_disk import B2, DIGEST, SHAPES, A, B, RoundOnDisk, adapter

from fedtrain.contracts import names
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.records import Absent, Aggregate, Close

MakeRound = Callable[..., RoundOnDisk]


def damaged(content: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """A safetensors file with its header changed."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


def with_value(value: float) -> dict[str, Any]:
    update = adapter(7)
    update[B2][1, 0] = value
    return update


def in_another_order(round: RoundOnDisk) -> bytes:
    """The file of an honest update, with the names of two tensors of one shape swapped."""

    def swap(header: dict[str, Any]) -> None:
        header[B], header[B2] = header[B2], header[B]

    return damaged(round.bytes_of(adapter(7)), swap)


def overlapping(round: RoundOnDisk) -> bytes:
    def overlap(header: dict[str, Any]) -> None:
        header[B2]["data_offsets"] = header[B]["data_offsets"]

    return damaged(round.bytes_of(adapter(7)), overlap)


def flipped(content: bytes) -> bytes:
    return content[:-6] + bytes([content[-6] ^ 1]) + content[-5:]


BAD: dict[str, tuple[Callable[[RoundOnDisk], Any], str]] = {
    "NaN": (lambda r: r.send("ben", with_value(np.nan)), f"tensor {B2} holds nan"),
    "infinity": (lambda r: r.send("ben", with_value(-np.inf)), f"tensor {B2} holds -inf"),
    "another shape": (
        lambda r: r.send("ben", adapter(7) | {B: np.zeros((2, 3), np.float32)}),
        f"tensor {B} has shape [2, 3] instead of [3, 2]",
    ),
    "a value beyond float16": (
        lambda r: r.send("ben", with_value(-65505.0)),
        f"tensor {B2} holds -65505, beyond 65504, the largest value of an adapter",
    ),
    "an extra tensor": (
        lambda r: r.send("ben", adapter(7) | {"base_model.model.lm_head.weight": np.zeros(2, np.float32)}),
        "its file has a tensor 'base_model.model.lm_head.weight', which is not trained in this run",
    ),
    "a missing tensor": (
        lambda r: r.send("ben", {name: values for name, values in adapter(7).items() if name != A}),
        f"its file lacks tensor {A}",
    ),
    "half precision": (
        lambda r: r.send("ben", {name: values.astype(np.float16) for name, values in adapter(7).items()}),
        f"tensor {A} is F16 instead of F32",
    ),
    "tensors in another order": (
        lambda r: r.send("ben", in_another_order(r)),
        "its tensors are not in the order of their names",
    ),
    "an overlapping header": (lambda r: r.send("ben", overlapping(r)), "overlaps the previous tensor"),
    "a truncated file, with the size in its record": (
        lambda r: r.send("ben", r.bytes_of(adapter(7))[:-4]),
        "its file can't be read: it is truncated: its tensors end at byte",
    ),
    "a truncated file": (
        lambda r: r.send("ben", r.bytes_of(adapter(7))[:-4], size=len(r.bytes_of(adapter(7)))),
        "but its record says",
    ),
    "a file of another format": (lambda r: r.send("ben", b"\x80\x02pickled"), "its file can't be read"),
    "an empty file": (lambda r: r.send("ben", b""), "its file can't be read: it has 0 bytes"),
    "a huge header": (
        lambda r: r.send("ben", struct.pack("<Q", 2**20) + b"{" + b" " * (2**20 - 1)),
        "its file has 1048584 bytes; 32 float32 values take 128",
    ),
    "a flipped bit": (
        lambda r: r.send("ben", flipped(r.bytes_of(adapter(7))), digest=digest_bytes(r.bytes_of(adapter(7)))),
        "its file has digest",
    ),
    "a missing object": (lambda r: r.send("ben", None), "its object is gone"),
    "no samples": (lambda r: r.send("ben", adapter(7), distinct=0), "0 distinct samples"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_update_is_left_out_with_its_reason_and_the_rest_is_aggregated(make_round: MakeRound, kind: str):
    send, reason = BAD[kind]
    round = make_round()
    round.send("anna", adapter(1))
    send(round)
    round.send("carla", adapter(3))
    first = round.close()
    second = round.aggregate()
    assert isinstance(second, Close)
    assert second == round.reopened().read(names.close(1, 2), Close)
    assert second.updates == (first.updates[0], first.updates[2])
    assert [(bad.participant, bad.attempt) for bad in second.quarantined] == [("ben", 1)]
    assert reason in second.quarantined[0].reason
    assert round.reopened().read(names.aggregate(1, 1), Aggregate) is None
    assert list(round.store.keys("team/notes/blobs/")) == [f"team/notes/{names.blob(round.blob(round.start))}"]

    third = round.aggregate(k=2)
    assert isinstance(third, Aggregate)
    alone = make_round()
    alone.send("anna", adapter(1))
    alone.send("carla", adapter(3))
    alone.close()
    undisturbed = alone.aggregate()
    assert isinstance(undisturbed, Aggregate)
    assert (third.adapter, third.weights) == (undisturbed.adapter, undisturbed.weights)


def test_a_malformed_record_and_a_missing_one_are_left_out(make_round: MakeRound):
    round = make_round()
    round.send("anna", adapter(1))
    for who in ("ben", "carla"):
        round.sent.append(round.sent[0].model_copy(update={"participant": who}))
    round.put(names.update(1, "ben", 1), b'{"round": 1')
    round.close()
    made = round.aggregate()
    assert isinstance(made, Close)
    assert [bad.reason for bad in made.quarantined] == ["its record is malformed", "its record is gone"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"record": DIGEST}, "its record is not the one that the round was closed with"),
        ({"digest": DIGEST}, f"instead of {DIGEST}"),
    ],
)
def test_a_record_or_file_other_than_the_closed_one_is_left_out(
    make_round: MakeRound, changed: dict[str, str], reason: str
):
    round = make_round()
    round.send("anna", adapter(1))
    round.sent = [round.sent[0].model_copy(update=changed)]
    round.close()
    made = round.aggregate()
    assert isinstance(made, Close)
    assert reason in made.quarantined[0].reason


def test_an_update_without_the_validation_loss_that_weights_need_is_left_out(make_round: MakeRound):
    round = make_round(weights="ValidationLoss")
    round.send("anna", adapter(1), validation_loss=1.0)
    round.send("ben", adapter(2))
    round.close()
    made = round.aggregate()
    assert isinstance(made, Close)
    assert [bad.participant for bad in made.quarantined] == ["ben"]


def test_all_that_is_wrong_is_found_in_one_go_whatever_shows_it(make_round: MakeRound):
    round = make_round(["anna", "ben", "carla", "dora"])
    round.send("anna", None)
    round.send("ben", with_value(np.nan))
    round.send("carla", adapter(3))
    round.send("dora", flipped(round.bytes_of(adapter(4))), digest=digest_bytes(round.bytes_of(adapter(4))))
    round.close()
    made = round.aggregate()
    assert isinstance(made, Close)
    assert [update.participant for update in made.updates] == ["carla"]
    assert [bad.participant for bad in made.quarantined] == ["anna", "ben", "dora"]


def test_when_nothing_is_sound_the_next_close_is_empty(make_round: MakeRound):
    round = make_round()
    round.send("anna", with_value(np.nan))
    round.close()
    made = round.aggregate()
    assert isinstance(made, Close)
    assert made.updates == ()


def test_the_next_close_keeps_who_was_absent_and_who_was_quarantined_before(make_round: MakeRound):
    round = make_round()
    round.send("anna", adapter(1))
    round.send("ben", with_value(np.nan))
    absent = (Absent(participant="dora", reason="out of memory"),)
    first = Close(run_id="run-1", round=1, k=1, epoch=3, updates=tuple(round.sent), absent=absent)
    round.ledger.claim(names.close(1, 1), first)
    second = round.aggregate()
    assert isinstance(second, Close)
    assert (second.run_id, second.round, second.k, second.epoch) == ("run-1", 1, 2, 3)
    assert second.absent == absent

    round.store.delete(f"team/notes/{names.update_folder(1, 'anna', 1)}/update.safetensors")
    third = round.aggregate(k=2)
    assert isinstance(third, Close)
    assert [bad.participant for bad in third.quarantined] == ["ben", "anna"]


def unit(value: float) -> dict[str, Any]:
    """An update of L2 norm `value`."""
    update = {name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()}
    update[A][0, 0] = value
    return update


def test_an_absolute_bound_on_the_norm(make_round: MakeRound):
    round = make_round(max_update_norm={"type": "Absolute", "norm": 2.0})
    round.send("anna", unit(2.0))
    round.send("ben", unit(-2.5))
    round.close()
    made = round.aggregate()
    assert isinstance(made, Close)
    assert [(bad.participant, bad.reason) for bad in made.quarantined] == [
        ("ben", "its norm is 2.5, beyond the 2 that aggregation.maxUpdateNorm allows")
    ]


def test_a_bound_by_the_median_considers_sound_updates(make_round: MakeRound):
    round = make_round(["anna", "ben", "carla", "dora", "emil"], max_update_norm={"type": "TimesMedian", "factor": 3.0})
    for who, norm in (("anna", 1.0), ("ben", 2.0), ("carla", 3.0), ("dora", 1e4)):
        round.send(who, unit(norm))
    round.send("emil", with_value(np.inf))
    round.close()
    made = round.aggregate()
    assert isinstance(made, Close)
    assert [bad.participant for bad in made.quarantined] == ["dora", "emil"]
    assert made.quarantined[0].reason == "its norm is 10000, beyond 3 times the median of 2.5 over 4 updates"


def test_a_bound_by_the_median_needs_three_norms(make_round: MakeRound):
    round = make_round(max_update_norm={"type": "TimesMedian", "factor": 1.1})
    round.send("anna", unit(1.0))
    round.send("ben", unit(1000.0))
    round.close()
    assert isinstance(round.aggregate(), Aggregate)


def test_without_max_update_norm_the_bound_is_100_times_the_median(make_round: MakeRound):
    round = make_round()
    for who, norm in (("anna", 1.0), ("ben", 2.0), ("carla", 200.0), ("dora", 201.0)):
        round.send(who, unit(norm))
    round.close()
    assert isinstance(round.aggregate(), Aggregate), "the median is 101"

    round = make_round()
    for who, norm in (("anna", 1.0), ("ben", 2.0), ("carla", 200.5)):
        round.send(who, unit(norm))
    round.close()
    made = round.aggregate()
    assert isinstance(made, Close)
    assert [(bad.participant, bad.reason) for bad in made.quarantined] == [
        (
            "carla",
            "its norm is 200.5, beyond 100 times the median of 2 over 3 updates (the default of "
            "aggregation.maxUpdateNorm)",
        )
    ]


@pytest.mark.parametrize("others", [0, 1, 3])
def test_an_update_of_1e38_in_every_value_is_left_out_of_any_round(make_round: MakeRound, others: int):
    round = make_round()
    for who in ("anna", "ben", "carla")[:others]:
        round.send(who, adapter(1))
    round.send("dora", {name: np.full(shape, 1e38, np.float32) for name, shape in SHAPES.items()})
    round.close()
    made = round.aggregate()
    assert isinstance(made, Close)
    assert [bad.participant for bad in made.quarantined] == ["dora"]
    assert made.quarantined[0].reason == f"tensor {A} holds 1e+38, beyond 65504, the largest value of an adapter"
    assert len(made.updates) == others


def test_updates_of_zeros_do_not_lower_the_median(make_round: MakeRound):
    round = make_round(["anna", "ben", "carla", "dora", "emil", "fritz", "gina"])
    for who in ("anna", "ben", "carla", "dora"):
        round.send(who, unit(0.0))
    for who in ("emil", "fritz", "gina"):
        round.send(who, unit(1.0))
    round.close()
    made = round.aggregate()
    assert isinstance(made, Aggregate)
    assert [weight.norm for weight in made.weights] == [0, 0, 0, 0, 1, 1, 1]


def test_the_largest_values_of_an_adapter_are_accepted(make_round: MakeRound):
    round = make_round(start=adapter(0, scale=0.0))
    update = {name: np.full(shape, -65504, np.float32) for name, shape in SHAPES.items()}
    round.send("anna", update)
    round.close()
    made = round.aggregate()
    assert isinstance(made, Aggregate)
    assert made.update_norm == pytest.approx(65504 * 32**0.5)
