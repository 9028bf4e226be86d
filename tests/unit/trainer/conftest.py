"""Base models are made once for all tests."""

import gc
from pathlib import Path

import pytest
import torch
from tiny_federation import Federation, classified, saved_base

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    gc.freeze()  # as in a worker: whenever a model is loaded, garbage is collected
    return {kind: saved_base(tmp_path_factory.mktemp(kind), kind) for kind in ("llama", "gpt2", "qwen2")}


@pytest.fixture
def federation(tmp_path: Path, bases: dict[str, Path]) -> Federation:
    return Federation(tmp_path, bases["llama"], classified(40))
