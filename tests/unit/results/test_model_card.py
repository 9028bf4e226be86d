"""The model card: what the adapter is, what it was trained on, and what is unknown."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import ModelCard, ModelCardData
from ruamel.yaml import YAML

from fedtrain import __version__
from fedtrain.api.model import Model
from fedtrain.contracts import names
from fedtrain.contracts.base_fingerprint import BaseFingerprint
from fedtrain.contracts.records import Initial, ModelFacts
from fedtrain.ledger.ledger import Ledger
from fedtrain.ledger.store import StoreError
from fedtrain.results.model_card import model_card
from fedtrain.results.public_base import public_base, unchecked_name
from fedtrain.results.report import report
from fedtrain.results.status import tables
from fedtrain.results.summary import summarise
from tests.support.ledger_by_hand import RUN_ID, SPEC, Hand


def card_of(ledger: Ledger, round: int = 3, merged: bool = False) -> str:
    summary = summarise(ledger)
    return model_card(summary, summary.round(round), "adapter", merged=merged)


def front_matter(card: str) -> dict[str, object]:
    _, head, _ = card.split("---\n", 2)
    return YAML(typ="safe").load(head)


def test_it_names_base_rounds_participants_and_how_to_load(finished: Hand) -> None:
    card = card_of(finished.ledger)
    assert "LoRA adapter of rank 2 (alpha 4) for `./base`, fine-tuned by 3 participants over 3 rounds" in card
    assert "all linear layers except the output head" in card
    assert 'AutoModelForCausalLM.from_pretrained("./base")' in card
    assert 'PeftModel.from_pretrained(base, "adapter")' in card
    assert f"fedtrain {__version__}" in card
    assert "does not know the licence of `./base`" in card
    assert "data that never left it; adapter weights, row counts, losses and metrics were exchanged." in card


def with_base(hand: Hand, base: str) -> Hand:
    revision = {"revision": "93efa2f0"} if base == "org/model" else {}
    hand.spec = {**SPEC, "model": {"base": base, "adapter": {"rank": 2}, **revision}}
    hand.begin()
    return hand


def test_a_base_in_a_bucket_is_copied_to_the_folder_that_the_code_loads(hand: Hand) -> None:
    card = card_of(with_base(hand, "s3://federations/quickstart/base").ledger, round=0)
    assert "aws s3 cp --recursive s3://federations/quickstart/base base\n" in card
    assert "AWS_ENDPOINT_URL" in card
    assert 'AutoModelForCausalLM.from_pretrained("base")' in card
    assert 'AutoTokenizer.from_pretrained("base")' in card
    assert 'from_pretrained("s3:' not in card


@pytest.mark.parametrize(
    ("base", "loaded"),
    [("/home/alice/llama", "./llama"), ("file:///models/a b", "./a b"), ("../..", "./base"), ("~", "./base")],
)
def test_a_base_in_a_folder_is_named_without_its_path(hand: Hand, base: str, loaded: str) -> None:
    card = card_of(with_base(hand, base).ledger, round=0)
    assert f"`{loaded}` stands for a folder on the machine of the run, or in its pods." in card
    assert f'AutoModelForCausalLM.from_pretrained("{loaded}")' in card


def test_the_card_of_a_merged_model_needs_no_base(hand: Hand) -> None:
    card = card_of(with_base(hand, "s3://federations/quickstart/base").ledger, round=0, merged=True)
    assert "aws s3" not in card


def test_card_and_report_have_the_date_that_the_chat_template_writes(hand: Hand) -> None:
    facts = ModelFacts(base_parameters=1_190_000, adapter_parameters=32, hidden_size=8, layers=1, vocabulary=32)
    adapter, config = hand.ledger.put_blob(hand.adapter(0)), hand.ledger.put_blob(hand.config)
    recorded = Initial(run_id=RUN_ID, adapter=adapter, config=config, facts=facts, template_date="2026-01-01")
    hand.ledger.claim(names.initial(), recorded)
    hand.begin()
    assert "| date in the chat template | 2026-01-01 in all rows |" in card_of(hand.ledger, round=0)
    summary = summarise(hand.ledger)
    assert "<dt>date in the chat template</dt><dd>2026-01-01</dd>" in report(summary, None)
    assert "date in the chat template" not in report(replace(summary, template_date=None), None)


def test_card_and_report_identify_a_base_that_has_no_revision(hand: Hand) -> None:
    digits = {part: letter * 64 for part, letter in (("settings", "a"), ("tokenizer", "b"), ("weights", "c"))}
    hand.base_fingerprint = BaseFingerprint(**{part: f"blake3:{text}" for part, text in digits.items()})
    hand.begin()
    summary = summarise(hand.ledger)
    parts = [(part, f"blake3:{text[:12]}") for part, text in digits.items()]
    listed = ", ".join(f"{part} `{digest}`" for part, digest in parts)
    for merged in (False, True):
        provenance = card_of(hand.ledger, round=0, merged=merged).partition("## Provenance")[2]
        assert f"| fingerprint of the base model | {listed} |" in provenance
    shown = ", ".join(f"{part} <code>{digest}</code>" for part, digest in parts)
    assert f"<dt>fingerprint of the base model</dt><dd>{shown}</dd>" in report(summary, None)
    unknown = replace(summary, base_fingerprint=None)
    assert "fingerprint of the base" not in model_card(unknown, unknown.round(0), "adapter") + report(unknown, None)


def test_data_counts_leave_out_what_was_quarantined(finished: Hand) -> None:
    card = card_of(finished.ledger)
    assert "| museum | 1,000 | 100 | 2,400 | 3 |" in card
    assert "| observatory | 1,100 | 100 | 1,600 | 2 |" in card


def test_the_samples_trained_on_are_those_of_the_steps_not_of_the_slice(hand: Hand) -> None:
    hand.spec = {**SPEC, "training": {"length": {"type": "Steps", "steps": 10}}}
    hand.begin()
    hand.whole_round(1)
    assert "| museum | 1,000 | 100 | 320 | 1 |" in card_of(hand.ledger, round=1)
    rounds, participants = tables(summarise(hand.ledger))
    assert [dict(zip(rounds.head, row, strict=True))["trained"] for row in rounds.rows[:2]] == ["0", "960"]
    assert {dict(zip(participants.head, row, strict=True))["trained"] for row in participants.rows} == {"320"}


def test_metrics_are_listed_by_round(finished: Hand) -> None:
    card = card_of(finished.ledger)
    assert "| 0 | Initial | – | – | 2.748 | 12.6% |" in card
    assert "| 3 | Committed | 2 | 1.045 | 1.658 | 67.1% |" in card
    assert "| zoo | 70.1% |" in card, "the participants' own measurements of the final adapter"


def test_an_earlier_round_tells_nothing_of_later_ones(finished: Hand) -> None:
    card = card_of(finished.ledger, round=1)
    assert "over 1 of 3 rounds" in card
    assert "41.2%" in card
    assert "67.1%" not in card
    assert "| museum | 1,000 | 100 | 800 | 1 |" in card


def test_the_front_matter_names_a_base_from_a_hub_with_its_revision(hand: Hand) -> None:
    hub = {"base": "HuggingFaceTB/SmolLM2-135M", "revision": "93efa2f0", "adapter": {"rank": 2}}
    hand.spec = {**SPEC, "model": hub}
    hand.begin()
    card = card_of(hand.ledger, round=0)
    head = front_matter(card)
    assert (head["base_model"], head["library_name"]) == ("HuggingFaceTB/SmolLM2-135M", "peft")
    assert 'from_pretrained("HuggingFaceTB/SmolLM2-135M", revision="93efa2f0")' in card


def test_a_path_is_not_a_base_for_a_hub(finished: Hand) -> None:
    assert "base_model" not in front_matter(card_of(finished.ledger))


def test_the_card_of_a_merged_model_loads_it_without_peft(finished: Hand) -> None:
    card = card_of(finished.ledger, merged=True)
    assert "PeftModel" not in card
    assert front_matter(card)["library_name"] == "transformers"


def test_the_card_of_a_merged_model_speaks_of_the_files_beside_it(finished: Hand) -> None:
    alone, merged = card_of(finished.ledger), card_of(finished.ledger, merged=True)
    assert "\n`b3sum adapter_model.safetensors` prints" in alone
    assert "\nIn an export without `--merged`, `b3sum adapter_model.safetensors` prints" in merged
    assert "It applies to this adapter too" in alone
    assert "It applies to this model too" in merged


@pytest.mark.parametrize(
    ("format", "said"),
    [
        ("PromptCompletion", "Prompts are plain text without a chat template"),
        ("Text", "Prompts are plain text without a chat template"),
        ("Messages", "Prompts use the tokenizer's chat template."),
        ("Instruction", "Prompts use the tokenizer's chat template, if it has one."),
    ],
)
def test_it_says_how_to_write_a_prompt(format: str, said: str, hand: Hand) -> None:
    hand.spec = {**SPEC, "data": {"dataset": "glosses", "format": format}}
    hand.spec.pop("evaluation", None)
    hand.begin()
    card = card_of(hand.ledger, round=0)
    assert said in card
    assert ("tokenizer.apply_chat_template(" in card) == ("chat template" in said and "without" not in said)


@pytest.mark.parametrize("end", ["\nDepartment:", ' -> "', "\n```\n", " \\n 🦉:"])
def test_it_names_the_end_of_a_prompt_and_the_code_has_it(end: str, hand: Hand) -> None:
    hand.begin()
    summary = summarise(hand.ledger)
    card = model_card(summary, summary.round(0), "adapter", prompt_end=end)
    (code,) = re.findall(r"ids = tokenizer\((.+), return_tensors", card)
    assert ast.literal_eval(code) == f"A prompt{end}"
    literal = code.replace("A prompt", "")
    ticks = "``" if "`" not in end else "````"
    quoted = f"`{literal}`" if "`" not in end else f"{ticks} {literal} {ticks}"
    assert f"End each prompt with {quoted}, as most prompts of the hub's evaluation data do" in card
    assert "as in the training rows" not in card


def test_the_hubs_library_reads_the_front_matter(finished: Hand, tmp_path: Path) -> None:
    from huggingface_hub import ModelCard, ModelCardData
    from huggingface_hub.utils import validate_repo_id

    summary = summarise(finished.ledger)
    card = model_card(summary, summary.round(3), "adapter", public_base(summary.spec.model, "consortium/gloss-base"))
    (tmp_path / "README.md").write_text(card)
    data = ModelCard.load(tmp_path / "README.md", ignore_metadata_errors=False).data
    assert isinstance(data, ModelCardData)
    assert ModelCardData(**data.to_dict()).to_yaml() == data.to_yaml()
    assert isinstance(data.base_model, str)
    validate_repo_id(data.base_model)
    assert (data.base_model, data.library_name, data.pipeline_tag) == (
        "consortium/gloss-base",
        "peft",
        "text-generation",
    )
    assert data.to_dict()["base_model_relation"] in ("adapter", "finetune", "merge", "quantized")


METADATA: dict[str, type] = {
    "base_model": str,
    "base_model_relation": str,
    "library_name": str,
    "pipeline_tag": str,
    "tags": list,
}
"""Fields of the Hub's specification of model cards that the card may have. The Hub verifies the content of `license`,
`datasets` and `model-index` of a pushed card "when present, and only then" (huggingface/hub-docs, modelcard.md)."""


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("base", ["org/model", "./base", "s3://models/base", '/models/it\'s: "#1"'])
def test_the_hubs_checks_accept_the_metadata_of_every_card(base: str, merged: bool, hand: Hand, tmp_path: Path) -> None:
    from huggingface_hub import metadata_load

    (tmp_path / "README.md").write_text(card_of(with_base(hand, base).ledger, round=0, merged=merged))
    metadata = metadata_load(tmp_path / "README.md")
    assert metadata is not None
    assert metadata == front_matter((tmp_path / "README.md").read_text()), "YAML 1.1 and 1.2 read the same"
    assert {name: type(value) for name, value in metadata.items()}.items() <= METADATA.items()
    assert metadata["library_name"] in ("peft", "transformers")
    assert metadata["pipeline_tag"] == "text-generation"
    assert all(isinstance(tag, str) and tag for tag in metadata["tags"])
    assert metadata.get("base_model") == (base if base == "org/model" else None)
    assert ("base_model_relation" in metadata) == ("base_model" in metadata)


def test_the_given_name_replaces_the_path_of_the_base_everywhere(finished: Hand) -> None:
    summary = summarise(finished.ledger)
    card = model_card(summary, summary.round(3), "adapter", public_base(summary.spec.model, "consortium/gloss-base"))
    assert "for `consortium/gloss-base`, fine-tuned" in card
    assert 'base = AutoModelForCausalLM.from_pretrained("consortium/gloss-base")' in card
    assert "./base" not in card


def test_a_name_that_is_not_an_id_is_refused() -> None:
    with pytest.raises(StoreError, match=r"--base-name \./base is not a model id .* Write it as `ORG/MODEL`"):
        public_base(Model(base="./base"), "./base")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("consortium/gloss--base", "it contains --"),
        ("consortium/gloss..base", "it contains .."),
        ("consortium/gloss-", "gloss- ends with -"),
        ("consortium./gloss", "consortium. ends with ."),
        ("consortium/gloss.git", "it ends with .git"),
        (f"consortium/{'g' * 97}", f"{'g' * 97} has more than 96 characters"),
        ("consortium/gloss", None),
        ("consortium/gloss_", None),
        ("gpt2", None),
        (f"{'c' * 96}/gloss-.base", None),
    ],
)
def test_names_of_bases_are_judged_as_the_hub_does(name: str, why: str | None) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    if why is None:
        validate_repo_id(name)
        assert public_base(Model(base="./base"), name).name == name
        return
    with pytest.raises(HFValidationError):
        validate_repo_id(name)
    with pytest.raises(StoreError) as refused:
        public_base(Model(base="./base"), name)
    assert str(refused.value) == (
        f"--base-name {name} is not a model id on Hugging Face: {why}. Write it as `ORG/MODEL`."
    )


def test_a_revision_belongs_to_one_name_only() -> None:
    model = Model(base="org/model", revision="93efa2f0")
    assert public_base(model).revision == public_base(model, "org/model").revision == "93efa2f0"
    assert public_base(model, "org/copy").revision is None


def test_a_name_that_is_not_the_runs_base_model_is_not_taken_silently() -> None:
    model = Model(base="org/model", revision="93efa2f0")
    assert unchecked_name(model, "org/model") is unchecked_name(model, None) is None
    assert (unchecked_name(model, "org/other") or "").startswith("warning: the run's base model is org/model")
    assert unchecked_name(Model(base="./base"), "org/model") == (
        "note: org/model was not compared with ./base; the adapter fits it only if both are the same model."
    )


def test_the_note_on_a_name_says_what_identifies_the_base() -> None:
    fingerprint = BaseFingerprint(weights="blake3:" + "c" * 64)
    assert unchecked_name(Model(base="./base"), "org/model", fingerprint) == (
        "note: org/model was not compared with ./base; the adapter fits it only if both are the same model. The model "
        "card identifies ./base by its fingerprint: weights `blake3:cccccccccccc`."
    )


def test_nothing_is_said_of_an_adapter_that_is_merged() -> None:
    assert unchecked_name(Model(base="./base"), "org/model", merged=True) == (
        "note: org/model was not compared with ./base; the model card names it as the base model."
    )
    hub = Model(base="org/model", revision="93efa2f0")
    assert unchecked_name(hub, "org/other", merged=True) == (
        "warning: the run's base model is org/model, and the model card is right to name org/other only if it is a "
        "copy of it."
    )
    assert unchecked_name(hub, "org/model", merged=True) is None


def test_the_card_of_a_personalised_adapter_names_its_participant_and_where_it_began(hand: Hand) -> None:
    start = {"uri": "/home/me/adapter", "digest": "blake3:" + "0" * 64}
    hand.spec = {**hand.spec, "participants": [{"name": "zoo"}], "model": {"base": "./base"}}
    hand.spec["model"]["adapter"] = {"rank": 2, "alpha": 4.0, "initialFrom": start}
    hand.begin()
    card = card_of(hand.ledger, round=0)
    assert f"fine-tuned by zoo alone, on its own data, from the adapter `{start['digest']}`." in card
    assert "/home" not in card


@pytest.mark.parametrize("merged", [False, True])
def test_the_metadata_is_what_a_hub_accepts(hand: Hand, merged: bool) -> None:
    """The Hub's own check needs its server. This is what its library and its documentation say about the fields."""
    hub = {"base": "HuggingFaceTB/SmolLM2-135M", "revision": "93efa2f0", "adapter": {"rank": 2}}
    hand.spec = {**SPEC, "model": hub}
    hand.begin()
    card = ModelCard(card_of(hand.ledger, round=0, merged=merged), ignore_metadata_errors=False)
    data = card.data.to_dict()
    assert data.keys() == {"base_model", "base_model_relation", "library_name", "pipeline_tag", "tags"}
    assert data["base_model"] == hub["base"]
    assert data["base_model_relation"] in {"adapter", "finetune", "merge", "quantized"}
    assert data["library_name"] == ("transformers" if merged else "peft")
    assert data["tags"] == ["lora", "federated-learning", "fedtrain"]
    assert ModelCardData(**data).to_yaml(), "no licence, data set or result that nobody has stated"
    assert card.text.lstrip().startswith("# quickstart")
