"""A kind as a CustomResourceDefinition, and as the YAML of its file in crds/."""

import inspect
import io
from typing import Any

from ruamel.yaml import YAML

from fedtrain.api.crd.kinds import GROUP, VERSION, Column, Kind
from fedtrain.api.crd.rules import rules_of
from fedtrain.api.crd.structural import schema

_HEAD = "# Made by `python -m fedtrain.api.crd`; edit the models in fedtrain/api instead.\n"


def file_name(kind: Kind) -> str:
    """`fedtrain.dev_trainingtasks.yaml`."""
    return f"{GROUP}_{kind.plural}.yaml"


def render(kind: Kind) -> str:
    """The text of the kind's file."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # pyright: ignore[reportAttributeAccessIssue]
    yaml.width = 100_000  # folded texts would end lines in blanks
    text = io.StringIO()
    yaml.dump(definition(kind), text)  # pyright: ignore[reportUnknownMemberType]
    return _HEAD + text.getvalue()


def definition(kind: Kind) -> dict[str, Any]:
    """The CustomResourceDefinition."""
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [_column(column) for column in kind.columns],
        "schema": {"openAPIV3Schema": _root(kind)},
    }
    if kind.status is not None:
        version["subresources"] = {"status": {}}
    names = {
        "kind": kind.name,
        "listKind": f"{kind.name}List",
        "plural": kind.plural,
        "singular": kind.name.lower(),
        "shortNames": list(kind.short_names),
        "categories": ["fedtrain"],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": kind.scope, "names": names, "versions": [version]},
    }


def _root(kind: Kind) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 253}}},
        "spec": schema(kind.spec),
    }
    if kind.status is not None:
        properties["status"] = schema(kind.status)
    return {
        "type": "object",
        "description": " ".join((inspect.getdoc(kind.model) or "").split()),
        "required": ["spec"],
        "properties": properties,
        "x-kubernetes-validations": [rule.as_json() for rule in rules_of(kind.model)],
    }


def _column(column: Column) -> dict[str, Any]:
    wide = {"priority": 1} if column.wide else {}
    return {"name": column.name, "type": column.type, "jsonPath": column.path} | wide
