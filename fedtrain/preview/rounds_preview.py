"""Preview of the samples of each participant in each round, computed with `partition`.

Assumes that all participants take part in every round. Values that are known only during a run (free GPU memory,
validation losses) are listed in `notes`.
"""

from collections.abc import Mapping

from fedtrain.api.base import in_bytes
from fedtrain.api.data import validation_count
from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.partitioning_strategies import DataVolumeAndGPUMemory
from fedtrain.api.reading.federation import Federation
from fedtrain.contracts.records import ModelFacts
from fedtrain.contracts.untrusted_records import DatasetCount, Preflight
from fedtrain.partitioning import Positions, situation
from fedtrain.partitioning.mixing import shares
from fedtrain.preview.check import checked, counter_of
from fedtrain.preview.dry_run import DIGEST, RUN_ID
from fedtrain.preview.model_facts import base_facts
from fedtrain.preview.playing import play
from fedtrain.preview.rounds_below_minimum import rounds_below_minimum
from fedtrain.preview.row_check import data_uris
from fedtrain.preview.row_counts import Refusable, Rows, Uncounted, counted
from fedtrain.preview.row_notes import row_notes
from fedtrain.preview.run_preview import DatasetPreview, Part, ParticipantPreview, Preview, RoundPreview
from fedtrain.preview.sizes import sizes


def preview(federation: Federation, rows: Rows | None = None) -> Preview:
    """Return the preview of the whole run. `rows` gives row counts of data sets; the rows of the others are counted
    and checked. Raises Uncounted, Refusable."""
    spec = federation.training.spec
    rendered = counter_of(federation)
    counts, found = counted(federation, rows or {}, rendered)
    preflights = {name: supposed(federation, name, rows) for name, rows in counts.items()}
    given = {name: tuple(one.values()) for name, one in counts.items()}
    before = checked(federation, found, tuple(row_notes(found, spec)), None, rendered, given)
    facts = base_facts(federation)
    rounds, positions = play(spec, preflights, facts)
    totals = _totals(rounds)
    return Preview(
        name=federation.training.metadata.name,
        strategy=spec.partitioning.strategy,
        on_exhausted=spec.partitioning.on_exhausted,
        participants=tuple(
            _participant(federation, preflight, positions, *totals[name]) for name, preflight in preflights.items()
        ),
        rounds=rounds,
        sizes=sizes(spec, facts, _updates(rounds)) if facts is not None else None,
        facts=before.facts,
        errors=tuple(map(str, before.errors)),
        notes=(*before.warnings, *_notes(federation, preflights, facts, rounds)),
    )


def _participant(
    federation: Federation, preflight: Preflight, positions: Positions, trained: int, steps: int
) -> ParticipantPreview:
    name, uris = preflight.participant, data_uris(federation, preflight.participant)
    datasets = _datasets(federation, preflight, positions)
    used = positions.of(name)
    uses = [(one.uses_min, one.uses_max) for one in datasets] or [_uses(used, preflight.samples)]
    return ParticipantPreview(
        participant=name,
        data=", ".join(uris),
        rows=preflight.samples + preflight.validation_samples,
        training=preflight.samples,
        validation=preflight.validation_samples,
        samples=used,
        trained=trained,
        steps=steps,
        uses_min=min(least for least, _ in uses),
        uses_max=max(most for _, most in uses),
        datasets=datasets,
    )


def _datasets(federation: Federation, preflight: Preflight, positions: Positions) -> tuple[DatasetPreview, ...]:
    """The data sets of a mix; none without one."""
    mix, used = federation.training.spec.data.datasets, positions.of_sets(preflight.participant)
    if mix is None:
        return ()
    share, uris = shares(mix), data_uris(federation, preflight.participant)
    found: list[DatasetPreview] = []
    for one, uri in zip(preflight.datasets or (), uris, strict=True):
        samples = used.get(one.name, 0)
        least, most = _uses(samples, one.samples)
        found.append(
            DatasetPreview(
                name=one.name,
                share=float(share[one.name]),
                data=uri,
                rows=one.samples + one.validation_samples,
                training=one.samples,
                validation=one.validation_samples,
                samples=samples,
                uses_min=least,
                uses_max=most,
            )
        )
    return tuple(found)


def _uses(used: int, population: int) -> tuple[int, int]:
    """How often the least and the most used sample of a stream is in slices."""
    return used // max(1, population), -(-used // max(1, population))


def _updates(rounds: tuple[RoundPreview, ...]) -> int:
    return sum(part.samples > 0 for round in rounds for part in round.parts)


def grouped(rounds: tuple[RoundPreview, ...]) -> list[tuple[RoundPreview, RoundPreview]]:
    """Group consecutive rounds that differ only in their passes, as (first, last)."""

    def same(round: RoundPreview) -> tuple[Part, ...]:
        return tuple(part.model_copy(update={"first_pass": None, "last_pass": None}) for part in round.parts)

    groups: list[tuple[RoundPreview, RoundPreview]] = []
    for round in rounds:
        if groups and same(groups[-1][0]) == same(round):
            groups[-1] = (groups[-1][0], round)
        else:
            groups.append((round, round))
    return groups


def _totals(rounds: tuple[RoundPreview, ...]) -> dict[str, tuple[int, int]]:
    """Return (trained, steps) of each participant over the run."""
    totals: dict[str, tuple[int, int]] = {}
    for part in (part for round in rounds for part in round.parts):
        trained, steps = totals.get(part.participant, (0, 0))
        totals[part.participant] = (trained + part.trained, steps + part.steps)
    return totals


def supposed(federation: Federation, name: str, rows: Mapping[str, int]) -> Preflight:
    """Return the preflight that the participant is expected to write. `rows`: number of rows of each data set."""
    spec = federation.training.spec
    held_out = {dataset: validation_count(count, spec.data.validation_fraction) for dataset, count in rows.items()}
    parts = (
        DatasetCount(name=dataset, samples=rows[dataset] - held_out[dataset], validation_samples=held_out[dataset])
        for dataset in spec.data.names
    )
    memory = federation.policies[name].spec.limits.gpu_memory
    return Preflight(
        run_id=RUN_ID,
        participant=name,
        samples=sum(rows.values()) - sum(held_out.values()),
        validation_samples=sum(held_out.values()),
        fingerprint=DIGEST,
        gpu_memory=in_bytes(memory),
        datasets=tuple(parts) if spec.data.datasets is not None else None,
    )


def preflights_of_data(federation: Federation) -> dict[str, Preflight] | None:
    """Return the preflight that each participant is expected to write; None if its rows are not on this machine."""
    try:
        counts = counted(federation, {})[0]
    except (Uncounted, Refusable):
        return None
    return {name: supposed(federation, name, rows) for name, rows in counts.items()}


def preflights_of(federation: Federation, made: Preview) -> dict[str, Preflight]:
    """Return the preflight that each participant of a preview is expected to write."""
    (only, *_), found = federation.training.spec.data.names, dict[str, Preflight]()
    for who in made.participants:
        rows = {one.name: one.rows for one in who.datasets} or {only: who.rows}
        found[who.participant] = supposed(federation, who.participant, rows)
    return found


def _notes(
    federation: Federation,
    preflights: Mapping[str, Preflight],
    facts: ModelFacts | None,
    rounds: tuple[RoundPreview, ...],
) -> list[str]:
    spec = federation.training.spec
    notes = list(rounds_below_minimum(spec, rounds))
    partly = sorted({p.participant for round in rounds for p in round.parts if 0 < p.trained < p.distinct})
    if partly and spec.example_privacy is None:  # its steps sample from all rows
        notes.append(
            f"The steps of {', '.join(partly)} do not cover the slice of a round: `trained` is below `samples`. "
            "To cover it, set more steps or smaller slices."
        )
    if spec.aggregation.weights == "ValidationLoss":
        notes.append("Weights depend on validation losses, which are known only during the run.")
    if spec.partitioning.strategy == "DataVolumeAndGPUMemory":
        notes += _memory_notes(spec, preflights, facts)
    return notes


def _memory_notes(
    spec: FederatedTrainingSpec, preflights: Mapping[str, Preflight], facts: ModelFacts | None
) -> list[str]:
    """Return notes on memory values that the run determines."""
    notes: list[str] = []
    now = situation(spec, preflights=preflights, positions=Positions(), facts=facts)
    asked = [who for who in now.candidates if who.micro_batch_size is None]
    default = spec.partitioning.parameters(DataVolumeAndGPUMemory).gpu_memory
    silent = [who.name for who in asked if who.gpu_memory is None and default is None]
    if silent:
        notes.append(
            f"The free GPU memory of {', '.join(silent)} is unknown until it is read from the device when the run "
            "starts."
        )
    if len(silent) < len(asked):
        notes.append("A device with less free memory than the manifest declares gets a smaller slice.")
    if asked and facts is None:
        notes.append("The base model is not on this machine. Its sizes are read when the run starts.")
    elif asked:
        notes.append("The memory of training is predicted, not measured.")
    return notes
