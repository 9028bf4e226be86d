"""Write the fields of the Kubernetes types that `spec.pods` of a policy contains, from the models of the `kubernetes`
client: `python -m hack.kubernetes_fields`. `fedtrain.api.reading.kubernetes_fields` reads the file."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

from kubernetes.client import models

FILE = Path(__file__).parents[1] / "fedtrain/api/reading/kubernetes_fields.json"

_ROOTS = ("Volume", "VolumeMount", "NodeAffinity", "PodAffinity", "TopologySpreadConstraint", "SELinuxOptions")
_SCALARS = {"str": "string", "int": "integer", "bool": "boolean", "datetime": "string", "object": "any"}
_AMOUNTS = {("EmptyDirVolumeSource", "sizeLimit"), ("ResourceFieldSelector", "divisor")}
_OF_OBJECTS = {"name", "labels", "annotations"}
"""Fields of the metadata of an object that users write."""
_CHOICES = {
    ("HostPathVolumeSource", "type"): "|DirectoryOrCreate|Directory|FileOrCreate|File|Socket|CharDevice|BlockDevice",
    ("ImageVolumeSource", "pullPolicy"): "Always|Never|IfNotPresent",
    ("LabelSelectorRequirement", "operator"): "In|NotIn|Exists|DoesNotExist",
    ("NodeSelectorRequirement", "operator"): "In|NotIn|Exists|DoesNotExist|Gt|Lt",
    ("PersistentVolumeClaimSpec", "volumeMode"): "Filesystem|Block",
    ("TopologySpreadConstraint", "nodeAffinityPolicy"): "Honor|Ignore",
    ("TopologySpreadConstraint", "nodeTaintsPolicy"): "Honor|Ignore",
    ("VolumeMount", "mountPropagation"): "None|HostToContainer|Bidirectional",
    ("VolumeMount", "recursiveReadOnly"): "Disabled|IfPossible|Enabled",
}
"""Words of fields that the models have as strings."""


def fields() -> dict[str, dict[str, str]]:
    """Return the fields of each type with their types. `[T]` is a list, `{T}` a map of T by the user's own keys, `a|b`
    one of these words, and `!` marks a required field."""
    found: dict[str, dict[str, str]] = {}
    pending = list(_ROOTS)
    while pending:
        kind = pending.pop(0)
        if kind in found:
            continue
        found[kind] = _fields(kind)
        pending += [name for one in found[kind].values() for name in re.findall(r"[A-Z]\w+", one) if _known(name)]
    return dict(sorted(found.items()))


def written() -> str:
    """Return the text of the file: a line for each type."""
    lines = (f'  "{kind}": {json.dumps(names)}' for kind, names in fields().items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _fields(kind: str) -> dict[str, str]:
    model: Any = getattr(models, f"V1{kind}")
    found: dict[str, str] = {}
    for attribute, annotation in model.openapi_types.items():
        name = model.attribute_map[attribute]
        if kind == "ObjectMeta" and name not in _OF_OBJECTS:
            continue
        required = "must not be `None`" in inspect.getsource(getattr(model, attribute).fset)
        found[name] = _type(kind, name, annotation) + ("!" if required else "")
    return found


def _type(kind: str, name: str, annotation: str) -> str:
    if listed := re.fullmatch(r"list\[(.+)\]", annotation):
        return f"[{_type(kind, name, listed[1])}]"
    if mapped := re.fullmatch(r"dict\[str, (.+)\]", annotation):
        item = "amount" if kind == "VolumeResourceRequirements" else _type(kind, name, mapped[1])
        return f"{{{item}}}"
    if (kind, name) in _AMOUNTS:
        return "amount"
    return _CHOICES.get((kind, name)) or _SCALARS.get(annotation) or annotation.removeprefix("V1")


def _known(name: str) -> bool:
    return hasattr(models, f"V1{name}")


if __name__ == "__main__":
    FILE.write_text(written())
