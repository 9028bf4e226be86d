"""What else a training must change for a promise of privacy, so that one message names all of it."""

import re
from collections.abc import Iterator
from pathlib import Path as File

from fedtrain.api.federated_training import FederatedTraining
from fedtrain.api.paths import Path, show
from fedtrain.api.privacy import Privacy
from fedtrain.api.reading.documents import Located
from fedtrain.api.rules.context import Context, Found
from fedtrain.api.rules.validate import Problem, validate

_UNITS = ("Participant", "Example")
_REMOVE = "Remove it"
"""Begin of the fix of a field that is not allowed."""


def other_changes(
    training: Found[FederatedTraining], privacy: Privacy, folder: File, document: Located
) -> Iterator[str]:
    """Yield the fixes of the rules that the training would break with `privacy`, and does not break without."""
    before = set(_problems(training, folder))
    for problem in _problems(with_privacy(training, privacy), folder):
        if problem in before:
            continue
        path, fix = problem.place.path, problem.fix.rstrip(".")
        line = f"(line {document.spot_of(path)[0]})"
        if fix.startswith(_REMOVE):
            yield f"remove {show(path)} {line}{fix.removeprefix(_REMOVE)}"
        elif document.at(path[:-1]) is None:  # the block that contains the field is not in the file
            yield _with_block(path, f"{fix[:1].lower()}{fix[1:]}")
        else:
            yield f"{fix[:1].lower()}{fix[1:]} in {show(path[:-1])} {line}"


def _with_block(path: Path, fix: str) -> str:
    """Return the fix of a field in a block that the file lacks: a field to set is added with its block."""
    if found := re.fullmatch(rf"set `({path[-1]}: [^`]+)`(.*)", fix):
        return f"add `{path[-2]}: {{{found[1]}}}` to {show(path[:-2])}{found[2]}"
    return re.sub("^set it ", f"set {show(path)} ", fix)


def missing_unit(training: Found[FederatedTraining], folder: File, document: Located) -> str | None:
    """Return the fix of a `spec.privacy` without `unit`: each unit with the changes that it needs. None if the valid
    part of the training has no privacy."""
    written: Privacy | None = getattr(getattr(training.value, "spec", None), "privacy", None)
    if written is None:
        return None
    choices: list[str] = []
    for unit in _UNITS:
        privacy = written.model_copy(update={"unit": unit})
        changes = [change.partition(";")[0] for change in other_changes(training, privacy, folder, document)]
        choices.append(", and ".join([f"`unit: {unit}`", *changes]))
    return f"Add {'; or '.join(choices)}."


def with_privacy(training: Found[FederatedTraining], privacy: Privacy | None) -> Found[FederatedTraining]:
    spec = training.value.spec.model_copy(update={"privacy": privacy})
    return Found(training.value.model_copy(update={"spec": spec}), training.place)


def _problems(training: Found[FederatedTraining], folder: File) -> Iterator[Problem]:
    yield from validate(Context(training, (), folder), policies_elsewhere=True)
