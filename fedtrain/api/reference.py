"""docs/reference.md, from the models and the rules: `python -m fedtrain.api.reference`."""

import inspect
import json
from pathlib import Path
from typing import Any, cast

from fedtrain.api import base
from fedtrain.api.base import Block
from fedtrain.api.crd.kinds import KINDS as CLUSTER_KINDS
from fedtrain.api.descriptions import descriptions
from fedtrain.api.federated_training import FederatedTraining
from fedtrain.api.participant_policy import ParticipantPolicy
from fedtrain.api.participant_record import ParticipantRecord
from fedtrain.api.rules import RULES
from fedtrain.api.shapes import FieldOf, Shape, block_of, bounds, fields_of

FILE = Path("docs/reference.md")

_TEXTS = {
    base.CPU_PATTERN: "cores",
    base.DNS_LABEL_PATTERN: "name",
    base.DURATION_PATTERN: "duration",
    base.INSTANT_PATTERN: "time",
    base.OBJECT_NAME_PATTERN: "name",
    base.AMOUNT_PATTERN: "amount",
    base.QUANTITY_PATTERN: "size",
    base.RESOURCE_PATTERN: "resource of nodes",
    base.TIME_OF_DAY_PATTERN: "time of day",
    base.VARIABLE_PATTERN: "name",
}

KINDS: tuple[tuple[type[Block], str], ...] = (
    (FederatedTraining, "FederatedTraining"),
    (ParticipantPolicy, "ParticipantPolicy"),
    (ParticipantRecord, "Participant"),
)

_HEAD = """# The file's reference

<!-- Made by `python -m fedtrain.api.reference`; edit the models in fedtrain/api instead. -->

`fedtrain run`, `validate` and `plan` read one YAML file: a `FederatedTraining`, and a `ParticipantPolicy` for each
participant, as documents separated by `---`. The file may also contain `Participant` objects, which the hub of a
cluster needs: they are validated and otherwise ignored. `fedtrain init` writes a commented file; `fedtrain validate`
shows all errors of a file at once.

- The file is YAML 1.2, in UTF-8: `2e-4` is a number, `yes` and `on` are text. Write numbers without quotes.
- Relative paths are resolved against the folder of the file. `s3://bucket/key` is an object or prefix in a bucket.
- Durations are `90s`, `30m`, `2h`, `1h30m`; sizes are `40Gi` (2^30) or `40G` (10^9).
- Names are a-z, 0-9 and `-`, at most 40 characters, so that they are valid in names of Kubernetes objects.
- Unknown fields and empty fields are errors. To use a default, omit the field.
"""

_CLUSTER_HEAD = """## On a cluster

The same objects in the API server, in group `fedtrain.dev`, version `v1alpha1`; `kubectl get fedtrain` lists all kinds
of a namespace at once, and `kubectl explain ft.spec.rounds` shows the same descriptions. Users write the first three
kinds, the coordinator TrainingTasks, and only controllers write a status.
"""


def render() -> str:
    """The whole page."""
    parts = [_HEAD]
    for kind, title in KINDS:
        parts.append(f"## {title}\n\n{_doc(kind)}\n")
        for block, paths in _blocks(kind).items():
            if block is not kind:
                parts.append(_section(block, paths))
    parts.append(_rules())
    parts.append(_on_a_cluster())
    return "\n".join(parts)


def _on_a_cluster() -> str:
    """Return the names and columns of the kinds in kubectl, and the status fields that controllers write."""
    lines = [_CLUSTER_HEAD, "| kind | short | | columns of `kubectl get` |", "|---|---|---|---|"]
    for kind in CLUSTER_KINDS:
        place = "in a namespace" if kind.scope == "Namespaced" else "of the cluster"
        columns = ", ".join(f"{column.name} (wide)" if column.wide else column.name for column in kind.columns)
        lines.append(f"| `{kind.name}` | {', '.join(f'`{name}`' for name in kind.short_names)} | {place} | {columns} |")
    described = {block for model, _ in KINDS for block in _blocks(model)}
    parts = ["\n".join(lines) + "\n"]
    for kind in CLUSTER_KINDS:
        if kind.model not in described:
            parts.append(f"## {kind.name}\n\n{_doc(kind.model)} `compute` and `storage` are those of the training.\n")
            parts += [_section(*block) for block in _blocks(kind.spec, "spec").items() if block[0] not in described]
        if kind.status is not None:
            parts.append(f"## {kind.name}'s status\n")
            parts += [_section(*block) for block in _blocks(kind.status, "status").items()]
    return "\n".join(parts)


def _blocks(kind: type[Block], root: str = "") -> dict[type[Block], list[str]]:
    """Return all blocks of a kind, each with its paths."""
    found: dict[type[Block], list[str]] = {}

    def walk(block: type[Block], path: str) -> None:
        found.setdefault(block, []).append(path)
        for name, field in fields_of(block).items():
            inner = block_of(field.shape)
            if inner is not None:
                walk(inner, f"{path}.{name}".removeprefix(".") + ("[]" if field.shape.item else ""))

    walk(kind, root)
    return found


def _section(block: type[Block], paths: list[str]) -> str:
    lines = [f"### {', '.join(f'`{path}`' for path in paths)}", "", _doc(block), ""]
    lines += ["| field | value | default | |", "|---|---|---|---|"]
    texts = descriptions(block)
    for name, field in fields_of(block).items():
        text = texts.get(field.attribute, "")
        lines.append(f"| `{name}` | {_cell(_value(field.shape))} | {_default(field)} | {_cell(text)} |")
    return "\n".join(lines) + "\n"


def _value(shape: Shape) -> str:
    match shape.kind:
        case "Choice":
            return " or ".join(f"`{choice}`" for choice in shape.choices)
        case "Map":
            return "map"
        case "Table":
            return "map of texts"
        case "List":
            assert shape.item is not None
            size = f", at most {shape.longest}" if shape.longest else ""
            items = {"Map": "maps", "Integer": "whole numbers"}.get(shape.item.kind, "texts")
            return f"list of {items}{size}"
        case "Integer" | "Number":
            return ("whole number" if shape.kind == "Integer" else "number") + bounds(shape)
        case "Switch":
            return "`true` or `false`"
        case "Text":
            return _TEXTS.get(shape.pattern or "", "digest" if shape.pattern else "text")


def _default(field: FieldOf) -> str:
    if field.required:
        return "**required**"
    default: Any = field.info.get_default(call_default_factory=True)
    if default is None:
        return ""
    if isinstance(default, tuple):  # of blocks; a block's own default is that of its fields
        items = [item.model_dump(by_alias=True, exclude_none=True) for item in cast(tuple[Block, ...], default)]
        return f"`{json.dumps(items)}`"
    if isinstance(default, Block):
        return ""
    return f"`{default}`" if isinstance(default, str) else f"`{json.dumps(default)}`"


def _rules() -> str:
    lines = ["## Rules across fields and documents", "", "`fedtrain validate` checks these too. The API server checks"]
    lines += ["all that concern one object.", "", "| field | rule |", "|---|---|"]
    groups: dict[tuple[type[Block], str], list[str]] = {}
    for rule in RULES:
        groups.setdefault((rule.block, rule.field), []).append(rule.summary)
    for (block, field), summaries in groups.items():
        where = f"{block.__name__}.{field}" if field else block.__name__
        lines.append(f"| `{where}` | {_cell(' '.join(summaries))} |")
    return "\n".join([*lines, ""])


def _doc(described: Any) -> str:
    return " ".join((inspect.getdoc(described) or "").split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(render(), encoding="utf-8")
