"""The first hour of a user: from a CSV that Excel wrote to a report, an adapter to give away and an answer, with the
commands that fedtrain itself names."""

import csv
import itertools
import json
import shlex
import shutil
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from federation import QUICKSTART, Small
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from fedtrain.cli.main import main

NOTES = {
    "heart": (
        "chest pain after climbing stairs",
        "an irregular heart beat at night",
        "high blood pressure",
        "a heart murmur",
    ),
    "skin": (
        "an itchy rash on both arms",
        "a mole that changed its colour",
        "dry skin on the hands",
        "blisters of the skin",
    ),
    "bones": (
        "a twisted knee after football",
        "a broken bone in the foot",
        "a stiff shoulder since the fall",
        "a swollen ankle",
    ),
}
AGES = (8, 29, 34, 51, 67)
ROWS = len(AGES) * sum(map(len, NOTES.values()))
CONVERT = (
    "fedtrain convert notes.csv -o notes.jsonl --to PromptCompletion --field prompt=Note --field completion=Department "
    r"--separator '\nDepartment: '"
)
NEW_NOTE = "Patient of 44 years – a heart murmur."
SPLIT = "fedtrain split notes.jsonl --participants 3 --label completion --test-fraction 0.1 --base ./base --out try"


@dataclass
class Hour:
    """`folder`: where the user works. `said`: what each command printed, by its first word."""

    folder: Path
    said: dict[str, str] = field(default_factory=dict[str, str])

    def call(self, command: str, *, code: int = 0) -> Result:
        """Call a command as it was printed, where the user works."""
        program, *words = shlex.split(command)
        assert program == "fedtrain"
        with chdir(self.folder):
            result = CliRunner().invoke(main, words)
        assert result.exit_code == code, result.output
        self.said[words[0]] = result.output
        return result

    def suggested(self, *words: str) -> str:
        """Return the command that `fedtrain run` suggested next, with these words."""
        (command,) = (
            line.strip()
            for line in self.said["run"].partition("\nnext:\n")[2].splitlines()
            if line.startswith("  fedtrain ") and set(words) <= set(shlex.split(line))
        )
        return command


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Hour:
    """The CSV as Excel writes it on Windows, with a repeated row and one without an answer; and a base model."""
    hour = Hour(tmp_path_factory.mktemp("hour"))
    shutil.copytree(QUICKSTART / "base", hour.folder / "base")
    notes = [
        (f"Patient of {age} years – {complaint}.", department)
        for department, complaints in NOTES.items()
        for complaint, age in itertools.product(complaints, AGES)
    ]
    with (hour.folder / "notes.csv").open("w", newline="", encoding="cp1252") as file:
        table = csv.writer(file)
        table.writerow(["Note", "Department", "Ward"])
        table.writerows((note, department, f"Süd {number % 3}") for number, (note, department) in enumerate(notes))
        table.writerow([*notes[0], "Süd 2"])
        table.writerow(["Patient of 40 years – nothing.", "", "Süd 1"])
    return hour


@pytest.fixture(scope="module")
def converted(hour: Hour) -> Hour:
    """The encoding and the faulty rows are corrected with the options that each error names."""
    refused = hour.call(CONVERT, code=1).output
    assert "notes.csv:2: not UTF-8" in refused
    hinted = " ".join(refused.partition("Excel often writes cp1252: ")[2].split()).strip("`.")
    assert "--encoding cp1252" in hinted
    refused = hour.call(hinted, code=1).output
    assert f"notes.csv:{ROWS + 3}" in refused
    assert "--skip-invalid" in refused
    hour.call(f"{hinted} --skip-invalid --drop-repeated")
    return hour


@pytest.fixture(scope="module")
def divided(converted: Hour) -> Hour:
    converted.call(SPLIT)
    file = converted.folder / "try/federation.yaml"
    text = file.read_text()
    for line, shorter in {"count: 20": "count: 2", "{type: Epochs, epochs: 1}": "{type: Steps, steps: 15}"}.items():
        assert text.count(line) == 1
        text = text.replace(line, shorter)
    file.write_text(text)
    return converted


@pytest.fixture(scope="module")
def done(divided: Hour, zygote: str) -> Hour:
    ran = Small(divided.folder / "try", name="try", made=True).run(zygote)
    assert ran.returncode == 0, ran.said
    divided.said["run"] = ran.said
    return divided


def test_the_table_becomes_rows_of_the_format(converted: Hour) -> None:
    rows = [json.loads(line) for line in (converted.folder / "notes.jsonl").read_text().splitlines()]
    assert len(rows) == ROWS
    assert rows[0] == {
        "prompt": "Patient of 8 years – chest pain after climbing stairs.\nDepartment:",
        "completion": " heart",
        "Ward": "Süd 0",
    }
    assert "left out: 1 invalid row" in converted.said["convert"]
    assert "left out: 1 repeated row" in converted.said["convert"]


def test_every_row_goes_to_one_participant_or_to_the_test_data(divided: Hour) -> None:
    data = divided.folder / "try/data"
    parts = {file.stem: file.read_text().splitlines() for file in data.iterdir()}
    assert {name: len(lines) for name, lines in parts.items()} == {
        "participant-1": 18,
        "participant-2": 18,
        "participant-3": 18,
        "test": 6,
    }
    assert sorted(itertools.chain(*parts.values())) == sorted((divided.folder / "notes.jsonl").read_text().splitlines())
    assert all(department in divided.said["split"] for department in NOTES)


def test_the_file_is_valid_and_the_plan_says_what_will_be_trained(divided: Hour) -> None:
    valid = divided.call("fedtrain validate try/federation.yaml").output
    assert f"rows: {ROWS} checked in 4 data sets" in valid
    assert "base model: llama, 1,187,968 parameters" in valid
    assert "warning" not in valid
    plan = json.loads(divided.call("fedtrain plan try/federation.yaml -o json").stdout)
    assert [(who["rows"], who["training"], who["validation"], who["steps"]) for who in plan["participants"]] == [
        (18, 17, 1, 30)
    ] * 3
    assert [(part["trained"], part["distinct"]) for round in plan["rounds"] for part in round["parts"]] == [
        (240, 17)
    ] * 6


def test_the_run_learns_does_what_was_planned_and_names_the_next_commands(done: Hour) -> None:
    status = json.loads(done.call("fedtrain status try/federation.yaml -o json").stdout)
    losses = [round["metrics"]["loss"] for round in status["rounds"]]
    assert len(losses) == 3
    assert losses == sorted(losses, reverse=True)
    assert "try: succeeded after 2 rounds" in done.said["run"]
    for words in (("report",), ("try",), ("baseline",), ("export", "--merged")):
        assert done.suggested(*words)


def test_the_report_has_the_result_and_nothing_of_the_machine(done: Hour) -> None:
    status = json.loads(done.call("fedtrain status try/federation.yaml -o json").stdout)
    report = Path(done.call(done.suggested("report")).stdout.strip())
    text = (done.folder / report).read_text()
    assert f"{status['rounds'][2]['metrics']['loss']:.3f}" in text
    assert all(f"participant-{number}" in text for number in (1, 2, 3))
    assert "Patient of" not in text, "rows are not in it"
    assert not_to_give_away(done, text.encode()) == []


def test_the_adapter_and_the_merged_model_can_be_given_away_and_are_the_same(done: Hour) -> None:
    adapter = (
        done.folder
        / done.call("fedtrain export try/federation.yaml --out adapter --base-name clinic/base").stdout.strip()
    )
    merged = done.folder / done.call(f"{done.suggested('export', '--merged')} --out merged").stdout.strip()
    for file in (*adapter.iterdir(), *merged.iterdir()):
        assert not_to_give_away(done, file.read_bytes()) == [], file
    assert json.loads((adapter / "adapter_config.json").read_text())["base_model_name_or_path"] == "clinic/base"
    tokenizer: Any = AutoTokenizer.from_pretrained(adapter)
    tokens = torch.tensor([tokenizer(f"{NEW_NOTE}\nDepartment:").input_ids])
    base: Any = AutoModelForCausalLM.from_pretrained(done.folder / "base")
    before = base(tokens).logits
    after = PeftModel.from_pretrained(base, str(adapter))(tokens).logits
    assert not torch.allclose(before, after, atol=0.1)
    whole: Any = AutoModelForCausalLM.from_pretrained(merged)
    assert torch.allclose(whole(tokens).logits, after, atol=1e-3)


def test_the_adapter_answers_once_the_prompt_ends_as_the_rows_do(done: Hour) -> None:
    command = shlex.split(done.suggested("try"))
    asked = done.call(shlex.join([*command, NEW_NOTE]))
    assert asked.stdout.strip() not in NOTES
    assert r"End each prompt with `\nDepartment:`, as most training rows do." in " ".join(asked.stderr.split())
    prompt = rf"{NEW_NOTE}\nDepartment:"
    answer = done.call(shlex.join([*command, prompt])).stdout
    assert answer.strip() in NOTES
    assert done.call(shlex.join([*command, prompt, "--round", "0"])).stdout != answer


def not_to_give_away(hour: Hour, content: bytes) -> list[str]:
    """Return the names of this machine's folders that the content has."""
    places = (str(hour.folder), str(QUICKSTART.parents[1]), f"{Path.home()}/")
    return [place for place in places if place.encode() in content]
