"""The table "What composes with it" of docs/privacy.md says what `fedtrain validate` accepts with each unit."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from fedtrain.api.aggregation_strategies import AGGREGATION_STRATEGIES
from fedtrain.api.partitioning_strategies import PARTITIONING_STRATEGIES
from fedtrain.api.reading import Invalid, read_file
from fedtrain.api.rules import RULES, example_privacy, privacy
from fedtrain.contracts.digests import digest_bytes
from tests.unit.api.federation_files import SECTIONS, write

PAGE = Path(__file__).parents[3] / "docs/privacy.md"
UNITS = ("Participant", "Example")
Variants = Mapping[str, Mapping[str, str]]
"""Sections of a file, by the value that they set."""

DIGEST = digest_bytes(b"{}")
"""Of the adapter that `write` writes."""
TRAINING = "length: {type: Steps, steps: 5}"
PARAMETERS = {
    "FedProx": ", fedProx: {mu: 0.01}",
    "FixedSize": ", fixedSize: {samples: 5}",
    "Percentage": ", percentage: {percent: 50}",
}
TWO_SETS = {
    "data": "  data: {datasets: [{name: tickets, share: 1}, {name: chats, share: 1}], format: PromptCompletion}",
    **{
        who: SECTIONS[who].replace("}]}", f"}}, {{name: chats, uri: {who[-1]}-chats.jsonl}}]}}")
        for who in ("bank-a", "bank-b")
    },
}
VARIANTS: dict[str, Variants] = {
    "`data.datasets`": {"two": TWO_SETS},
    "`model.adapter.dropout`": {"0.1": {"model": "  model: {base: ./base, adapter: {dropout: 0.1}}"}},
    "`aggregation.strategy`": {
        name: {"aggregation": f"  aggregation: {{weights: Uniform, strategy: {name}{PARAMETERS.get(name, '')}}}"}
        for name in AGGREGATION_STRATEGIES
    },
    "`aggregation.merge`": {
        name: {"aggregation": f"  aggregation: {{weights: Uniform, merge: {name}}}"} for name in ("Factors", "FreezeA")
    },
    "`aggregation.weights`": {
        "Uniform": {"aggregation": "  aggregation: {weights: Uniform}"},
        "Samples": {"aggregation": "  aggregation: {weights: Samples}"},
        "Fixed": {
            "aggregation": "  aggregation: {weights: Fixed}",
            "participants": "  participants: [{name: bank-a, weight: 1}, {name: bank-b, weight: 2}]",
        },
        "ValidationLoss": {
            "aggregation": "  aggregation: {weights: ValidationLoss}",
            "data": "  data: {dataset: tickets, format: PromptCompletion, validationFraction: 0.5}",
        },
    },
    "`aggregation.maxUpdateNorm`": {
        "Absolute": {"aggregation": "  aggregation: {weights: Uniform, maxUpdateNorm: {type: Absolute, norm: 5.0}}"}
    },
    "`partitioning`": {
        name: {"partitioning": f"  partitioning: {{strategy: {name}{PARAMETERS.get(name, '')}}}"}
        for name in PARTITIONING_STRATEGIES
    },
    "`training.keep: Best`": {
        "Best": {
            "training": f"  training: {{{TRAINING}, keep: Best}}",
            "data": "  data: {dataset: tickets, format: PromptCompletion, validationFraction: 0.5}",
        }
    },
    "`training.length`, FedProx, local lengths": {
        "Epochs": {"training": "  training: {length: {type: Epochs, epochs: 1}}"},
        "FedProx": {"aggregation": "  aggregation: {weights: Uniform, strategy: FedProx, fedProx: {mu: 0.1}}"},
        "local": {"participants": f"  participants: [{{name: bank-a}}, {{name: bank-b, training: {{{TRAINING}}}}}]"},
    },
    "`training.precision: FP16`": {"FP16": {"training": f"  training: {{{TRAINING}, precision: FP16}}"}},
    "`training.gradientCheckpointing: Enabled`": {
        "Enabled": {"training": f"  training: {{{TRAINING}, gradientCheckpointing: Enabled}}"}
    },
    "`evaluation.participants`": {
        "Loss": {
            "evaluation": "  evaluation: {participants: {metrics: [{name: loss, type: Loss}]}}",
            "data": "  data: {dataset: tickets, format: PromptCompletion, validationFraction: 0.5}",
        }
    },
    "`model.adapter.initialFrom`": {
        "an adapter": {
            "model": f"  model: {{base: ./base, adapter: {{initialFrom: {{uri: ./adapter, digest: '{DIGEST}'}}}}}}"
        }
    },
    "`rounds.minParticipants`": {
        count: {"rounds": f"  rounds: {{count: 3, minParticipants: {count}}}"} for count in ("1", "2")
    },
}
NOT_IN_A_FILE = {"robust rules: median, trimmed mean, Krum", "compressed updates", "quarantine"}
"""Rows on what fedtrain has not, or does itself, and on other commands."""


def cells() -> dict[str, dict[str, str]]:
    """The table: by row, the cell of each unit."""
    table = PAGE.read_text().split("## What composes with it")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("| ")]
    assert rows[0] == ["block", *(f"`unit: {unit}`" for unit in UNITS)]
    return {
        block: {"Participant": participant, "Example": participant if example.startswith("the same") else example}
        for block, participant, example in rows[1:]
    }


def stated(cell: str, values: Variants) -> set[str]:
    """The values that a cell says are accepted."""
    if cell.startswith("refused"):
        return set()
    if found := re.match(r"at least (\d)", cell):
        return {value for value in values if value >= found[1]}
    first = re.split(r"[.:;(]| only", cell)[0]
    return set(re.findall(r"`(\w+)`", first)) or set(values)


def errors(file: Path) -> list[str]:
    try:
        read_file(file)
    except Invalid as invalid:
        return [f"{error.path}: {error.message}" for error in invalid.errors]
    return []


def accepted(folder: Path, variants: Variants, unit: str | None) -> set[str]:
    block = f"\n  privacy: {{unit: {unit}, budget: {{epsilon: 8, delta: 1e-5}}, clipping: {{type: Fixed, norm: 1.0}}}}"
    found = set[str]()
    for value, sections in variants.items():
        base = {
            "aggregation": "  aggregation: {weights: Uniform}",
            "rounds": "  rounds: {count: 3, minParticipants: 2}",
        }
        own = base | dict(sections)
        own["storage"] = SECTIONS["storage"] + (block if unit else "")
        if not errors(write(folder, **own)):
            found.add(value)
    return found


def test_the_table_has_a_row_for_each_field_that_privacy_restricts() -> None:
    rules = [one for one in RULES if one.check.__module__ in (privacy.__name__, example_privacy.__name__)]
    fields = {one.field for one in rules if not one.field.startswith("privacy.")}
    assert fields
    for field in fields:
        assert any(field.startswith(row.split("`")[1].split(":")[0]) for row in VARIANTS), field
    rest = {row for row in cells() if not row.startswith("`fedtrain baseline`")}
    assert rest == set(VARIANTS) | NOT_IN_A_FILE


@pytest.mark.parametrize("row", VARIANTS)
def test_a_row_of_the_table_says_what_is_accepted(row: str, tmp_path: Path) -> None:
    for name in ("a-chats.jsonl", "b-chats.jsonl"):
        (tmp_path / name).write_text('{"prompt": "p", "completion": "c"}\n')
    variants = VARIANTS[row]
    assert accepted(tmp_path, variants, None) == set(variants), "what is refused is refused because of privacy"
    for unit in UNITS:
        assert accepted(tmp_path, variants, unit) == stated(cells()[row][unit], variants), unit
