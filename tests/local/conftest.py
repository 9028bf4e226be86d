"""One zygote for a test process, and one undisturbed run that the others are compared with."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
from federation import HERE, Small


@pytest.fixture(scope="session")
def zygote() -> Generator[str, None, None]:
    """The address of a process that forks trainer workers."""
    with tempfile.TemporaryDirectory() as folder:
        address = str(Path(folder) / "zygote")
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            [sys.executable, str(HERE / "zygote.py"), address], stdout=subprocess.PIPE, text=True, env=environment
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield address
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def undisturbed(zygote: str, tmp_path_factory: pytest.TempPathFactory) -> Small:
    small = Small(tmp_path_factory.mktemp("undisturbed"))
    done = small.run(zygote)
    assert done.returncode == 0, done.stdout + done.stderr
    return small
