"""Warns of participants with so few rows that a step or a validation is not what the file asks for."""

from collections.abc import Iterator, Mapping, Sequence

from fedtrain.api.data import validation_count
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.partitioning_strategies import FixedSize
from fedtrain.listing import listed
from fedtrain.plurals import form, several

MANY_PASSES = 100
"""Passes over the rows in one round above which a number of steps is probably meant for the whole run."""
LISTED = 5
"""Participants that a warning names."""


def small_data_warnings(spec: FederatedTrainingSpec, rows: Mapping[str, Sequence[int]]) -> Iterator[str]:
    """`rows`: number of rows of each data set, of the participants for which it is known."""
    fraction = spec.data.validation_fraction
    held_out = {who: [validation_count(count, fraction) for count in counts] for who, counts in rows.items()}
    yield from _unvalidated(fraction, {who: (sum(rows[who]), sum(held)) for who, held in held_out.items()})
    training = {who: sum(rows[who]) - sum(held) for who, held in held_out.items()}
    if spec.example_privacy is None:  # a step then samples rows, and the rules on it name too few
        yield from _less_than_a_batch(spec, training)
        yield from _many_passes(spec, training)
    yield from _less_than_a_slice(spec, training)


def _unvalidated(fraction: float, counts: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    """`counts`: rows and validation rows of each participant. Any fraction holds out a row of two."""
    without = [who for who, (rows, held_out) in counts.items() if rows and not held_out]
    if fraction and without:
        yield (
            f"{listed_some(without)} {form(len(without), 'has', 'have')} only one row, which is trained on, so none is "
            f"left for validation (data.validationFraction is {fraction:g}). Use at least 2 rows."
        )


def _less_than_a_batch(spec: FederatedTrainingSpec, training: Mapping[str, int]) -> Iterator[str]:
    overrides = {one.name: one.training for one in spec.participants}
    for kind in ("Steps", "Epochs"):
        few = {
            who: count
            for who, count in training.items()
            if 0 < count < spec.training.batch_size and overrides[who].over(spec.training).length.type == kind
        }
        if not few:
            continue
        least = min(few.values())
        effect = "each step repeats rows" if kind == "Steps" else "each epoch is one step of fewer rows"
        yield (
            f"{_with_rows(few)} {form(len(few), 'has', 'have')} fewer rows than one batch (training.batchSize is "
            f"{spec.training.batch_size}), so {effect}. "
            f"Add rows, or set `batchSize: {least}`{' or less' if least > 1 else ''}."
        )


def _many_passes(spec: FederatedTrainingSpec, training: Mapping[str, int]) -> Iterator[str]:
    """Steps are those of one round, and easily taken for those of the run."""
    passes: dict[str, float] = {}
    for one in spec.participants:
        own, count = one.training.over(spec.training), training.get(one.name, 0)
        if own.length.type == "Steps" and own.length.steps is not None and count >= own.batch_size:
            passes[one.name] = own.length.steps * own.batch_size / count
    if not passes or max(passes.values()) <= MANY_PASSES:
        return
    who = max(passes, key=lambda one: passes[one])
    steps = spec.participant(who).training.over(spec.training).length.steps
    yield (
        f"training.length.steps is {steps:,}, which counts for each round: {who} "
        f"({several(training[who], 'training row')}) trains on each row about {passes[who]:,.0f} times in a "
        "round. For one pass, write `length: {type: Epochs, epochs: 1}`."
    )


_EXHAUSTED = {
    "Wrap": "so a round trains on some rows more than once",
    "Clip": "so all their rows are used in their first round, and later rounds are without them",
    "Idle": "so they never train",
}


def _less_than_a_slice(spec: FederatedTrainingSpec, training: Mapping[str, int]) -> Iterator[str]:
    if spec.partitioning.strategy != "FixedSize":
        return
    samples, choice = spec.partitioning.parameters(FixedSize).samples, spec.partitioning.on_exhausted
    few = {who: count for who, count in training.items() if 0 < count < samples}
    if few:
        yield (
            f"{_with_rows(few)} {form(len(few), 'has', 'have')} fewer rows than partitioning.fixedSize.samples "
            f"({samples}), {_EXHAUSTED[choice]} (onExhausted: {choice}). Set `samples: {min(few.values())}` or less, "
            "or use `strategy: Percentage`."
        )


def _with_rows(counts: Mapping[str, int]) -> str:
    return listed_some([f"{who} ({several(count, 'training row')})" for who, count in counts.items()])


def listed_some(names: Sequence[str]) -> str:
    """Return the first names, and the number of the others."""
    return listed([*names[:LISTED], *([f"{len(names) - LISTED} more"] if len(names) > LISTED else [])])
