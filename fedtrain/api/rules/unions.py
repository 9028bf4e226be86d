"""Every discriminator of the API, and which block goes with which of its values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fedtrain.api.base import Block
from fedtrain.api.rules.subject import Place, Problem, Problems
from fedtrain.api.shapes import describe, fields_of

REQUIRED, OPTIONAL = True, False


@dataclass(frozen=True)
class Union:
    """A field `discriminator` of `block`; `cases`: value -> (the field that goes with it, whether it must be there).
    The other cases' fields must not be there."""

    block: str
    discriminator: str
    cases: Mapping[str, tuple[str, bool]]


UNIONS = (
    # block, discriminator, value: its field
    Union("TargetModules", "type", {"Names": ("names", REQUIRED)}),
    Union("Length", "type", {"Steps": ("steps", REQUIRED), "Epochs": ("epochs", REQUIRED)}),
    Union(
        "Partitioning",
        "strategy",
        {
            "FixedSize": ("fixedSize", REQUIRED),
            "Percentage": ("percentage", REQUIRED),
            "DataVolumeAndGPUMemory": ("dataVolumeAndGPUMemory", OPTIONAL),
        },
    ),
    Union(
        "Aggregation",
        "strategy",
        {
            "FedProx": ("fedProx", REQUIRED),
            "FedAvgM": ("fedAvgM", OPTIONAL),
            "FedAdam": ("fedAdam", OPTIONAL),
            "FedAdagrad": ("fedAdagrad", OPTIONAL),
            "FedYogi": ("fedYogi", OPTIONAL),
        },
    ),
    Union("Aggregation", "weights", {"ValidationLoss": ("validationLoss", OPTIONAL)}),
    Union("MaxUpdateNorm", "type", {"Absolute": ("norm", REQUIRED), "TimesMedian": ("factor", REQUIRED)}),
    Union("Metric", "type", {"ExactMatch": ("exactMatch", REQUIRED)}),
    Union("Storage", "type", {"S3": ("s3", REQUIRED), "File": ("file", OPTIONAL)}),
)


def union_members(block: Block, place: Place) -> Problems:
    """A block or value that goes with one choice of a `type` or `strategy` stands only there, and is not missing."""
    fields = fields_of(type(block))
    for union in UNIONS:
        if union.block != type(block).__name__:
            continue
        written = fields[union.discriminator].attribute in block.model_fields_set
        chosen: Any = getattr(block, fields[union.discriminator].attribute, None)
        if chosen is None:
            continue
        now = f"{union.discriminator} is {chosen}" + ("" if written else " (the default)")
        for value, (name, required) in union.cases.items():
            given = getattr(block, fields[name].attribute, "malformed") is not None
            if given and value != chosen:
                message = f"{name} goes with {union.discriminator}: {value}, but {now}."
                yield Problem(place.at(name), message, f"Remove it, or write {union.discriminator}: {value}.", key=True)
            if required and value == chosen and not given:
                shape = fields[name].shape
                fix = f"Write `{name}:` and {describe(shape)}."
                yield Problem(place.at(name), f"It is missing: {now}.", fix)
