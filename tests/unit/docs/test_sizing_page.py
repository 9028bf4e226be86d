"""docs/sizing.md has the numbers that `fedtrain plan` computes for the base models that it names."""

import re
from pathlib import Path

import pytest

from fedtrain.adapters.header import TensorEntry
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.records import ModelFacts
from fedtrain.preview.adapter_coverage import coverage
from fedtrain.preview.sizes import sizes
from fedtrain.results.words import size

PAGE = (Path(__file__).parents[3] / "docs" / "sizing.md").read_text(encoding="utf-8")
SPEC = FederatedTrainingSpec.model_validate(
    {
        "model": {"base": "./base", "adapter": {"rank": 16}},
        "data": {"dataset": "d", "format": "Text", "maxLength": 512},
        "participants": [{"name": f"p{number}"} for number in range(4)],
        "rounds": {"count": 10},
        "training": {"length": {"type": "Epochs", "epochs": 1}},
    }
)
UPDATES = 40
MODELS = {  # hidden size, layers, key and value size, feed-forward size, vocabulary, tied, biases; published parameters
    "Qwen2.5-0.5B": (896, 24, 128, 4864, 151936, True, True, 494_032_768),
    "Qwen2.5-7B": (3584, 28, 512, 18944, 152064, False, True, 7_615_616_512),
    "Llama-3.1-70B": (8192, 80, 1024, 28672, 128256, False, False, 70_553_706_496),
}
TOKENS = 10_000 * 512 * 3
HOUR = 3600
PER_GPU = 0.4 * 312e12


@pytest.mark.parametrize("name", MODELS)
def test_memory_and_transfer(name: str) -> None:
    facts = facts_of(name)
    found = sizes(SPEC, facts, UPDATES)
    gibibytes = [f"{count / 2**30:.0f} GiB" for count in (found.memory, found.memory_checkpointed)]
    assert row("memory", name) == [size(facts.base_parameters * 2), *gibibytes]
    assert row("transfer", name) == [
        f"{facts.adapter_parameters / 1e6:.1f} million",
        size(found.received),
        size(found.moved),
    ]


@pytest.mark.parametrize("name", MODELS)
def test_hours(name: str) -> None:
    count = facts_of(name).base_parameters
    plain, checkpointed = (flops * count * TOKENS for flops in (4, 6))
    assert row("hours", name) == [
        *(f"{flops:.1e}".replace("e+", "e") for flops in (plain, checkpointed)),
        *(f"{flops / PER_GPU / HOUR:.2g}" for flops in (plain, checkpointed)),
    ]


def row(section: str, name: str) -> list[str]:
    """Return the cells after the name in the table that follows the comment `<!-- section -->`."""
    table = PAGE.partition(f"<!-- {section} -->")[2].partition("\n\n")[0]
    found = re.search(rf"^\| {re.escape(name)} \| (.*) \|$", table, re.MULTILINE)
    assert found, f"{name} is not in the table {section}"
    return found.group(1).split(" | ")


def facts_of(name: str) -> ModelFacts:
    hidden, layers, keys, inner, vocabulary, tied, biased, published = MODELS[name]
    shapes: dict[str, tuple[int, ...]] = {"embed_tokens.weight": (vocabulary, hidden), "norm.weight": (hidden,)}
    if not tied:
        shapes["lm_head.weight"] = (vocabulary, hidden)
    for layer in range(layers):
        matrices = {
            "q_proj": (hidden, hidden),
            "k_proj": (keys, hidden),
            "v_proj": (keys, hidden),
            "o_proj": (hidden, hidden),
            "gate_proj": (inner, hidden),
            "up_proj": (inner, hidden),
            "down_proj": (hidden, inner),
        }
        shapes |= {f"{layer}.{matrix}.weight": shape for matrix, shape in matrices.items()}
        shapes |= {f"{layer}.{norm}.weight": (hidden,) for norm in ("input_norm", "output_norm")}
        if biased:
            shapes |= {f"{layer}.{matrix}.bias": matrices[matrix][:1] for matrix in ("q_proj", "k_proj", "v_proj")}
    tensors = [TensorEntry(name=key, dtype="BF16", shape=shape, start=0, length=0) for key, shape in shapes.items()]
    assert sum(tensor.elements for tensor in tensors) == published
    return ModelFacts(
        base_parameters=published,
        adapter_parameters=coverage(tensors, SPEC.model.adapter).parameters,
        hidden_size=hidden,
        layers=layers,
        vocabulary=vocabulary,
    )
