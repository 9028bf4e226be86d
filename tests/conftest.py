"""What tests of several folders share."""

from collections.abc import Generator

import pytest

from tests.support import zygote as processes


@pytest.fixture(scope="session")
def zygote() -> Generator[str, None, None]:
    """The address of a process that has imported torch, and forks runs, trainers and workers."""
    with processes.running("tests.local.driver") as address:
        yield address
