"""Records of a run that were deleted by hand: other records name them, or later ones exist."""

from collections.abc import Collection, Iterator, Sequence

from fedtrain.contracts import names
from fedtrain.contracts.records import End, Manifest


def missing_manifests(present: Collection[str], end: End | None) -> list[str]:
    """Return the manifests that must exist, because the run has ended or a later round has one."""
    folders = [name.split("/")[1] for name in present if name.startswith("rounds/") and name.endswith("/manifest.json")]
    last = max([int(folder) for folder in folders if folder.isdecimal()], default=-1)
    last = max(last, end.round) if end is not None else last
    return [name for number in range(last + 1) if (name := names.manifest(number)) not in present]


def missing_records(present: Collection[str], manifests: Sequence[Manifest]) -> Iterator[str]:
    """Yield the records of rounds that a manifest names and that do not exist."""
    for manifest in manifests:
        k = manifest.k or 0
        for digest, name in (
            (manifest.plan, names.plan(manifest.round)),
            (manifest.close, names.close(manifest.round, k)),
            (manifest.aggregate, names.aggregate(manifest.round, k)),
            (manifest.evaluation, names.evaluation(manifest.round, k)),
        ):
            if digest is not None and name not in present:
                yield name
