"""Answers that the adapters generated for prompts of the hub's data, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.contracts.generated_answers import Generated, GeneratedAnswer
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.parse import parse
from fedtrain.results.run_summary import RoundSummary, RunSummary
from fedtrain.results.start_of_run import start_label

SHOWN = 4
"""Rounds that are shown: the base, the last one, and others between them."""
INDENT = 11


@dataclass(frozen=True)
class Sample:
    """One prompt. `expected`: the row's answer. `answers`: (round, generated text) from the base to the last round, of
    the rounds that answered it."""

    prompt: str
    expected: str
    answers: tuple[tuple[int, str], ...]


def read_samples(ledger: Ledger, summary: RunSummary) -> list[Sample]:
    """Return the prompts of the last round with the answers of some rounds; empty without `evaluation.hub.samples`. The
    hub's rows may change between rounds, so answers are found by their prompt. Raises LedgerCorrupt, StoreError."""
    rounds = _some([round for round in summary.recorded if round.generated is not None])
    texts: dict[int, dict[tuple[str, str], GeneratedAnswer]] = {}
    with TemporaryDirectory() as folder:
        for round in rounds:
            assert round.generated is not None
            found = parse(Generated, ledger.blob_file(round.generated, Path(folder)).read_bytes())
            texts[round.number] = {(answer.prompt, answer.expected): answer for answer in found.answers}
    if not texts:
        return []
    newest = texts[rounds[-1].number]
    return [
        Sample(
            one.prompt,
            one.expected,
            tuple((number, answers[key].text) for number, answers in texts.items() if key in answers),
        )
        for key, one in newest.items()
    ]


def answered_rounds(samples: Sequence[Sample]) -> tuple[int, ...]:
    """Return the rounds that answered any of the prompts."""
    return tuple(sorted({number for sample in samples for number, _ in sample.answers}))


def _some(rounds: Sequence[RoundSummary]) -> Sequence[RoundSummary]:
    last = len(rounds) - 1
    return [rounds[at] for at in sorted({last * number // (SHOWN - 1) for number in range(SHOWN)})] if rounds else []


def as_text(samples: Sequence[Sample], spec: FederatedTrainingSpec) -> str:
    """Return lines for a terminal, each with a name and a text from column INDENT."""
    start = start_label(spec)
    blocks: list[str] = []
    for sample in samples:
        lines = [("prompt", sample.prompt), ("expected", sample.expected)]
        lines += [(start if number == 0 else f"round {number}", text) for number, text in sample.answers]
        blocks.append("\n".join(f"{name:>{INDENT - 2}}  {' '.join(text.split()) or '(empty)'}" for name, text in lines))
    return "\n\n".join(blocks)
