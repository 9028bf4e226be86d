"""Exports the adapter of a run as a folder that `PeftModel.from_pretrained` loads, or merged into its base model."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from fedtrain.api.reading import Federation
from fedtrain.contracts import names
from fedtrain.contracts.digests import digest_file
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import ObjectMissing, StoreError
from fedtrain.listing import listed
from fedtrain.plurals import form
from fedtrain.results.export_files import CARD, CONFIG, WEIGHTS, files_of_export, is_export, other_files
from fedtrain.results.folders import write_folder
from fedtrain.results.locate import Located, run_folder
from fedtrain.results.model_card import model_card
from fedtrain.results.prompt_ending import ending_of_hub_rows
from fedtrain.results.public_base import public_base, public_config
from fedtrain.results.run_summary import RoundSummary, RunSummary
from fedtrain.results.summary import summarise
from fedtrain.results.tokenizer_files import tokenizer_files


def export(
    ledger: Ledger,
    target: Path,
    round: int | None = None,
    *,
    base: Path | None = None,
    base_name: str | None = None,
    federation: Federation | None = None,
) -> Path:
    """Write the adapter after `round` (None: the newest) with its config and a model card to `target`, atomically, and
    return its absolute path. `base`: folder of the base model, whose tokenizer is copied. `base_name`: the name of the
    base model in the exported files. `federation`: the run's file, which locates the hub's held-out rows [default: the
    file beside the folder of runs]. Raises ObjectMissing if the round does not exist, LedgerCorrupt if the bytes do
    not match the ledger, StoreError if `target` exists and is not an export of this run or has other files, OSError."""
    summary = summarise(ledger)
    chosen = exported_round(summary, round)
    check_adapter(ledger, summary, chosen)
    public = public_base(summary.spec.model, base_name)
    beside = tokenizer_files(base) if base is not None else {}
    end = ending_of_hub_rows(Located(ledger, federation), summary)
    card = model_card(summary, chosen, target.absolute().name, public, has_tokenizer=bool(beside), prompt_end=end)
    files = {**beside, CONFIG: public_config(_config(ledger, summary), public), CARD: card.encode()}

    def fill(folder: Path) -> None:
        assert chosen.adapter is not None
        ledger.fetch_blob(chosen.adapter, folder / WEIGHTS)
        for name, content in files.items():
            (folder / name).write_bytes(content)

    if _is_current(chosen, files, target):
        return target.absolute()  # also on a read-only disk
    return write_folder(target, fill, lambda folder: check_replaceable(summary, folder))


def export_merged(
    ledger: Ledger,
    target: Path,
    base: str,
    round: int | None = None,
    *,
    base_name: str | None = None,
    federation: Federation | None = None,
) -> Path:
    """Write the base model with the adapter merged into it, its tokenizer and a model card. `base`: a folder, or a
    model id with the revision in the run's file. Raises as `export` does; needs torch and transformers."""
    from fedtrain.results.merging import merge

    summary = summarise(ledger)
    chosen = exported_round(summary, round)
    check_adapter(ledger, summary, chosen)
    public, end = public_base(summary.spec.model, base_name), ending_of_hub_rows(Located(ledger, federation), summary)
    card = model_card(summary, chosen, target.absolute().name, public, merged=True, prompt_end=end)

    def fill(folder: Path) -> None:
        adapter = folder / ".adapter"
        adapter.mkdir()
        write_adapter(ledger, summary, chosen, adapter)
        merge(base, summary.spec.model, adapter, folder)
        for file in (WEIGHTS, CONFIG):
            (adapter / file).unlink()
        adapter.rmdir()
        (folder / CARD).write_text(card, encoding="utf-8")

    return write_folder(target, fill, lambda folder: check_replaceable(summary, folder))


def write_adapter(ledger: Ledger, summary: RunSummary, round: RoundSummary, folder: Path) -> None:
    """Write the files that PEFT loads. Raises LedgerCorrupt, StoreError, OSError."""
    assert round.adapter is not None
    check_adapter(ledger, summary, round)
    ledger.fetch_blob(round.adapter, folder / WEIGHTS)
    (folder / CONFIG).write_bytes(_config(ledger, summary))


def default_target(ledger: Ledger, merged: bool = False) -> Path:
    """`<run folder>/adapter`, or `./<name>-adapter` for a run in a bucket (`model` instead of `adapter` if merged)."""
    folder, what = run_folder(ledger), "model" if merged else "adapter"
    return Path(f"{ledger.name}-{what}") if folder is None else folder / what


def exported_round(summary: RunSummary, round: int | None) -> RoundSummary:
    """Return the round that made the adapter to export, that after `round` (None: the newest). Raises ObjectMissing,
    which names the rounds that exist."""
    recorded = summary.recorded
    if not recorded:
        raise ObjectMissing(f"{summary.name} has no adapter yet: the run is in phase {summary.phase}.")
    if round is None:
        return summary.made_adapter_of(recorded[-1].number)
    if not 0 <= round < len(recorded):
        raise ObjectMissing(
            f"{summary.name} has no round {round}. Use a round from 0 (before training) to {len(recorded) - 1}."
        )
    return summary.made_adapter_of(round)


def check_adapter(ledger: Ledger, summary: RunSummary, round: RoundSummary) -> None:
    """Raises ObjectMissing if the adapter's file was deleted, with the nearest round whose adapter exists."""
    if round.adapter is None or _exists(ledger, round):
        return
    others = sorted((one for one in summary.recorded if _exists(ledger, one)), key=lambda one: _distance(one, round))
    use = f", or use `--round {others[0].number}`" if others else ""
    raise ObjectMissing(
        f"{ledger.address.rstrip('/')}/{names.blob(round.adapter)} is missing: the adapter after round {round.number}. "
        f"Restore the file from a backup{use}."
    )


def rounds_to_export(ledger: Ledger, rounds: Iterable[int]) -> tuple[int, ...]:
    """Return those of `rounds` whose adapter can be exported; none of a run that has lost a record without which it
    cannot be read."""
    try:
        summary = summarise(ledger)
        return tuple(one for one in rounds if _exists(ledger, exported_round(summary, one)))
    except (StoreError, ValueError):  # a damaged record, or a spec of another version
        return ()


def _exists(ledger: Ledger, round: RoundSummary) -> bool:
    return round.adapter is not None and ledger.size(names.blob(round.adapter)) is not None


def _distance(one: RoundSummary, round: RoundSummary) -> int:
    return abs(one.number - round.number)


def check_replaceable(summary: RunSummary, target: Path) -> None:
    """Raises StoreError unless `target` is an export of this run without other files."""
    if not target.is_dir() or not is_export(target, summary.run_id):
        raise StoreError(f"{target} exists and is not an export of this run. Choose another folder with --out.")
    if others := other_files(target):
        names = [f"{path.name}/" if path.is_dir() else path.name for path in others]
        raise StoreError(
            f"{target} has {form(len(others), 'a file that is', 'files that are')} not from the export: "
            f"{listed(names)}. Move {form(len(others), 'it', 'them')}, or choose another folder with --out."
        )


def _is_current(round: RoundSummary, files: dict[str, bytes], folder: Path) -> bool:
    """Whether the folder has this very export, byte for byte. Other files may be beside it."""
    try:
        same = {path.name for path in files_of_export(folder)} == {WEIGHTS, *files} and all(
            (folder / name).read_bytes() == content for name, content in files.items()
        )
        return same and digest_file(folder / WEIGHTS) == round.adapter
    except OSError:
        return False


def _config(ledger: Ledger, summary: RunSummary) -> bytes:
    assert summary.config is not None
    with TemporaryDirectory() as folder:
        return ledger.blob_file(summary.config, Path(folder)).read_bytes()
