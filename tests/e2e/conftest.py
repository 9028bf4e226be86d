"""Tests with real pods run when they are asked for by name, with root: `make e2e`."""

from pathlib import Path

import pytest

from tests.clusters.reports import pytest_runtest_makereport

__all__ = ["pytest_ignore_collect", "pytest_runtest_makereport"]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A run of all tests leaves these out."""
    here = Path(__file__).parent
    asked = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    return None if any(here in (path, *path.parents) for path in asked) else True
