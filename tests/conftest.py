"""What tests of several folders share."""

import gc
import os
from collections.abc import Generator

import pytest

from tests.support import zygote as processes
from tests.support.made_once import around

os.environ.pop("PYTHONUNBUFFERED", None)  # users do not set it, and output that is written at once hides faults


def pytest_collection_finish() -> None:
    """What is imported stays. Collecting it again and again takes a tenth of the time of all tests."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def pytest_sessionfinish() -> None:
    gc.unfreeze()  # or libraries report at exit that they leak


@pytest.fixture(scope="session")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Generator[str, None, None]:
    """The address of a process that has imported torch, and forks runs, trainers and operators; all processes of a test
    run share it."""
    with processes.running(around(tmp_path_factory)) as address:
        yield address
