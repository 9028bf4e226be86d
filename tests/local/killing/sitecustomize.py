"""Python imports this at start-up, where this folder is on its PYTHONPATH: faults for processes that nobody forks."""

import os

if os.environ.get("FEDTRAIN_TEST_KILLED"):
    from tests.support.faults import arm

    arm()
