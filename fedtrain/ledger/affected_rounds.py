"""The rounds that the findings of a verification are about."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from fedtrain.contracts import names
from fedtrain.contracts.record_fields import Digest
from fedtrain.contracts.records import Aggregate, Evaluation, Initial, Manifest, Plan
from fedtrain.ledger.finding import Finding
from fedtrain.ledger.verify_records import Records
from fedtrain.listing import listed

_ROUND = re.compile(r"rounds/(\d+)/")
_BLOBS = names.blob("")

Uses = Mapping[str, frozenset[int]]
"""The rounds whose records name a blob, by the blob's name."""


def uses_of_blobs(records: Records) -> Uses:
    used: dict[str, set[int]] = {}

    def add(round: int, *digests: Digest | None) -> None:
        for digest in digests:
            if digest is not None:
                used.setdefault(names.blob(digest), set()).add(round)

    for _, initial in records.all(Initial):
        add(0, initial.adapter, initial.config)
    for _, evaluation in records.all(Evaluation):
        add(evaluation.round, evaluation.generated)
    for _, aggregate in records.all(Aggregate):
        add(aggregate.round, aggregate.adapter, aggregate.state)
    for _, manifest in records.all(Manifest):
        add(manifest.round, manifest.adapter, manifest.config, manifest.state)
    return {name: frozenset(rounds) for name, rounds in used.items()}


def with_rounds(finding: Finding, uses: Uses) -> Finding:
    """Return the finding; that of a blob with the rounds that use it, which its name does not say."""
    return replace(finding, used_by=uses.get(finding.name, frozenset())) if finding.name.startswith(_BLOBS) else finding


def sound_rounds(records: Records, findings: Iterable[Finding], uses: Uses) -> tuple[int, ...]:
    """Return the recorded rounds after round 0 that no finding is about. A finding about `run.json` is about all."""
    sound = {manifest.round for _, manifest in records.all(Manifest) if manifest.round > 0}
    for finding in findings:
        for name in (finding.name, finding.other):
            if name == names.RUN:
                return ()
            if name is not None:
                sound -= _rounds(name, records, uses)
    return tuple(sorted(sound))


def listed_rounds(rounds: Iterable[int]) -> str:
    """`round 2`, `rounds 1 to 4`, `rounds 1, 3 and 5 to 8`."""
    spans: list[tuple[int, int]] = []
    for round in sorted(rounds):
        if spans and spans[-1][1] == round - 1:
            spans[-1] = (spans[-1][0], round)
        else:
            spans.append((round, round))
    shown = [f"{first} to {last}" if first < last else f"{first}" for first, last in spans]
    many = len(shown) > 1 or any(first < last for first, last in spans)
    return f"{'rounds' if many else 'round'} {listed(shown)}"


def _rounds(name: str, records: Records, uses: Uses) -> frozenset[int]:
    if found := _ROUND.match(name):
        return frozenset({int(found[1])})
    holders = [
        plan.round  # a plan is computed from the preflights, and holds copies of them
        for _, plan in records.all(Plan)
        if any(names.preflight(preflight.participant) == name for preflight in plan.preflights)
    ]
    return frozenset(holders) | uses.get(name, frozenset())
