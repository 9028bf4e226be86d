"""The audit log as ConfigMaps in the participant's namespace. `fedtrain-audit` has the newest lines; a complete file is
copied to `fedtrain-audit-<number>`, which is immutable. Pure."""

from collections.abc import Iterable, Mapping

from fedtrain.contracts.audit import AuditFile
from fedtrain.manifests import labels
from fedtrain.manifests.kinds import Json

NAME = "fedtrain-audit"
LABEL = f"{labels.PREFIX}/audit"
"""On all ConfigMaps of the log: the participant."""


def current(file: AuditFile, namespace: str, who: str) -> Json:
    """Return the ConfigMap with the newest lines."""
    return _config_map(NAME, file, namespace, who)


def name_of(number: int) -> str:
    """Return the name of the ConfigMap of a complete file."""
    return f"{NAME}-{number:04}"


def archive(file: AuditFile, namespace: str, who: str) -> Json:
    """Return the ConfigMap of a complete file."""
    return {**_config_map(name_of(file.number), file, namespace, who), "immutable": True}


def data_of(file: AuditFile) -> dict[str, str]:
    return {"file": str(file.number), "lines": str(file.lines), "previous": file.previous, "log": file.text}


def file_of(body: Json) -> AuditFile:
    """Return the file in a ConfigMap. Raises ValueError if it is not one."""
    data: Mapping[str, str] = body.get("data") or {}
    try:
        return AuditFile(int(data["file"]), data.get("log", ""), int(data["lines"]), data["previous"])
    except (KeyError, ValueError) as error:
        raise ValueError(f"ConfigMap {body['metadata']['name']} is not a file of the audit log") from error


def files_of(bodies: Iterable[Json]) -> list[AuditFile]:
    """Return the files by number. A complete file that has been copied and not yet emptied counts once. Raises
    ValueError."""
    found: dict[int, AuditFile] = {}
    for body in bodies:
        file = file_of(body)
        known = found.get(file.number)
        if known is not None and known != file:
            raise ValueError(f"file {file.number} of the audit log exists twice, with different content")
        found[file.number] = file
    return [file for _, file in sorted(found.items())]


def _config_map(name: str, file: AuditFile, namespace: str, who: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {**labels.OURS, LABEL: who}},
        "data": data_of(file),
    }
