"""The import of torch, transformers and peft: seconds, and most of a process's memory without a model."""

import atexit
import gc
import sys

_WORKS = "fedtrain_trainer.works.with_model"


def import_torch() -> None:
    """Import all that works with a model need, unless this process has done so."""
    if _WORKS in sys.modules:
        return
    gc.disable()  # imports leave no garbage, and looking for it takes part of a second
    try:
        import peft  # noqa: F401

        import fedtrain_trainer.works.with_model  # noqa: F401

        gc.freeze()  # what is imported stays: collections, one whenever a model is loaded, need not look through it
        atexit.register(gc.unfreeze)  # or libraries report at exit that they leak
    finally:
        gc.enable()
