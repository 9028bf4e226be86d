import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from federation_files import POLICY_A, POLICY_B, SECTIONS, write

from fedtrain.api.reading import Invalid, read_file
from fedtrain.cli.main import main


def errors(file: Path) -> list[str]:
    with pytest.raises(Invalid) as caught:
        read_file(file)
    return [str(error).replace(f"{file}:", "", 1).strip() for error in caught.value.errors]


def test_a_federation_is_its_training_and_its_policies(tmp_path: Path):
    file = write(tmp_path, training="  training: {length: {type: Steps, steps: 5}, learningRate: 2e-4}")
    federation = read_file(file)
    assert federation.training.metadata.name == "answers"
    assert federation.training.spec.training.learning_rate == 2e-4
    assert list(federation.policies) == ["bank-a", "bank-b"]
    assert [participant.name for participant in federation.training.spec.participants] == ["bank-a", "bank-b"]


def test_relative_paths_start_at_the_files_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path)
    monkeypatch.chdir(tmp_path.parent)
    federation = read_file(Path(tmp_path.name, "federation.yaml"))
    monkeypatch.chdir("/")
    assert federation.resolve("./a.jsonl") == str(tmp_path / "a.jsonl")
    assert federation.resolve("/data/a.jsonl") == "/data/a.jsonl"
    assert federation.resolve("file:///data/a.jsonl") == "/data/a.jsonl"
    assert federation.resolve("s3://rows/a.jsonl") == "s3://rows/a.jsonl"


def test_all_errors_come_at_once_by_line_and_a_broken_field_hides_no_other(tmp_path: Path):
    file = write(
        tmp_path,
        metadata="metadata: {name: My_Run}",
        model="  model: {base: ./nowhere, rank: 4}",
        participants="  participants: [{name: Bank_A}, bank-b, {name: bank-c, weight: 2}]",
        rounds='  rounds: {count: "8", minParticipants: 5}',
        training="  training: {length: {type: Steps}, batchSize: many, microBatchSize: 5}",
        aggregation="  aggregation: {strategy: fedavg, fedAdam: {tau: 0}, weights: Samples}",
        **{"bank-b": POLICY_B.replace("b.jsonl", "nowhere.jsonl").replace("tickets", "letters")},
    )
    found = errors(file)
    assert [(place.split(": ")[0], place.split(": ")[1].split(" (")[0]) for place in found] == [
        ("3:18", "metadata.name"),
        ("5:17", "spec.model.base"),
        ("5:28", "spec.model.rank"),
        ("7:25", "spec.participants[0].name"),
        ("7:34", "spec.participants[1]"),
        ("7:49", "spec.participants[2].name"),
        ("7:57", "spec.participants[2].weight"),
        ("8:19", "spec.rounds.count"),
        ("8:41", "spec.rounds.minParticipants"),
        ("9:14", "spec.training.length.steps"),
        ("9:48", "spec.training.batchSize"),
        ("11:27", "spec.aggregation.strategy"),
        ("11:50", "spec.aggregation.fedAdam.tau"),
        ("19:41", "spec.datasets[0].uri"),
    ]
    assert "minParticipants is 5, but participants lists only 3" in found[8]


def test_places_are_right_in_block_style_and_in_nested_lists(tmp_path: Path):
    file = write(
        tmp_path,
        evaluation="\n".join(
            [
                "  evaluation:",
                "    hub:",
                "      data:",
                "        uri: test.jsonl",
                "      metrics:",
                "        # a comment",
                "        - name: loss",
                "          type: Loss",
                "        -",
                "          name: exact",
                "          type: ExactMatch",
                "          exactMatch:",
                "            pattern: '(a)'",
                "            maxNewTokens: 0",
                "            maxTokens: 1",
            ]
        ),
    )
    assert [line.split(" (")[0] for line in errors(file)] == [
        "25:27: spec.evaluation.hub.metrics[1].exactMatch.maxNewTokens",
        "26:13: spec.evaluation.hub.metrics[1].exactMatch.maxTokens",
    ]


def test_an_error_of_an_aliased_value_is_shown_where_it_is_written(tmp_path: Path):
    file = write(
        tmp_path,
        metadata="metadata: {name: answers, annotations: {length: &length {type: Steps, steps: 0}}}",
        training="  training: {length: *length}",
    )
    assert errors(file) == ["3:78: spec.training.length.steps: 0 is out of range. Use a whole number of 1 or more."]


def test_anchors_and_merges_are_read(tmp_path: Path):
    file = write(
        tmp_path,
        participants="  participants: [&a {name: bank-a, compute: {nodes: 2}}, {<<: *a, name: bank-b}]",
    )
    assert [p.compute.nodes for p in read_file(file).training.spec.participants] == [2, 2]


def test_an_anchor_in_itself_is_an_error_and_no_endless_loop(tmp_path: Path):
    file = write(tmp_path, data="  data: &d {dataset: tickets, format: *d}")
    assert errors(file)[0] == "6:9: This anchor contains an alias of itself. Replace the alias by a value."


def test_aliases_of_aliases_take_no_time(tmp_path: Path):
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]
    file = write(tmp_path, spec="\n".join([*lines, "spec:"]))
    assert len(errors(file)) == 60


def test_a_file_with_crlf_or_a_byte_order_mark_is_read(tmp_path: Path):
    file = write(tmp_path)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert read_file(file).training.spec.rounds.count == 3


def test_documents_may_come_in_any_order_with_empty_ones_between(tmp_path: Path):
    file = write(tmp_path)
    sections = list(SECTIONS.values())
    file.write_text("---\n# nothing\n" + "\n".join([*sections[13:], "---", *sections[:13], "---", ""]))
    assert list(read_file(file).policies) == ["bank-a", "bank-b"]


def test_json_is_yaml(tmp_path: Path):
    file = write(tmp_path)
    policies = file.read_text().split("---", 1)[1]
    file.write_text(
        '{"apiVersion": "fedtrain.dev/v1alpha1", "kind": "FederatedTraining", "metadata": {"name": "answers"},\n'
        '"spec": {"model": {"base": "./base"}, "data": {"dataset": "tickets", "format": "Text"},\n'
        '"participants": [{"name": "bank-a"}, {"name": "bank-b"}], "rounds": {"count": 3},\n'
        '"training": {"length": {"type": "Steps", "steps": 5}}}}\n---' + policies
    )
    assert read_file(file).training.spec.rounds.count == 3


@pytest.mark.parametrize(
    ("sections", "error"),
    [
        (
            {"model": "  model: {base: ./base, revision: }"},
            "5:25: spec.model.revision: revision is empty. Use a string, or remove the line to get the default.",
        ),
        (
            {"rounds": "  rounds: {count: 3, minParticipants: null}"},
            "8:22: spec.rounds.minParticipants: minParticipants is empty. Use a whole number of 1 or more, or remove",
        ),
        (
            {"participants": "  participants: [{name: bank-a, weight: ~}, {name: bank-b}]"},
            "7:33: spec.participants[0].weight (participant bank-a): weight is empty.",
        ),
        (
            {"evaluation": "  evaluation: {hub: }"},
            "12:16: spec.evaluation.hub: hub is empty. Write `{data: {uri: ./data/rows.jsonl}}`, or remove the line",
        ),
        (
            {"bank-a": POLICY_A.replace("spec: {", "spec: {baseModel: , ")},
            "spec.baseModel (policy bank-a): baseModel is empty.",
        ),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_a_field_without_a_value_is_an_error_and_not_the_default(
    sections: dict[str, str], error: str, tmp_path: Path
) -> None:
    (found,) = errors(write(tmp_path, **sections))
    assert error in found


def test_null_ids_of_a_security_context_let_the_cluster_choose(tmp_path: Path) -> None:
    ids = "pods: {securityContext: {runAsUser: null, fsGroup: null}}, "
    read_file(write(tmp_path, **{"bank-a": POLICY_A.replace("spec: {", f"spec: {{{ids}")}))


@pytest.mark.parametrize("section", ["model", "bank-b"])
def test_a_path_that_is_too_long_does_not_exist(section: str, tmp_path: Path) -> None:
    name = 300 * "x"
    text = SECTIONS[section].replace("./base", f"./{name}").replace("b.jsonl", f"./{name}")
    (found,) = errors(write(tmp_path, **{section: text}))
    assert "does not exist" in found


def test_a_folder_whose_name_is_not_utf8_is_refused_by_each_command(tmp_path: Path) -> None:
    """No record, task or message could contain its name."""
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    file = write(folder)
    for command in (["validate", str(file)], ["status", str(file)], ["status", str(folder / "runs/default/demo")]):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 1
        assert "caf\\xe9" in result.stderr
        assert "is not UTF-8" in result.stderr
