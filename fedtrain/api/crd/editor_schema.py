"""The JSON schema of a federation file, for editors: the CRDs' schemas without what only Kubernetes reads.

An editor checks each document of the file by its `kind`. Rules between fields are only in `fedtrain validate`.
"""

import json
from typing import Any, cast

from fedtrain.api.crd.document import definition
from fedtrain.api.crd.kinds import GROUP, KINDS, VERSION

FILE_NAME = "federation.schema.json"
IN_FILES = ("FederatedTraining", "Participant", "ParticipantPolicy")
"""Kinds that users write."""

Json = dict[str, Any]


def editor_schema() -> Json:
    """Return the schema, in the dialect 2020-12."""
    kinds = {kind.name: _document(definition(kind)) for kind in KINDS if kind.name in IN_FILES}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "fedtrain federation file",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {"apiVersion": {"const": f"{GROUP}/{VERSION}"}, "kind": {"enum": list(kinds)}},
        "allOf": [{"if": {"properties": {"kind": {"const": name}}}, "then": schema} for name, schema in kinds.items()],
    }


def render_editor_schema() -> str:
    """Return the text of the file."""
    return json.dumps(editor_schema(), indent=1, ensure_ascii=False) + "\n"


def _document(crd: Json) -> Json:
    """The schema of a document: metadata is Kubernetes', and users write no status."""
    (version,) = crd["spec"]["versions"]
    root = version["schema"]["openAPIV3Schema"]
    spec = _closed(root["properties"]["spec"])
    metadata = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    return {"description": root["description"], "properties": {"metadata": metadata, "spec": spec}}


def _closed(schema: Json) -> Json:
    """Without Kubernetes' extensions, and without unknown fields where the API has none."""
    made = {key: value for key, value in schema.items() if not key.startswith("x-kubernetes-")}
    if "properties" in made:
        properties = cast("dict[str, Json]", made["properties"])
        made["properties"] = {name: _closed(inner) for name, inner in properties.items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            made["additionalProperties"] = False
    for bound in ("minimum", "maximum"):
        exclusive = f"exclusive{bound.capitalize()}"
        if made.pop(exclusive, False) is True:  # a flag in OpenAPI 3.0, a number in JSON schema
            made[exclusive] = made.pop(bound)
    for part in ("items", "additionalProperties"):
        if isinstance(made.get(part), dict):
            made[part] = _closed(cast(Json, made[part]))
    return made
