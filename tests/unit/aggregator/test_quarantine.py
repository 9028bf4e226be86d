"""An update that fails a check is quarantined with a reason, and the others stay in the round."""

import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from round_on_disk import B2, DIGEST, A, B, MakeRound, RoundOnDisk, adapter, with_value

from fedtrain.contracts import names
from fedtrain.contracts.digests import digest_bytes
from fedtrain.contracts.records import Absent, Aggregate, Close


def damaged(content: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """A safetensors file with its header changed."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


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
