"""The model card tells what the adapter is, what it was made from, and what nobody knows."""

from ruamel.yaml import YAML

from fedtrain import __version__
from fedtrain.ledger.ledger import Ledger
from fedtrain.local.results.model_card import model_card
from fedtrain.local.results.summary import summarise
from tests.support.ledger_by_hand import SPEC, Hand


def card_of(ledger: Ledger, round: int = 3, merged: bool = False) -> str:
    summary = summarise(ledger)
    return model_card(summary, summary.round(round), "adapter", merged)


def front_matter(card: str) -> dict[str, object]:
    _, head, _ = card.split("---\n", 2)
    return YAML(typ="safe").load(head)


def test_it_names_base_rounds_participants_and_how_to_load(finished: Hand) -> None:
    card = card_of(finished.ledger)
    assert "LoRA adapter of rank 2 (alpha 4) for `./base`, fine-tuned by 3 participants over 3 rounds" in card
    assert 'AutoModelForCausalLM.from_pretrained("./base")' in card
    assert 'PeftModel.from_pretrained(base, "adapter")' in card
    assert f"fedtrain {__version__}" in card
    assert "The licence of `./base` is not known" in card


def test_data_counts_leave_out_what_was_quarantined(finished: Hand) -> None:
    card = card_of(finished.ledger)
    assert "| museum | 1,000 | 100 | 2,400 | 3 |" in card
    assert "| observatory | 1,100 | 100 | 1,600 | 2 |" in card


def test_metrics_are_told_by_round(finished: Hand) -> None:
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


def test_a_path_is_no_base_for_a_hub(finished: Hand) -> None:
    assert "base_model" not in front_matter(card_of(finished.ledger))


def test_the_card_of_a_merged_model_loads_it_without_peft(finished: Hand) -> None:
    card = card_of(finished.ledger, merged=True)
    assert "PeftModel" not in card
    assert front_matter(card)["library_name"] == "transformers"
