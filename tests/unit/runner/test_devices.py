"""GPUs that CUDA_VISIBLE_DEVICES leaves to this process."""

from pathlib import Path

import pytest

from fedtrain.runner.devices import find_devices

UUID = "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"
MIG = "MIG-GPU-8932f937-d72c-4106-c12f-20bd9faed9f6/1/2"


@pytest.mark.parametrize(
    ("value", "gpus"),
    [
        ("", ()),
        ("-1", ()),
        ("none", ()),
        ("NoDevFiles", ()),
        ("0", ("0",)),
        ("2, 0", ("2", "0")),
        ("1,-1,0", ("1",)),
        ("0,,1", ("0",)),
        ("0,cpu,1", ("0",)),
        ("1,1", ()),
        (f"{UUID},GPU-1", (UUID, "GPU-1")),
        (f"{UUID},0", (UUID,)),
        (f"0,{UUID}", ("0",)),
        (MIG, (MIG,)),
        (f"{UUID},{UUID}", ()),
    ],
)
def test_visible_devices_are_read_as_cuda_reads_them(
    value: str, gpus: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    monkeypatch.setenv("PATH", str(tmp_path))  # no nvidia-smi
    assert find_devices().gpus == gpus


@pytest.mark.parametrize(("value", "gpus"), [("1,2,0", ("1",)), ("2", ()), ("1,0", ("1", "0"))])
def test_indices_beyond_the_installed_gpus_are_invalid(
    value: str, gpus: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 0\necho 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert find_devices().gpus == gpus
