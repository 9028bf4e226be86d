"""An example of each field, as it is written in a file: for messages that ask for a field."""

from fedtrain.api.base import (
    AMOUNT_PATTERN,
    ANY_NAMESPACE_PATTERN,
    CPU_PATTERN,
    DURATION_PATTERN,
    INSTANT_PATTERN,
    QUANTITY_PATTERN,
    RESOURCE_PATTERN,
    TIME_OF_DAY_PATTERN,
    Block,
)
from fedtrain.api.shapes import Shape, fields_of

DIGEST = '"sha256:<64 digits>"'
PARTICIPANTS = "[{name: bank-a}, {name: bank-b}]"
_BASE = "HuggingFaceTB/SmolLM2-135M"
_REVISION = "93efa2f097d58c2a74874c7e644dbc9b0cee75a2"
_BY_NAME = {
    "allowedNamespaces": "[federations]",
    "base": _BASE,
    "bucket": "federations",
    "count": "20",
    "dataset": "tickets",
    "datasets": "[{name: tickets, uri: ./data/tickets.jsonl}]",
    "delta": "1e-5",
    "digest": DIGEST,
    "endpoint": "https://s3.example.org",
    "end": '"06:00"',
    "epsilon": "8",
    "factor": "10",
    "metric": "accuracy",
    "metrics": "[{name: loss, type: Loss}]",
    "format": "PromptCompletion",
    "multiplier": "1.1",
    "mountPath": "/data",
    "namespace": "bank-a",
    "mu": "0.01",
    "names": "[q_proj, v_proj]",
    "participants": PARTICIPANTS,
    "pattern": "'#### (-?[0-9]+)'",
    "percent": "25",
    "samples": "2000",
    "steps": "100",
    "uri": "./data/rows.jsonl",
    "volumeClaim": "spool",
}
"""Examples of fields whose type does not suggest a useful one."""
_BY_BLOCK = {
    "Data": "{dataset: tickets, format: PromptCompletion}",
    "MixedDataset": "{name: tickets, share: 7}, {name: manuals, share: 3}",
    "Model": f"{{base: {_BASE}, revision: {_REVISION}}}",
}
"""Examples of blocks whose required fields do not make a useful one; of a list, its items."""
_BESIDE = {"base": f"revision: {_REVISION}"}
"""Fields that the example of a field is invalid without."""
_NAMES = {
    "Dataset": "tickets",
    "Metadata": "my-federation",
    "Metric": "loss",
    "MixedDataset": "tickets",
}
"""Examples of the field `name`, by block; that of a participant in the others."""
_NAMES_OF_KINDS = {"ParticipantPolicy": "bank-a", "ParticipantRecord": "bank-a"}
"""Examples of the names of objects, by kind; that of a training in the others."""
_BY_PATTERN = {
    AMOUNT_PATTERN: "40Gi",
    ANY_NAMESPACE_PATTERN: "federations",
    CPU_PATTERN: '"4"',
    DURATION_PATTERN: "2h",
    INSTANT_PATTERN: "2025-06-01T12:00:00Z",
    QUANTITY_PATTERN: "40Gi",
    RESOURCE_PATTERN: "nvidia.com/gpu",
    TIME_OF_DAY_PATTERN: '"20:00"',
}


def example(name: str, shape: Shape, block: type[Block] | None = None) -> str:
    """Return a value for the field `name` of `block`, in flow style for maps and lists."""
    if name == "metadata" and block is not None and block.__name__ in _NAMES_OF_KINDS:
        return f"{{name: {_NAMES_OF_KINDS[block.__name__]}}}"
    if name == "name" and block is not None and block.__name__ in _NAMES:
        return _NAMES[block.__name__]
    if shape.block is not None:
        return example_of_block(shape.block)
    if shape.item is not None and shape.item.block is not None and shape.item.block.__name__ in _BY_BLOCK:
        return f"[{_BY_BLOCK[shape.item.block.__name__]}]"
    if name in _BY_NAME and shape.pattern != ANY_NAMESPACE_PATTERN:
        return _BY_NAME[name]
    match shape.kind:
        case "Integer" | "Number":
            return "1" if shape.below is None or shape.below > 1 else "0.1"
        case "Switch":
            return "true"
        case "List" if shape.item is not None:
            return f"[{example(name.removesuffix('s'), shape.item)}]"
        case "Table":
            return "{name: value}"
        case _ if shape.choices:
            return shape.choices[0]
        case _:
            return _BY_PATTERN.get(shape.pattern or "", "bank-a" if name == "name" else name.lower())


def example_line(name: str, shape: Shape, block: type[Block] | None = None) -> str:
    """Return the field `name` with its example, in backticks, and the field that it needs beside it."""
    line = f"`{name}: {example(name, shape, block)}`"
    return f"{line} and `{_BESIDE[name]}`" if name in _BESIDE else line


def example_of_block(block: type[Block]) -> str:
    """Return the required fields of a block; if there are none, the first field."""
    if block.__name__ in _BY_BLOCK:
        return _BY_BLOCK[block.__name__]
    own = fields_of(block)
    members = [union.required[choice] for union in block.unions for choice in list(union.required)[:1]]
    required = [name for name, field in own.items() if field.required]
    selected = [name for name in members if any(union.discriminator in required for union in block.unions)]
    fields = {name: own[name] for name in (*required, *selected) or list(own)[:1]}
    return f"{{{', '.join(f'{name}: {example(name, field.shape, block)}' for name, field in fields.items())}}}"
