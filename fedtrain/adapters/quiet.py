"""Logging settings for transformers."""

# pyright: basic
# (transformers types little)

import os
import warnings


def quiet() -> None:
    """Disable progress bars and warnings of transformers. Errors are still logged."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers.utils import logging

    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    warnings.filterwarnings("ignore", message="fan_in_fan_out is set to False")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
