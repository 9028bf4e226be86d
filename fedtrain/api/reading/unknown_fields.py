"""Unknown fields: the most similar known field, or the block where the field belongs."""

from collections.abc import Iterator
from functools import cache

from fedtrain.api.base import Block
from fedtrain.api.paths import Path, show
from fedtrain.api.reading.formatting import nearest, plain_form
from fedtrain.api.shapes import block_at, block_of, fields_of

_OTHER_NAMES = {
    # name in other tools: name in fedtrain
    "lr": "learningRate", "gamma": "learningRate", "r": "rank", "loraRank": "rank", "loraR": "rank",
    "loraAlpha": "alpha", "loraDropout": "dropout", "targets": "targetModules", "maxSteps": "steps",
    "localSteps": "steps", "numTrainEpochs": "epochs", "numEpochs": "epochs", "localEpochs": "epochs",
    "numRounds": "count", "clients": "participants", "parties": "participants", "silos": "participants",
    "minClients": "minParticipants", "quorum": "minParticipants", "timeout": "deadline", "path": "uri",
    "file": "uri", "maxSeqLength": "maxLength", "maxSeqLen": "maxLength", "valFraction": "validationFraction",
    "baseModel": "base", "modelName": "base", "gpus": "gpusPerNode", "algorithm": "strategy", "optim": "optimizer",
    "perDeviceTrainBatchSize": "microBatchSize", "lrSchedulerType": "schedule", "maxTokens": "maxNewTokens",
}  # fmt: skip
_RENAMED = {plain_form(name): own for name, own in _OTHER_NAMES.items()}


def unknown_field(root: type[Block], path: Path) -> tuple[str, str]:
    """Message and fix for an unknown field at `path`."""
    name, around = str(path[-1]), path[:-1]
    block = block_at(root, around) or root
    message = f"{name} is not a field of {show(around) or 'the document'}."
    meant = meant_field(root, path)
    if meant is None:
        return message, f"Remove it; valid fields are {', '.join(fields_of(block))}."
    if meant[:-1] == around:
        return message, f"Did you mean {meant[-1]}?"
    return message, f"Move it to {show(meant)}."


def meant_field(root: type[Block], path: Path) -> Path | None:
    """Return the path of the known field that an unknown field at `path` probably means."""
    name, around = str(path[-1]), path[:-1]
    known = fields_of(block_at(root, around) or root)
    same = nearest(name, known, cutoff=0.85) or _RENAMED.get(plain_form(name))
    if same in known:
        return (*around, same)
    if place := _closest(around, _places(root, name) or (_places(root, same) if same else ())):
        return place
    near = nearest(name, known)
    return (*around, near) if near else None


def _closest(around: Path, places: tuple[Path, ...]) -> Path | None:
    """The place that shares the longest prefix with the field's current place."""

    def shared(place: Path) -> int:
        steps = [step for step in around if not isinstance(step, int)]
        return next(
            (i for i, (a, b) in enumerate(zip(steps, place, strict=False)) if a != b), min(len(steps), len(place))
        )

    best = max(places, key=lambda place: (shared(place), -len(place)), default=None)
    return best if best is not None and (len(places) == 1 or shared(best) > 0) else None


def _places(root: type[Block], name: str) -> tuple[Path, ...]:
    return tuple(path for path in _all_paths(root) if plain_form(str(path[-1])) == plain_form(name))


@cache
def _all_paths(root: type[Block]) -> tuple[Path, ...]:
    def walk(block: type[Block], path: Path) -> Iterator[Path]:
        for name, field in fields_of(block).items():
            yield (*path, name)
            if inner := block_of(field.shape):
                yield from walk(inner, (*path, name))

    return tuple(walk(root, ()))
