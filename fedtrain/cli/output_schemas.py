"""JSON schemas of what commands print with `-o json` or `--json`. `python -m fedtrain.cli.output_schemas`, at the root
of the repository, writes them to schemas/output.

A schema is made from the types that the command prints, so the two cannot differ. Later versions may add fields.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import TypeAdapter
from pydantic.alias_generators import to_camel

from fedtrain.cli.participant_privacy import DatasetLoss
from fedtrain.cli.validation import Validation
from fedtrain.manifests.audit_report import AuditReport
from fedtrain.preview.doctor import Examination
from fedtrain.preview.run_preview import Preview
from fedtrain.results.comparison import Comparison
from fedtrain.results.run_comparison.compared import RunComparison
from fedtrain.results.run_list import RunList
from fedtrain.results.run_result import RunResult
from fedtrain.results.run_summary import RunSummary
from fedtrain.results.samples import Sample
from fedtrain.runner.events import Event

Json = dict[str, Any]
FOLDER = Path("schemas/output")
OUTPUTS: Mapping[str, tuple[str, Any]] = {
    # name of the schema: the command, and the type that it prints
    "baseline": ("fedtrain baseline FILE --json", Comparison),
    "compare": ("fedtrain compare RUN RUN -o json", RunComparison),
    "doctor": ("fedtrain doctor -o json", Examination),
    "list": ("fedtrain list -o json", RunList),
    "participant-audit": ("fedtrain participant audit -o json", AuditReport),
    "participant-privacy": ("fedtrain participant privacy -o json", tuple[DatasetLoss, ...]),
    "personalise": ("fedtrain personalise FILE --json", Comparison),
    "plan": ("fedtrain plan FILE -o json", Preview),
    "run": ("a line of fedtrain run FILE --json", Event | RunResult),
    "samples": ("fedtrain status RUN --samples -o json", tuple[Sample, ...]),
    "status": ("fedtrain status RUN -o json", RunSummary),
    "validate": ("fedtrain validate FILE -o json", Validation),
}
_FIELD = re.compile(r"(?<=`)[a-z]+(?:_[a-z]+)+(?=`)")
_NONE = re.compile(r"\bNone\b")
EVENT_TYPES = {event.__name__: event.__name__ for event in get_args(Event)} | {RunResult.__name__: "Result"}
"""The `type` of each line of `fedtrain run --json`, by class."""


def output_schema(name: str) -> Json:
    """Return the schema in the dialect 2020-12."""
    command, printed = OUTPUTS[name]
    made = _as_printed(TypeAdapter(printed).json_schema(mode="serialization", by_alias=True))
    if name == "run":
        for kind, type_name in EVENT_TYPES.items():
            _name_event(made["$defs"][kind], type_name)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"Output of {command}", **made}


def render(name: str) -> str:
    """Return the text of the file."""
    return json.dumps(output_schema(name), indent=1, ensure_ascii=False) + "\n"


def _name_event(event: Json, name: str) -> None:
    event["properties"] = {
        "type": {"const": name},
        "time": {"type": "number", "description": "Seconds since 1970."},
        **event["properties"],
    }
    event["required"] = ["type", "time", *event.get("required", [])]


def _as_printed(schema: Json) -> Json:
    """What `fedtrain.contracts.as_json` does, for a schema: names are in camelCase, and fields that are None are
    omitted."""
    made: Json = {key: _value(key, value) for key, value in schema.items() if key not in ("title", "default")}
    properties = cast("dict[str, Json]", schema.get("properties", {}))
    if properties:
        optional = {name for name, inner in properties.items() if _is_optional(inner)}
        made["properties"] = {_name(name): _as_printed(_without_null(inner)) for name, inner in properties.items()}
        made["required"] = [_name(name) for name in properties if name not in optional]
    return made


def _value(key: str, value: Any) -> Any:
    if key == "description":
        return _NONE.sub("omitted", _FIELD.sub(lambda name: to_camel(name[0]), " ".join(value.split())))
    if key == "$defs":
        return {name: _as_printed(inner) for name, inner in cast("dict[str, Json]", value).items()}
    if isinstance(value, dict) and key in ("items", "additionalProperties"):
        return _as_printed(cast(Json, value))
    if isinstance(value, list) and key in ("anyOf", "oneOf", "prefixItems"):
        return [_as_printed(inner) for inner in cast("list[Json]", value)]
    return cast(object, value)


def _name(field: str) -> str:
    return to_camel(field) if "_" in field else field


def _is_optional(schema: Json) -> bool:
    is_any = not schema.keys() - {"title", "description", "default"}
    return is_any or {"type": "null"} in schema.get("anyOf", [])


def _without_null(schema: Json) -> Json:
    if "anyOf" not in schema:
        return schema
    left = [one for one in schema["anyOf"] if one != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**rest, **left[0]} if len(left) == 1 else {**rest, "anyOf": left}


def main() -> None:
    """Write all schemas."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in OUTPUTS:
        (FOLDER / f"{name}.schema.json").write_text(render(name), encoding="utf-8")


if __name__ == "__main__":
    main()
