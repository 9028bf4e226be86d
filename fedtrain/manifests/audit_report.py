"""The audit log as `fedtrain participant audit` prints it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from fedtrain.contracts.audit import AuditLine, entries, faults
from fedtrain.contracts.digests import digest_bytes
from fedtrain.manifests.audit_log import files_of
from fedtrain.manifests.kinds import Json


@dataclass(frozen=True)
class AuditReport:
    """`faults`: what is wrong with the chain, which is always checked as a whole. `last`: digest of the newest line."""

    lines: tuple[AuditLine, ...]
    faults: tuple[str, ...]
    last: str | None


def report(bodies: Iterable[Json], since: str = "") -> AuditReport:
    """Return the lines from a time on (RFC 3339). Every line of a task has the data set of its start. Raises ValueError
    if a ConfigMap is not a file of the log."""
    files = files_of(bodies)
    datasets: dict[str, str] = {}
    lines: list[AuditLine] = []
    for line in (line for file in files for line in entries(file)):
        if line.dataset is not None:
            datasets[line.uid] = line.dataset
        lines.append(line.model_copy(update={"dataset": datasets.get(line.uid)}))
    texts = [text for file in files for text in file.text.splitlines()]
    last = digest_bytes(texts[-1].encode()) if texts else None
    return AuditReport(tuple(line for line in lines if line.time >= since), tuple(faults(files)), last)


def text(line: AuditLine) -> str:
    """Return a line for people."""
    parts = [
        line.time,
        f"{line.event:<9}",
        f"{line.namespace}/{line.training} of {line.hub}",
        f"round {line.round} attempt {line.attempt} {line.work}",
        f"data set {line.dataset}" if line.dataset else "",
        line.message or "",
        "sent unknown" if line.event == "Finished" and line.sent is None else "",
        *(f"sent {one.name} {one.bytes:,} bytes {one.digest or ''}".rstrip() for one in line.sent or ()),
    ]
    return "  ".join(part for part in parts if part)
