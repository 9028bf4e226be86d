"""One zygote for a test process, and one undisturbed run that the others are compared with."""

from collections.abc import Generator

import pytest
from federation import Small

from tests.support import zygote as trainers


@pytest.fixture(scope="session")
def zygote() -> Generator[str, None, None]:
    """The address of a process that forks runs and trainer workers."""
    with trainers.running("tests.local.driver") as address:
        yield address


@pytest.fixture(scope="session")
def undisturbed(zygote: str, tmp_path_factory: pytest.TempPathFactory) -> Small:
    small = Small(tmp_path_factory.mktemp("undisturbed"))
    done = small.run(zygote)
    assert done.returncode == 0, done.said
    return small
