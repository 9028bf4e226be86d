"""Every example is a valid file, and its policies let its tasks run. One is the file of `fedtrain init`."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from fedtrain.api.crd.editor_schema import FILE_NAME
from fedtrain.api.reading import read_file
from fedtrain.cli.main import main
from fedtrain.contracts.records import ModelFacts, Run
from fedtrain.preview.dry_run import DryRun
from fedtrain.preview.policy_refusals import policy_refusals, refused_on_a_cluster
from fedtrain.preview.rounds_preview import preflights_of_data
from fedtrain.rounds.decision import AggregateOrder
from fedtrain.runner.run import enter

EXAMPLES = sorted(Path(__file__).parents[3].glob("examples/*/federation.yaml"))

FACTS = ModelFacts(base_parameters=0, adapter_parameters=0, hidden_size=0, layers=0, vocabulary=0)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.parent.name)
def test_an_example_is_valid(file: Path) -> None:
    federation = read_file(file)
    assert set(federation.policies) == {participant.name for participant in federation.training.spec.participants}


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy: a private task is written into the ledger of privacy beside its data."""
    copy = tmp_path_factory.mktemp("copy") / "examples"
    shutil.copytree(EXAMPLES[0].parents[1], copy, ignore=shutil.ignore_patterns("runs", "*.privacy"))
    return copy


@pytest.mark.parametrize("name", [file.parent.name for file in EXAMPLES])
def test_the_policies_of_an_example_let_its_tasks_run(name: str, examples: Path) -> None:
    """`fedtrain run` judges each task before it starts, also by rules that only tasks have."""
    federation = read_file(examples / name / "federation.yaml")
    training, counted = federation.training, preflights_of_data(federation)
    assert counted is not None
    run = Run(run_id="run-1", namespace=training.metadata.namespace, name=training.metadata.name, spec={})
    entered: list[str] = []
    for start in DryRun(training.spec, run, counted, FACTS).orders(1):
        if not isinstance(start.order, AggregateOrder):
            assert enter(federation, run, start.key, start.order) is None
            entered.append(start.key.who)
    assert {participant.name for participant in training.spec.participants} <= set(entered)


def test_the_files_of_the_three_clusters_are_valid_together() -> None:
    folder = next(file.parent for file in EXAMPLES if file.parent.name == "quickstart") / "clusters"
    federation = read_file(*sorted(folder.glob("*.yaml")), elsewhere=True)
    assert set(federation.policies) == {participant.name for participant in federation.training.spec.participants}
    assert policy_refusals(federation, refused_on_a_cluster) == {}
    assert {f"{name}.yaml" for name in federation.policies} == {file.name for file in folder.glob("[!f]*.yaml")}


def test_the_example_with_a_model_of_the_hub_is_what_init_writes(tmp_path: Path) -> None:
    written = tmp_path / "smollm2"
    assert CliRunner().invoke(main, ["init", str(written)]).exit_code == 0
    (example,) = (file.parent for file in EXAMPLES if file.parent.name == "smollm2")
    text = (written / "federation.yaml").read_text(encoding="utf-8")
    schema = "$schema=../../schemas/federation.schema.json"  # the repository's
    assert (example / "federation.yaml").read_text(encoding="utf-8") == text.replace(f"$schema={FILE_NAME}", schema)
    for file in (written / "data").iterdir():
        assert (example / "data" / file.name).read_bytes() == file.read_bytes()


def test_there_are_examples() -> None:
    assert {file.parent.name for file in EXAMPLES} >= {"quickstart", "smollm2"}
