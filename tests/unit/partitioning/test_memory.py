"""The memory model of LoRA training."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedtrain.api.base import Toggle
from fedtrain.contracts.records import ModelFacts
from fedtrain.partitioning.memory import CONTEXT, MemoryModel, max_batch

SMALL = ModelFacts(
    base_parameters=135_000_000, adapter_parameters=4_900_000, hidden_size=576, layers=30, vocabulary=49_152
)
GIB = 2**30


def model(checkpointing: bool = False, attention_only: bool = False, value_bytes: int = 2) -> MemoryModel:
    return MemoryModel(
        facts=SMALL,
        max_length=512,
        attention_only=attention_only,
        checkpointing=checkpointing,
        value_bytes=value_bytes,
    )


def test_the_worked_example_holds() -> None:
    assert model().per_sample == 512 * (65 * 576 * 30 + 10 * 49_152) == 826_736_640
    assert model().fixed == 270_000_000 + 16 * 4_900_000 + CONTEXT
    assert model().max_batch(40 * GIB) == 45


def test_checkpointing_keeps_two_bytes_a_layer_and_works_on_one_layer() -> None:
    assert model(checkpointing=True).per_sample == 512 * (2 * 576 * 30 + 65 * 576 + 10 * 49_152)


def test_adapters_on_attention_inputs_alone_keep_fewer_activations() -> None:
    assert model(attention_only=True).per_sample == int(512 * (37.7 * 576 * 30 + 10 * 49_152))


def test_fp32_takes_twice_the_weights_and_activations() -> None:
    assert model(value_bytes=4).per_sample == 2 * model().per_sample
    assert model(value_bytes=4).fixed - model().fixed == 2 * SMALL.base_parameters


@given(st.integers(0, 200 * GIB), st.booleans())
def test_the_largest_batch_is_the_last_one_that_fits_into_ninety_percent(free: int, checkpointing: bool) -> None:
    memory = model(checkpointing)
    batch = memory.max_batch(free)
    assert batch == 0 or memory.needed(batch) <= free * 0.9
    assert memory.needed(batch + 1) > int(free * 0.9)


@pytest.mark.parametrize(
    ("free", "disabled", "enabled", "auto"),
    [(10**9, 0, 0, 0), (2_000_000_000, 0, 1, 1), (2_400_000_000, 0, 2, 1), (40 * GIB, 45, 129, 45)],
)
def test_auto_checkpoints_only_where_nothing_fits_without(free: int, disabled: int, enabled: int, auto: int) -> None:
    batches = [
        max_batch(SMALL, free, max_length=512, checkpointing=toggle) for toggle in ("Disabled", "Enabled", "Auto")
    ]
    assert batches == [disabled, enabled, auto]


@given(st.integers(0, 10 * GIB), st.integers(0, GIB), st.sampled_from(["Auto", "Enabled", "Disabled"]))
def test_more_memory_never_holds_less(free: int, more: int, toggle: Toggle) -> None:
    assert max_batch(SMALL, free, max_length=512, checkpointing=toggle) <= max_batch(
        SMALL, free + more, max_length=512, checkpointing=toggle
    )
