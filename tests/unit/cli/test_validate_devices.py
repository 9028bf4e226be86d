"""`fedtrain validate`, `run` and `doctor` refuse what needs a GPU on a machine without one; with --cluster, validate
does not, as the GPUs are elsewhere."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from validated_data import errors, federation, validate

from fedtrain.api.reading import read_file
from fedtrain.cli.main import main
from fedtrain.preview import check
from fedtrain.preview.doctor import examine
from fedtrain.runner.devices import Devices


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The GPUs of this machine."""
    found: list[str] = []
    monkeypatch.setattr(check, "find_devices", lambda: Devices(2, tuple(found)))
    return found


def changed(folder: Path, old: str, new: str) -> Path:
    file = federation(folder)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return file


def test_fp16_needs_a_gpu(tmp_path: Path, gpus: list[str]) -> None:
    file = changed(tmp_path, "training: {", "training: {precision: FP16, ")
    (line,) = errors(file)
    assert line == (
        f"{file}:9:25: spec.training.precision: FP16 needs a GPU, and this machine has none. Write `Auto`, `BF16` or "
        "`FP32`. For a cluster, use `fedtrain validate --cluster`."
    )
    assert CliRunner().invoke(main, ["run", str(file)]).exit_code == 1
    assert "FP16" not in validate(file, "--cluster").output
    gpus.append("0")
    assert validate(file).exit_code == 0


def test_fp16_of_one_participant_needs_a_gpu_too(tmp_path: Path, gpus: list[str]) -> None:
    file = changed(tmp_path, "{name: bank-b}", "{name: bank-b, training: {precision: FP16}}")
    (line,) = errors(file)
    assert "spec.participants[1].training.precision (participant bank-b): FP16 needs a GPU" in line


def test_batches_of_unknown_gpu_memory_cannot_be_planned(tmp_path: Path, gpus: list[str]) -> None:
    memory = "{strategy: DataVolumeAndGPUMemory}"
    file = changed(tmp_path, "  evaluation:", f"  partitioning: {memory}\n  evaluation:")
    (line,) = errors(file)
    assert line.endswith(
        "spec.partitioning.strategy: DataVolumeAndGPUMemory needs the GPU memory of participants, this machine has no "
        "GPU, and nothing sets that of bank-a and bank-b. So they sit out, and no round has rounds.minParticipants (2)."
        " Set `training.microBatchSize` or `partitioning.dataVolumeAndGPUMemory.gpuMemory`, or use another strategy."
    )
    known = file.read_text()
    for change in ("training: {microBatchSize: 1, ", "training: {"):
        file.write_text(known.replace("training: {", change))
        assert validate(file).exit_code == (0 if "micro" in change else 1)
    file.write_text(known.replace("Memory}", "Memory, dataVolumeAndGPUMemory: {gpuMemory: 8Gi}}"))
    assert validate(file).exit_code == 0
    file.write_text(known)
    gpus.append("0")
    assert validate(file).exit_code == 0


def test_doctor_does_not_say_that_it_would_run(tmp_path: Path) -> None:
    file = changed(tmp_path, "training: {", "training: {precision: FP16, ")
    (found,) = [one for one in examine(read_file(file), lambda: Devices(2, ())).findings if one.name == "would run"]
    assert found.state == "Problem"
    assert found.text == "spec.training.precision: FP16 needs a GPU, and this machine has none"
