"""A run that starts from the adapter of another run: its file, through the real command line."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from fedtrain.api.reading import read_file
from fedtrain.cli.main import main
from fedtrain.contracts.digests import digest_file
from fedtrain.contracts.headline_metric import Measure
from fedtrain.results.best_round import best_point, round_number
from fedtrain.results.curve import Curve
from fedtrain.results.summary import summarise
from tests.support.ledger_by_hand import SPEC, WHO, Hand


def init(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["init", *map(str, arguments)])


@pytest.fixture
def file(finished: Hand, tmp_path: Path) -> Path:
    """The federation file of the finished run."""
    path = tmp_path / "federation.yaml"
    documents = [
        {"apiVersion": "fedtrain.dev/v1alpha1", "kind": "FederatedTraining", "metadata": {"name": "quickstart"}},
        *(
            {
                "apiVersion": "fedtrain.dev/v1alpha1",
                "kind": "ParticipantPolicy",
                "metadata": {"name": who},
                "spec": {"datasets": [{"name": "glosses", "uri": f"{who}.jsonl"}]},
            }
            for who in WHO
        ),
    ]
    documents[0]["spec"] = SPEC
    with path.open("w") as out:
        YAML().dump_all(documents, out)
    path.write_text("# our federation\n" + path.read_text().replace("rank: 2", "rank: 2   # small"))
    (tmp_path / "other.yaml").write_text("{")
    return path


def test_the_new_file_is_a_copy_with_another_name_and_the_adapter(file: Path, finished: Hand, runs: Path) -> None:
    result = init("--from", runs / "default/quickstart", "--round", "2")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    made = file.parent / "quickstart-2.yaml"
    assert f"fedtrain run {made}" in result.stdout
    assert "# our federation" in made.read_text()
    assert "rank: 2   # small" in made.read_text()
    training = read_file(made, judged=False).training
    assert training.metadata.name == "quickstart-2"
    initial = training.spec.model.adapter.initial_from
    assert initial is not None
    assert initial.digest == summarise(finished.ledger).round(2).adapter
    assert digest_file(file.parent / initial.uri / "adapter_model.safetensors") == initial.digest
    assert "initialFrom" not in file.read_text()


@pytest.mark.parametrize("end", ["---\n", "---\n# the end\n"])
def test_documents_without_fields_are_left_out(file: Path, runs: Path, end: str) -> None:
    file.write_text(file.read_text() + end)
    result = init("--from", runs / "default/quickstart")
    assert result.exit_code == 0, result.output
    made = read_file(file.parent / "quickstart-2.yaml", judged=False)
    assert (made.training.metadata.name, len(made.policies)) == ("quickstart-2", len(WHO))


def test_a_name_that_a_file_or_a_run_has_is_not_used_again(file: Path, runs: Path) -> None:
    run = runs / "default/quickstart"
    init("--from", run)
    (runs / "default/quickstart-3").mkdir()
    (runs / "default/quickstart-3/run.json").touch()
    assert "quickstart-4.yaml" in init("--from", run).stdout
    assert "exists" in init("--from", run, file).stderr


def test_a_run_without_its_file_gives_a_file_that_needs_data(finished: Hand, runs: Path, tmp_path: Path) -> None:
    result = init("--from", runs / "default/quickstart", tmp_path / "next")
    assert "set the data of each participant in" in result.stderr
    federation = read_file(tmp_path / "next/quickstart-2.yaml", judged=False)
    assert federation.training.spec.rounds.count == 3
    assert federation.policies["zoo"].spec.datasets[0].uri == "./data/zoo.jsonl"


def test_a_mix_is_kept_and_without_a_file_each_data_set_has_a_location(hand: Hand, runs: Path, tmp_path: Path) -> None:
    datasets = [{"name": "glosses", "share": 3}, {"name": "letters", "share": 1}]
    hand.spec = {**SPEC, "data": {"datasets": datasets, "format": "PromptCompletion"}}
    hand.begin()
    hand.whole_round(1)
    assert init("--from", runs / "default/quickstart", tmp_path / "next").exit_code == 0
    federation = read_file(tmp_path / "next/quickstart-2.yaml", judged=False)
    mixed = federation.training.spec.data.datasets
    assert mixed is not None
    assert [(one.name, one.share) for one in mixed] == [("glosses", 3), ("letters", 1)]
    for who in WHO:
        assert {one.name: one.uri for one in federation.policies[who].spec.datasets} == {
            "glosses": f"./data/{who}-glosses.jsonl",
            "letters": f"./data/{who}-letters.jsonl",
        }


def test_relative_paths_keep_their_folder(file: Path, tmp_path: Path) -> None:
    result = init("--from", file, tmp_path / "elsewhere/next.yaml")
    assert result.exit_code == 1
    assert f"Write the new file there: {tmp_path}/NAME.yaml." in result.stderr


def test_the_best_round_is_the_one_with_the_best_metric(finished: Hand) -> None:
    summary = summarise(finished.ledger)
    assert round_number(summary, "best") == 3
    assert round_number(summary, None) is None
    assert round_number(summary, "2") == 2
    accuracy, loss = Measure("accuracy", share=True), Measure("loss", share=False)
    points = ((0, 0.1), (1, 0.7), (2, 0.7), (3, 0.2))
    assert best_point(Curve(accuracy, points, "rows")) == (1, 0.7)
    assert best_point(Curve(loss, points, "rows")) == (0, 0.1)


def test_options_that_do_not_fit_are_refused(file: Path) -> None:
    assert "--round is only valid with --from" in init("--round", "2").stderr
    assert "not valid with --from" in init("--from", file, "--no-data").stderr
    assert "is not `best` or the number of a round" in init("--from", file, "--round", "bst").stderr
