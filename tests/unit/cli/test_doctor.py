"""`fedtrain doctor`: what this machine has, and what would run on it."""

import json
import os
from collections import namedtuple
from importlib.machinery import ModuleSpec
from importlib.util import cache_from_source
from pathlib import Path

import pytest
from click.testing import CliRunner
from valid_base import write_base

from fedtrain.api.reading import read_file
from fedtrain.cli.main import main
from fedtrain.ledger.store import StoreError
from fedtrain.preview import doctor
from fedtrain.preview.doctor import GIB, Finding, examine
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
    assert "credentials" not in result.stdout, "the store's message names the fix"


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


def test_packages_that_each_process_compiles_again_are_a_warning(
    file: Path, resolving: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "torch/__init__.py"
    monkeypatch.setattr(doctor, "find_spec", lambda name: ModuleSpec(name, None, origin=str(source)))
    for forbidden, state in ((False, "OK"), (True, "Warning")):
        monkeypatch.setattr("sys.dont_write_bytecode", forbidden)
        assert lines(file, Devices(1, ()))["packages"][0][0] == state
    assert "Python compiles them in each process" in lines(file, Devices(1, ()))["packages"][0][1]
    compiled = Path(cache_from_source(str(source)))
    compiled.parent.mkdir(parents=True)
    compiled.touch()
    assert lines(file, Devices(1, ()))["packages"][0][0] == "OK"


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resolving: None) -> Path:
    """The only folder with commands, empty at first; and nothing is hidden from CUDA."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return folder


def nvidia_smi(tools: Path, code: int = 0, gpus: int = 2) -> None:
    """Write a command that lists GPUs as NVIDIA's does."""
    by_query = {
        "index": [str(number) for number in range(gpus)],
        "name,memory.total,driver_version": [
            f"NVIDIA H{number + 1}00, {number + 8}0 MiB, 570.86" for number in range(gpus)
        ],
    }
    cases = "".join(
        f"--query-gpu={query}) {''.join(f'echo {line!r};' for line in lines)} ;;\n" for query, lines in by_query.items()
    )
    tool = tools / "nvidia-smi"
    tool.write_text(f'#!/bin/sh\ncase "$1" in\n{cases}esac\nexit {code}\n')
    tool.chmod(0o755)


def found(name: str) -> Finding:
    (finding,) = (one for one in examine(None).findings if one.name == name)
    return finding


def test_each_gpu_has_its_name_memory_and_driver(tools: Path) -> None:
    nvidia_smi(tools)
    assert found("GPU") == Finding(
        "GPU",
        "OK",
        "2 usable; NVIDIA H100, 80 MiB, driver 570.86; NVIDIA H200, 90 MiB, driver 570.86",
    )


def test_a_machine_without_gpus_trains_on_the_cpu(tools: Path) -> None:
    assert found("GPU") == Finding("GPU", "OK", "none: nvidia-smi is not installed. Training uses the CPU")


@pytest.mark.parametrize(("code", "gpus"), [(9, 0), (0, 0), (9, 2)])
def test_a_broken_driver_is_a_warning(tools: Path, code: int, gpus: int) -> None:
    nvidia_smi(tools, code, gpus)
    finding = found("GPU")
    assert (finding.state, finding.text) == ("Warning", "nvidia-smi lists no GPU, so training uses the CPU")
    assert "fix the driver" in finding.fix


def test_hidden_gpus_are_a_warning(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nvidia_smi(tools)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    finding = found("GPU")
    assert (finding.state, finding.text) == ("Warning", "2 installed, but CUDA_VISIBLE_DEVICES=-1 hides them")
    assert finding.fix == "Unset CUDA_VISIBLE_DEVICES to train on them."


def test_cores_and_memory_are_shown(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 48 * GIB // 4096}
    monkeypatch.setattr(os, "sysconf", settings.__getitem__)
    (finding,) = (one for one in examine(None, lambda: Devices(6, ())).findings if one.name == "CPU")
    assert finding == Finding("CPU", "OK", "6 cores, 48 GiB memory")


@pytest.mark.parametrize(("free", "state"), [(10 * GIB, "OK"), (10 * GIB - 1, "Warning"), (0, "Warning")])
def test_the_disk_of_the_runs_is_shown_with_a_warning_if_it_is_low(
    file: Path, tools: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str
) -> None:
    asked: list[Path] = []
    Usage = namedtuple("Usage", ["total", "used", "free"])

    def usage(folder: Path) -> Usage:
        asked.append(Path(folder))
        return Usage(100 * GIB, 100 * GIB - free, free)

    monkeypatch.setattr(doctor.shutil, "disk_usage", usage)
    result = CliRunner().invoke(main, ["doctor", str(file)])
    printed = " ".join(result.stdout.split())
    assert asked == [file.parent]
    assert f"disk: {free / GIB:.0f} GiB free in {file.parent}" in printed
    assert ("Free space: base models, adapters and every round's updates" in printed) == (state == "Warning")
    assert lines(file, Devices(1, ()))["disk"][0][0] == state
