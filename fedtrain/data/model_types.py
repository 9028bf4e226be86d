"""Which types of models the installed transformers knows, and which of them are causal language models."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

USE_CAUSAL = "Use a causal language model, which AutoModelForCausalLM loads, such as Llama, Qwen or Mistral."

_MODEL_TYPE = re.compile(r'"([\w.-]+)"[,:] "\w+Config"')
"""A line of transformers' list of model types, which takes seconds to import."""
_OTHER_TASKS = ("ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering")
_CAUSAL, _MASKED = "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES", "MODEL_FOR_MASKED_LM_MAPPING_NAMES"
_LISTED = re.compile(r'\("([\w.-]+)", "')
"""A model type in one of these lists."""


@cache
def model_types() -> frozenset[str]:
    """Return the model types of the installed transformers; none if it is not installed or its list has moved."""
    texts = (file.read_text(encoding="utf-8") for file in _lists_of_models())
    return frozenset(name for text in texts for name in _MODEL_TYPE.findall(text))


def not_causal(config: Mapping[str, Any]) -> str | None:
    """Return what a model is that is not a causal language model; None for one, and for one that is not known."""
    for name in cast("list[object]", config.get("architectures") or ()):
        if isinstance(name, str) and name.endswith(_OTHER_TASKS):
            return f"{name}, which does not generate text"
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in model_types():
        return None
    if config.get("is_encoder_decoder") is True:
        return f"a model of type {kind} with an encoder and a decoder, which is not a causal language model"
    causal = _listed(_CAUSAL)
    if causal and kind not in causal:
        return f"a model of type {kind}, which is not a causal language model"
    if kind in _listed(_MASKED) and config.get("is_decoder") is not True:
        return f"an encoder of type {kind}, which is not a causal language model: each word sees those after it"
    return None


@cache
def _listed(name: str) -> frozenset[str]:
    """Return the model types in a list of the installed transformers; none if it has no such list."""
    for file in _lists_of_models():
        _, found, rest = file.read_text(encoding="utf-8").partition(f"{name} = OrderedDict(")
        if found:
            return frozenset(_LISTED.findall(rest.partition("\n)")[0]))
    return frozenset()


def _lists_of_models() -> list[Path]:
    """The files of transformers that list its models."""
    package = find_spec("transformers")
    if package is None or package.origin is None:
        return []
    return sorted((Path(package.origin).parent / "models" / "auto").glob("*.py"))
