"""From one data set to a federation to try: data files, a test file for the hub, and the `federation.yaml`."""

from fedtrain.splitting.errors import SplitError
from fedtrain.splitting.split import Split, SplitRequest, split

__all__ = ["Split", "SplitError", "SplitRequest", "split"]
