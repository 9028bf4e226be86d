"""Exports the adapter of a run as a folder that `PeftModel.from_pretrained` loads, or merged into its base model."""

from pathlib import Path
from typing import TYPE_CHECKING

from fedtrain.contracts.digests import digest_file
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import ObjectMissing
from fedtrain.results.folders import write_folder
from fedtrain.results.locate import run_folder
from fedtrain.results.model_card import model_card
from fedtrain.results.run_summary import RoundSummary, RunSummary
from fedtrain.results.summary import summarise

if TYPE_CHECKING:
    from fedtrain.api.reading.federation import Federation

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
CARD = "README.md"


def export(ledger: Ledger, target: Path, round: int | None = None) -> Path:
    """Write the adapter after `round` (None: the newest) with its config and a model card to `target`, atomically, and
    return its absolute path. Raises ObjectMissing if the round does not exist, LedgerCorrupt if the bytes do not match
    the ledger, StoreError if `target` exists and is not an export of this run, OSError."""
    summary = summarise(ledger)
    chosen = exported_round(summary, round)
    card = model_card(summary, chosen, target.name)
    if _is_current(summary, chosen, card, target):
        return target.absolute()  # also on a read-only disk

    def fill(folder: Path) -> None:
        _fetch(ledger, summary, chosen, folder)
        (folder / CARD).write_text(card, encoding="utf-8")

    return write_folder(target, fill, lambda folder: _is_export(summary, folder))


def export_merged(ledger: Ledger, target: Path, base: str, round: int | None = None) -> Path:
    """Write the base model with the adapter merged into it, its tokenizer and a model card. `base`: a folder, or a hub
    id with the revision in the run's file. Raises as `export` does; needs torch and transformers."""
    from fedtrain.results.merging import merge

    summary = summarise(ledger)
    chosen = exported_round(summary, round)

    def fill(folder: Path) -> None:
        adapter = folder / ".adapter"
        adapter.mkdir()
        _fetch(ledger, summary, chosen, adapter)
        merge(base, summary.spec.model.revision, adapter, folder)
        for file in (WEIGHTS, CONFIG):
            (adapter / file).unlink()
        adapter.rmdir()
        (folder / CARD).write_text(model_card(summary, chosen, target.name, merged=True), encoding="utf-8")

    return write_folder(target, fill, lambda folder: _is_export(summary, folder))


def export_run(federation: "Federation") -> Path:
    """Export the newest adapter of the file's run to its default folder. Raises as `export` does."""
    from fedtrain.ledger.open import open_ledger
    from fedtrain.runner.bindings import storage_of

    metadata = federation.training.metadata
    ledger = open_ledger(storage_of(federation), metadata.namespace, metadata.name)
    return export(ledger, default_target(ledger))


def default_target(ledger: Ledger, merged: bool = False) -> Path:
    """`<run folder>/adapter`, or `./<name>-adapter` for a run in a bucket (`model` instead of `adapter` if merged)."""
    folder, what = run_folder(ledger), "model" if merged else "adapter"
    return Path(f"{ledger.name}-{what}") if folder is None else folder / what


def exported_round(summary: RunSummary, round: int | None) -> RoundSummary:
    """Return the round to export. Raises ObjectMissing, which names the rounds that exist."""
    recorded = summary.recorded
    if not recorded:
        raise ObjectMissing(f"{summary.url} has no adapter yet: the run is in phase {summary.phase}.")
    if round is None:
        return recorded[-1]
    if not 0 <= round < len(recorded):
        raise ObjectMissing(f"{summary.url} has no round {round}. Use a round from 0 to {len(recorded) - 1}.")
    return recorded[round]


def _is_export(summary: RunSummary, folder: Path) -> bool:
    """Whether the folder is an export of this run: its model card contains the run's id."""
    try:
        return summary.run_id in (folder / CARD).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False


def _is_current(summary: RunSummary, round: RoundSummary, card: str, folder: Path) -> bool:
    """Whether the folder is this very export, byte for byte."""
    try:
        found = digest_file(folder / WEIGHTS), digest_file(folder / CONFIG), (folder / CARD).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    return found == (round.adapter, summary.config, card)


def _fetch(ledger: Ledger, summary: RunSummary, round: RoundSummary, folder: Path) -> None:
    assert round.adapter is not None
    assert summary.config is not None
    ledger.fetch_blob(round.adapter, folder / WEIGHTS)
    ledger.fetch_blob(summary.config, folder / CONFIG)
