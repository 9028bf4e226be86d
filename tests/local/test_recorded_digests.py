"""An undisturbed run of a small federation gives the digests that were recorded on 2026-11-28.

Plans and the initial adapter are the same everywhere. Trained adapters depend on the kernels that torch picks for a
processor: their test is skipped unless `recorded_digests.json` has the same torch and processor.
`faults/test_quickstart_digests.py` does the same for the quickstart.
"""

import pytest
from federation import Small
from recording import plans, recorded

from tests.support.processor import processor

RECORDED = recorded("small")


def test_the_plans_have_the_recorded_digests(undisturbed: Small) -> None:
    assert plans(undisturbed, 2) == RECORDED["plans"]


def test_the_initial_adapter_has_the_recorded_digest(undisturbed: Small) -> None:
    assert undisturbed.digests()[0] == (RECORDED["initial"], None, "Initial")


def test_the_trained_adapters_have_the_recorded_digests(undisturbed: Small) -> None:
    here = processor()
    if here not in RECORDED["rounds"]:
        pytest.skip(f"nothing is recorded for {here}")
    assert undisturbed.digests()[1:] == [tuple(one) for one in RECORDED["rounds"][here]]
