"""Metrics against their definitions."""

import math
from pathlib import Path

import pytest
import torch
from fedtrain_trainer.adapter_files import config_of
from fedtrain_trainer.choices import labels_of, right
from fedtrain_trainer.exact_match import first_group
from fedtrain_trainer.examples import Encoder, Question
from fedtrain_trainer.lora import AdaptedModel, Models
from tiny_federation import CLASSES, Federation, write_rows

from fedtrain.api.model import Model
from fedtrain.contracts import names
from fedtrain.contracts.answer_labels import AnswerLabels
from fedtrain.contracts.generated_answers import Generated, GeneratedAnswer
from fedtrain.contracts.records import Evaluation
from fedtrain.data.row import Row, digest_in_any_order
from fedtrain.ledger.parse import parse

ANSWERED = [
    {"prompt": f"a {word} is =>", "completion": " metal" if word == "tin" else " animal"}
    for word in ["cat", "dog", "owl", "crow", "tin"] * 5
]


@pytest.fixture(scope="module")
def model(bases: dict[str, Path]) -> AdaptedModel:
    adapted = Models().get(
        bases["llama"], config_of(Model(base=str(bases["llama"]))), torch.float32, torch.device("cpu")
    )
    generator = torch.Generator().manual_seed(3)
    adapted.load({name: torch.randn(p.shape, generator=generator) for name, p in adapted.parameters.items()})
    return adapted


@torch.no_grad()
def score(model: AdaptedModel, prompt: list[int], reply: list[int]) -> float:
    logs = model.module(input_ids=torch.tensor([prompt + reply])).logits[0].log_softmax(-1)
    return sum(logs[len(prompt) + at - 1, token].item() for at, token in enumerate(reply))


def test_choices_is_the_highest_summed_log_likelihood(model: AdaptedModel) -> None:
    chance = torch.Generator().manual_seed(1)

    def some(count: int) -> list[int]:
        return torch.randint(3, 300, (count,), generator=chance).tolist()

    questions: list[Question] = []
    for number in range(40):
        answers = [some(1 + (number + option) % 3) for option in range(6)]
        answers[5] = [*answers[0], *some(1)]  # one that begins like another
        questions.append(Question(some(1 + number % 7), answers, number % 6))
    expected: list[bool] = []
    for question in questions:
        scores = [score(model, question.prompt, reply) for reply in question.answers]
        expected.append(max(range(6), key=scores.__getitem__) == question.right)
    assert right(model, questions, torch.float32, lambda step, steps: None) == expected
    assert 0 < sum(expected) < 40


def test_the_labels_of_rows_are_counted_unless_a_row_has_its_own_choices() -> None:
    rows = [Row(f"line {number}", {"prompt": "x", "completion": label}, ()) for number, label in enumerate("aaab")]
    assert labels_of(rows) == AnswerLabels(count=2, commonest=0.75)
    assert labels_of([*rows, Row("line 5", {"prompt": "x", "completion": "a", "choices": ["a", "c"]}, ())]) is None


def test_questions_hold_all_choices_and_cut_prompts_alike(model: AdaptedModel, tmp_path: Path) -> None:
    from fedtrain.data.reader import read_rows

    rows = [{"prompt": "a cat " * 20, "completion": " plant", "choices": [" animal", " plant and more"]}]
    rows[0]["choices"] = [" animal", " plant", " plant metal animal"]
    read = read_rows(str(write_rows(tmp_path / "q.jsonl", rows)), "PromptCompletion")
    (question,) = Encoder(model.tokenizer, {"PromptCompletion"}, 30).questions(read, [rows[0]["choices"]])  # type: ignore[list-item]
    assert [model.tokenizer.decode(reply) for reply in question.answers] == [
        f"{choice}<|eos|>" for choice in rows[0]["choices"]
    ]
    assert len(question.prompt) + max(map(len, question.answers)) == 30
    assert question.right == 1


def test_loss_and_perplexity_are_of_the_answer_tokens(federation: Federation) -> None:
    metrics = federation.evaluated([{"name": "l", "type": "Loss"}, {"name": "p", "type": "Perplexity"}]).metrics
    assert metrics["p"] == pytest.approx(math.exp(metrics["l"]))


def test_an_evaluation_records_the_digest_of_the_hubs_rows(federation: Federation) -> None:
    from fedtrain.data.reader import read_rows

    rows = read_rows(str(federation.data), "PromptCompletion")
    assert federation.evaluated([{"name": "l", "type": "Loss"}]).rows == digest_in_any_order(rows)


def test_training_on_the_answers_makes_the_model_generate_them(tmp_path: Path, bases: dict[str, Path]) -> None:
    federation = Federation(tmp_path, bases["llama"], ANSWERED)
    match = {"name": "match", "type": "ExactMatch", "exactMatch": {"pattern": "(\\w+)", "maxNewTokens": 6}}
    metrics = [{"name": "right", "type": "Choices"}, match]
    federation.model["adapter"]["rank"] = 8
    federation.format["validationFraction"] = 0.0
    federation.training.update(learningRate=0.02, schedule="Constant")
    federation.training["length"]["steps"] = 60
    update = federation.trained(samples=25, distinct=25)
    before = federation.evaluated(metrics).metrics
    initial = federation.initialised()
    folder = federation.exported(initial, federation.weights(update))
    trained = federation.ledger.put_blob(folder / "adapter_model.safetensors")
    evaluation = federation.evaluated(metrics, adapter=trained, k=2, samples=4)
    after = evaluation.metrics
    assert before["match"] == 0
    assert after["right"] >= 0.8
    assert after["match"] >= 0.8
    assert evaluation.labels == AnswerLabels(count=2, commonest=0.8)
    answers = generated_answers(federation, evaluation)
    rows = [0, 6, 12, 18]
    assert [answer.row for answer in answers] == rows, "spread over the 25 rows"
    assert [(answer.prompt, answer.expected) for answer in answers] == [
        (ANSWERED[row]["prompt"], ANSWERED[row]["completion"]) for row in rows
    ]
    assert sum(answer.text == answer.expected for answer in answers) >= 3


def generated_answers(federation: Federation, evaluation: Evaluation) -> tuple[GeneratedAnswer, ...]:
    assert evaluation.generated is not None
    found = parse(Generated, federation.ledger.content(names.blob(evaluation.generated)))
    assert found.adapter == evaluation.adapter
    return found.answers


def test_answers_are_generated_where_the_base_has_too_few_positions(federation: Federation) -> None:
    write_rows(federation.data, [{"prompt": "a cat is a dog " * 100, "completion": " x" * 3000}])
    federation.format["maxLength"] = 128  # all of the base's positions
    evaluation = federation.evaluated([{"name": "l", "type": "Loss"}], samples=4)
    assert list(federation.phases) == ["evaluating l", "generating"], "two counters of steps, with two names"
    (answer,) = generated_answers(federation, evaluation)
    assert (answer.row, len(answer.expected)) == (0, 2000), "bounded"
    assert answer.prompt.endswith("a cat is a dog ")


def test_no_answer_is_generated_unless_it_is_asked_for(federation: Federation) -> None:
    assert federation.evaluated([{"name": "l", "type": "Loss"}]).generated is None


def test_choices_need_answers_to_choose_from(federation: Federation) -> None:
    write_rows(federation.data, [{"prompt": "a", "completion": CLASSES[0]}])
    refused = federation.run(federation.evaluation([{"name": "right", "type": "Choices"}]))
    assert "2 to 100 different answers" in refused.reason


def test_an_answer_outside_of_its_choices_is_named(federation: Federation) -> None:
    write_rows(federation.data, [{"prompt": "a", "completion": "x", "choices": ["y", "z"]}])
    refused = federation.run(federation.evaluation([{"name": "right", "type": "Choices"}]))
    assert "data.jsonl:1: the answer is not among the choices" in refused.reason


def test_an_answer_that_the_pattern_does_not_match_is_named(federation: Federation) -> None:
    write_rows(federation.data, [{"prompt": "a", "completion": "x"}])
    match = {"name": "match", "type": "ExactMatch", "exactMatch": {"pattern": "([0-9]+)"}}
    assert "data.jsonl:1: exactMatch.pattern" in federation.run(federation.evaluation([match])).reason


def test_text_has_no_answers_to_choose_or_match(federation: Federation) -> None:
    write_rows(federation.data, [{"text": "a cat"}])
    federation.format["format"] = "Text"
    assert "needs answers" in federation.run(federation.evaluation([{"name": "c", "type": "Choices"}])).reason


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [("#### (\\d+)", "so #### 42.", "42"), ("\\d+", "so 7", "7"), ("#### (\\d+)", "so 42", None)],
)
def test_the_first_group_is_compared(pattern: str, text: str, found: str | None) -> None:
    import re

    assert first_group(re.compile(pattern), text) == found
