"""`fedtrain doctor`: what this machine has, and what would run on it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from valid_base import write_base

from fedtrain.api.reading import read_file
from fedtrain.cli.main import main
from fedtrain.ledger.store import StoreError
from fedtrain.preview import doctor
from fedtrain.preview.doctor import examine
from fedtrain.runner.devices import Devices
from tests.support.outputs import check_output


@pytest.fixture
def resolving(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "why_unreachable", lambda: None)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_base(tmp_path / "base")
    path = tmp_path / "federation.yaml"
    CliRunner().invoke(main, ["init", str(path), "--participant", "a", "--participant", "b"])
    text = path.read_text().replace("base: HuggingFaceTB/SmolLM2-135M", "base: ./base")
    path.write_text("".join(line for line in text.splitlines(True) if "revision: 93" not in line))
    return path


def lines(file: Path, devices: Devices) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for one in examine(read_file(file), lambda: devices).findings:
        found.setdefault(one.name, []).append((one.state, one.text))
    return found


def test_a_healthy_machine_says_what_would_run(file: Path, resolving: None) -> None:
    found = lines(file, Devices(4, ()))
    assert found["would run"] == [("OK", "2 participants, 2 at a time on the CPU")]
    assert found["store"][0][0] == "OK"
    assert "creates are atomic" in found["store"][0][1]
    result = CliRunner().invoke(main, ["doctor", str(file), "-o", "json"])
    printed = json.loads(result.stdout)
    check_output("doctor", printed)
    assert {one["name"] for one in printed["findings"]} >= {"versions", "CPU", "GPU", "disk", "store"}


def test_gpus_asked_for_are_compared_with_those_of_this_machine(file: Path, resolving: None) -> None:
    file.write_text(file.read_text().replace("- name: a\n", "- name: a\n      compute: {gpusPerNode: 8}\n"))
    (_, warning) = lines(file, Devices(4, ("0",)))["would run"]
    assert warning[0] == "Warning"
    assert "participant a asks for compute.gpusPerNode: 8, and this machine has 1 GPU" in warning[1]
    assert "gpusPerNode: 8" in CliRunner().invoke(main, ["validate", str(file)]).stderr


def test_a_store_that_does_not_keep_its_promise_is_a_problem(
    file: Path, resolving: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(store: object) -> None:
        raise StoreError("two writers won")

    monkeypatch.setattr(doctor, "probe", refuse)
    result = CliRunner().invoke(main, ["doctor", str(file)])
    assert result.exit_code == 1
    assert "problem  store: two writers won" in result.stdout


def test_a_hub_that_does_not_resolve_is_a_problem_only_for_a_base_from_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "why_unreachable", lambda: "the hub cannot be resolved")
    assert lines(file, Devices(1, ()))["huggingface"][0][0] == "OK"
    hub = file.read_text().replace("base: ./base", "base: a/b\n    revision: " + "a" * 40)
    file.write_text(hub)
    monkeypatch.setattr(doctor, "cached_folder", lambda name, revision: None)
    assert lines(file, Devices(1, ()))["huggingface"][0][0] == "Problem"
    (finding,) = (one for one in examine(read_file(file), lambda: Devices(1, ())).findings if one.name == "huggingface")
    assert f"run `hf download a/b --revision {'a' * 40} --local-dir b`" in finding.fix
