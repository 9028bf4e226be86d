"""The model card of an exported adapter."""

import json
from dataclasses import replace

from fedtrain import __version__
from fedtrain.api.data import described
from fedtrain.contracts.headline_metric import Measure, headline, hub_measures, loss_text, own_measures
from fedtrain.listing import listed
from fedtrain.plurals import several
from fedtrain.results.base_identity import base_identity
from fedtrain.results.card_prompts import answer_code, how_to_prompt
from fedtrain.results.chance import guess_text, labels_note
from fedtrain.results.held_out_rows import changed_rows_text
from fedtrain.results.kept_adapter import metric_texts, rollback_texts
from fedtrain.results.mix_table import mix_table
from fedtrain.results.privacy_facts import privacy_about, privacy_facts
from fedtrain.results.public_base import PublicBase, public_base
from fedtrain.results.public_summary import public_summary
from fedtrain.results.run_summary import RoundSummary, RunSummary
from fedtrain.results.start_of_run import start_text
from fedtrain.results.words import count, sentence, short

_SHOWN_ROUNDS = 30
"""Rows of the table of rounds. Longer runs show every n-th round and the last."""

_COPY = "base"
"""Folder to which the card's commands copy a base model from its bucket."""


def model_card(
    summary: RunSummary,
    round: RoundSummary,
    folder: str,
    base: PublicBase | None = None,
    *,
    merged: bool = False,
    has_tokenizer: bool = False,
    prompt_end: str | None = None,
) -> str:
    """Return Markdown with the front matter that Hugging Face reads. `folder`: name of the exported folder. `base`: the
    base model [default: as in the run's file]. `has_tokenizer`: the folder contains the tokenizer. `prompt_end`: the
    end of most plain prompts of the hub's held-out rows, if it is known."""
    base = base or public_base(summary.spec.model)
    summary = public_summary(summary)
    parts = [
        _front_matter(base, merged),
        f"# {summary.name}",
        _first_words(summary, round, base, merged),
        _usage(folder, base, merged, has_tokenizer, answer_code(summary.spec.data.format, prompt_end)),
        how_to_prompt(summary.spec.data.format, prompt_end),
        _data(summary, round),
        _metrics(summary, round),
        _privacy(summary),
        _making(summary),
        _limits(summary, round, base, merged),
        _provenance(summary, round, merged),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(base: PublicBase, merged: bool) -> str:
    lines = ["---"]
    if base.kind == "Hub":  # hubs accept an id here, not a path
        lines += [f"base_model: {json.dumps(base.name)}", f"base_model_relation: {'finetune' if merged else 'adapter'}"]
    lines += [f"library_name: {'transformers' if merged else 'peft'}", "pipeline_tag: text-generation"]
    return "\n".join([*lines, "tags:", "- lora", "- federated-learning", "- fedtrain", "---"])


def _first_words(summary: RunSummary, round: RoundSummary, base: PublicBase, merged: bool) -> str:
    adapter = summary.spec.model.adapter
    revision = f" (revision `{base.revision}`)" if base.revision else ""
    start = "A LoRA adapter" if not merged else "A model with its LoRA adapter merged into it: an adapter"
    whole = f"{round.number} of " if round.number < summary.rounds_of else ""
    tuned = f"{start} of rank {adapter.rank} (alpha {adapter.alpha:g}) for `{base.name}`{revision}, fine-tuned by "
    if len(summary.spec.participants) == 1:
        only = summary.spec.participants[0].name
        return f"{tuned}{only} alone, on its own data{_continued(summary)}."
    sent = "adapter weights, row counts, losses and metrics"
    if summary.spec.example_privacy:
        sent = "noisy adapter weights and row counts"
    return (
        f"{tuned}{several(len(summary.spec.participants), 'participant')} over "
        f"{whole}{several(summary.rounds_of, 'round')} with "
        f"{summary.spec.aggregation.strategy}. Each participant trained on data that never left it; {sent} were "
        "exchanged."
    )


def _continued(summary: RunSummary) -> str:
    start = summary.spec.model.adapter.initial_from
    return f", from the adapter `{start.digest}`" if start is not None else ""


def _usage(folder: str, base: PublicBase, merged: bool, has_tokenizer: bool, answer: str) -> str:
    """`answer`: the code that generates an answer."""
    before = ""
    if merged:
        code = f"""from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained({json.dumps(folder)})
tokenizer = AutoTokenizer.from_pretrained({json.dumps(folder)})"""
    else:
        before, arguments = _base(base)
        code = f"""from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base = AutoModelForCausalLM.from_pretrained({arguments})
tokenizer = AutoTokenizer.from_pretrained({json.dumps(folder) if has_tokenizer else arguments})
model = PeftModel.from_pretrained(base, {json.dumps(folder)})"""
    return f"## Usage\n\n{before}```python\n{code}\n\n{answer}\n```"


def _base(base: PublicBase) -> tuple[str, str]:
    """Return the preparation of the base model, and the arguments of `from_pretrained`."""
    if base.kind == "Hub":
        return "", json.dumps(base.name) + (f', revision="{base.revision}"' if base.revision else "")
    if base.kind == "Bucket":
        copied = (
            "The base model is in a bucket. Copy it to a folder first. If the bucket is not on AWS, set "
            f"`AWS_ENDPOINT_URL` to its server.\n\n```\naws s3 cp --recursive {base.name} {_COPY}\n```\n\n"
        )
        return copied, json.dumps(_COPY)
    elsewhere = (
        f"`{base.name}` stands for a folder on the machine of the run, or in its pods. Replace it with the path "
        "of your copy of the base model.\n\n"
    )
    return elsewhere, json.dumps(base.name)


def _data(summary: RunSummary, round: RoundSummary) -> str:
    used = {participant.name: 0 for participant in summary.spec.participants}
    rounds = dict.fromkeys(used, 0)
    for past in summary.rounds[: round.number + 1]:
        for one in past.participants:
            if one.state == "Aggregated":
                used[one.participant] += one.trained or 0
                rounds[one.participant] += 1
    data = {one.participant: one for one in summary.data}
    rows = [
        [
            who,
            count(data[who].samples if who in data else None),
            count(data[who].validation_samples if who in data else None),
            f"{used[who]:,}",
            str(rounds[who]),
        ]
        for who in used
    ]
    kind = summary.spec.data
    head = ["participant", "training rows", "validation rows", "samples trained on", "rounds included"]
    mix = mix_table(summary)
    named = f"Data set `{kind.dataset}`" if kind.datasets is None else f"A mix of data sets ({described(kind)})"
    formats = listed(sorted({source.format for source in kind.sources}))
    about = f"{named}, format {formats}, at most {kind.max_length} tokens per row."
    tables = [_table(head, rows)]
    if mix is not None:
        tables.append(_table(list(mix.head[:-1]), [list(row[:-1]) for row in mix.rows]))
    return "\n\n".join(["## Participants and data", about, *tables])


def _metrics(summary: RunSummary, round: RoundSummary) -> str:
    measures = hub_measures(summary.spec)
    own = headline(own_measures(summary.spec))
    kept = summary.kept_adapter_of(round)
    rounds = summary.rounds[: round.number + 1 + len(kept)]
    step = -(-len(rounds) // _SHOWN_ROUNDS)
    shown = [one for one in rounds if one.number % step == 0 or one is rounds[-1]]
    head = ["round", "outcome", "participants", "mean training loss", *(measure.name for measure in measures)]
    rows: list[list[str]] = []
    for one in shown:
        rows.append(
            [
                str(one.number),
                one.outcome,
                str(len(one.updates)) if one.number else "–",
                loss_text(one.train_loss),
                *metric_texts(one, measures),
            ]
        )
    about = f"Round 0 is the adapter before any training: the {start_text(summary.spec)}."
    if round.samples:
        about += f" Metrics are measured on the hub's held-out data ({several(round.samples, 'row')})."
    if note := labels_note(summary):
        about += f" {sentence(note)}"
    if changed := changed_rows_text(replace(summary, rounds=rounds)):
        about += f" {sentence(changed)}"
    if any(one.rejected for one in shown):
        about += " In parentheses: of an adapter that was rejected."
    text = f"## Metrics by round\n\n{about}\n\n{_table(head, rows)}"
    if back := rollback_texts(rounds):
        text += "\n\n" + "\n".join(f"- {sentence(line)}" for line in back)
    return text + (_measured(round, own) if own and round.measured else "")


def _measured(round: RoundSummary, measure: Measure) -> str:
    rows = [[who, measure.text(metrics.get(measure.name))] for who, metrics in round.measured.items()]
    return f"\n\nOn each participant's own validation split:\n\n{_table(['participant', measure.name], rows)}"


def _privacy(summary: RunSummary) -> str:
    """What the adapter reveals about a participant at most. The number is that of the whole run, which includes rounds
    after this adapter."""
    if summary.privacy is None:
        return ""
    if not (rows := privacy_facts(summary)):
        return f"## Privacy\n\n{sentence(summary.privacy.text)}"
    return f"## Privacy\n\n{privacy_about(summary, 'card')}\n\n{_table(['', ''], [list(row) for row in rows])}"


def _making(summary: RunSummary) -> str:
    spec, training, aggregation = summary.spec, summary.spec.training, summary.spec.aggregation
    targets, length = spec.model.adapter.target_modules, training.length
    initial = spec.model.adapter.initial_from
    amount = several(length.epochs, "epoch") if length.epochs else several(length.steps or 0, "step")
    rate = f"learning rate {training.learning_rate:g}, {training.schedule} over all rounds"
    rows = [
        [
            "target modules",
            "all linear layers except the output head"
            if targets.type == "AllLinear"
            else ", ".join(targets.names or ()),
        ],
        *([["initial adapter", f"`{initial.digest}`"]] if initial is not None else []),
        ["local training", f"{amount} per round, batches of {training.batch_size}"],
        ["optimizer", f"{training.optimizer}, {rate}"],
        ["aggregation", f"{aggregation.strategy}, weights {aggregation.weights}, merge {aggregation.merge}"],
        ["partitioning", spec.partitioning.strategy],
        *([["date in the chat template", f"{summary.template_date} in all rows"]] if summary.template_date else []),
        ["seed", str(training.seed)],
    ]
    return f"## Training\n\n{_table(['', ''], rows)}"


def _limits(summary: RunSummary, round: RoundSummary, base: PublicBase, merged: bool) -> str:
    made = "model" if merged else "adapter"
    guess = sentence(guess_text(summary, round))
    useless = f"- **{guess}**\n" if guess else ""
    return (
        f"## Limitations\n\n{useless}"
        f"- fedtrain does not know the licence of `{base.name}`. It applies to this {made} too: check it before you "
        "distribute either.\n"
        "- This card was written without access to the participants' data. Ask the participants about its content and "
        f"rights: {listed([p.name for p in summary.spec.participants])}.\n"
        "- Only the metrics above were measured. Bias, safety and memorised text were not checked."
    )


def _provenance(summary: RunSummary, round: RoundSummary, merged: bool) -> str:
    rows = [
        ["run", f"{summary.namespace}/{summary.name}, id `{summary.run_id}`"],
        ["round", f"{round.number} of {summary.rounds_of} ({round.outcome})"],
        *([["end of the run", summary.end_message]] if summary.end_message else []),
        *([["fingerprint of the base model", base]] if (base := base_identity(summary.base_fingerprint)) else []),
        ["adapter", f"`{round.adapter}`"],
        ["manifest", f"`{round.manifest}`"],
        ["written by", f"fedtrain {__version__}"],
    ]
    where = "In an export without `--merged`, " if merged else ""
    check = (
        f"{where}`b3sum adapter_model.safetensors` prints the digits of the adapter's digest "
        f"(`{short(round.adapter)}...`). `fedtrain ledger verify` checks the chain of manifests that leads to it."
    )
    return f"## Provenance\n\n{_table(['', ''], rows)}\n\n{check}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
