"""A base model with its LoRA adapter, held ready between tasks.

The frozen base and the modules of the adapter remain between tasks. Each task sets all weights of the adapter, which of
them are trained, and every switch, so that no task depends on the previous one.
"""

import contextlib
import gc
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from blake3 import blake3

from fedtrain.adapters.quiet import quiet
from fedtrain.contracts.records import ModelFacts
from fedtrain_trainer.base import has_weights, stamp
from fedtrain_trainer.base_faults import base_fault
from fedtrain_trainer.outcome import Refused
from fedtrain_trainer.target_modules import check_targets, linear_names, shortest_names

log = logging.getLogger("fedtrain.trainer")


@dataclass
class AnswerHead:
    """Lets the output head see only the positions that matter: logits of all positions are by far the largest tensor
    of a step. `sources`: positions in the flattened input, or None for all."""

    sources: torch.Tensor | None = None

    def __call__(self, module: torch.nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        hidden = inputs[0]
        if self.sources is None or hidden.dim() != 3:
            return None
        return (hidden.reshape(-1, hidden.shape[-1]).index_select(0, self.sources), *inputs[1:])


@dataclass
class AdaptedModel:
    """`module`: the base model with LoRA layers inside; `parameters`: the adapter's, by PEFT's saved names."""

    module: Any
    tokenizer: Any
    config: Any
    device: torch.device
    parameters: dict[str, torch.nn.Parameter]
    head: AnswerHead = field(default_factory=AnswerHead)
    checkpointing: bool = False

    def load(self, tensors: Mapping[str, torch.Tensor], *, train_only_b: bool = False) -> None:
        """Fills in every weight of the adapter. Raises Refused with what differs."""
        fits(tensors, self.parameters)
        for name, parameter in self.parameters.items():
            parameter.data = tensors[name].to(self.device, torch.float32, copy=True)
            parameter.grad = None
            parameter.requires_grad_(not (train_only_b and ".lora_A." in name))
        self.module.eval()
        self.head.sources = None

    def logits(self, ids: torch.Tensor, sources: torch.Tensor) -> torch.Tensor:
        """Logits [sources, vocabulary] at flattened positions of `ids` [rows, longest], padded on the right."""
        self.head.sources = sources
        try:
            logits: torch.Tensor = self.module(input_ids=ids, use_cache=False).logits
        finally:
            self.head.sources = None
        if logits.dim() == 3:  # a model whose head is not a separate module
            logits = logits.reshape(-1, logits.shape[-1]).index_select(0, sources)
        return logits

    def check_length(self, tokens: int, fix: str = "") -> None:
        """Raises Refused when the base model has fewer positions than `tokens`. The spec of a run that has begun
        cannot be changed."""
        known = self.positions
        if known is not None and tokens > known:
            fix = fix or f"set `data.maxLength: {known}`"
            raise Refused(
                f"{tokens} tokens are more than the base model's {known}; {fix}, and start a new run with another "
                "`metadata.name`"
            )

    @property
    def positions(self) -> int | None:
        """Number of tokens that the base model can see; None if its settings do not say."""
        return getattr(self.module.config.get_text_config(), "max_position_embeddings", None)

    @property
    def tokens(self) -> int:
        """Number of tokens that the base model has weights for."""
        return self.module.get_input_embeddings().weight.shape[0]

    def takes(self, ids: Sequence[int]) -> bool:
        """Whether the base model has weights for these tokens, and positions for this many."""
        known = self.positions
        return max(ids) < self.tokens and (known is None or len(ids) <= known)

    def facts(self) -> ModelFacts:
        text = self.module.config.get_text_config()
        adapter = sum(parameter.numel() for parameter in self.parameters.values())
        return ModelFacts(
            base_parameters=sum(parameter.numel() for parameter in self.module.parameters()) - adapter,
            adapter_parameters=adapter,
            hidden_size=text.hidden_size,
            layers=text.num_hidden_layers,
            vocabulary=text.vocab_size,
        )


def fits(tensors: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> None:
    """Raises Refused when an adapter's names or shapes are not those that the base model gives."""
    for name, tensor in expected.items():
        if name not in tensors:
            raise Refused(f"the adapter does not fit the base model: it has no {name}")
        if tensors[name].shape != tensor.shape:
            raise Refused(
                f"the adapter does not fit the base model: {name} has shape {list(tensors[name].shape)}, "
                f"the base model needs {list(tensor.shape)}"
            )
        if not tensors[name].is_floating_point():
            raise Refused(f"the adapter holds {tensors[name].dtype} in {name}; it must hold floating-point numbers")
    if unknown := sorted(set(tensors) - set(expected)):
        raise Refused(f"the adapter does not fit the base model: nothing takes {unknown[0]} ({len(unknown)} such)")


class Models:
    """The one adapted model that a process holds."""

    def __init__(self) -> None:
        self._keys: tuple[object, ...] = ()
        self._held: AdaptedModel | None = None

    def get(self, folder: Path, config: Any, dtype: torch.dtype, device: torch.device) -> AdaptedModel:
        """The base model of `folder` with an adapter as `config` says; from disk unless it is the one held."""
        place = (str(folder), stamp(folder), dtype, device)
        if self._held is None or (place, _essence(config)) not in self._keys:
            self._held = None
            gc.collect()
            self._held = _adapted(folder, config, dtype, device)
            # PEFT has filled in what the config left to the model: all-linear is now names
            self._keys = ((place, _essence(config)), (place, _essence(self._held.config)))
        return self._held


def initial_weights(model: AdaptedModel, seed: int) -> dict[str, torch.Tensor]:
    """PEFT's default: A uniform in +-1/sqrt(inputs) (Kaiming with a = sqrt 5), B zero. Every tensor has a generator
    of its own, seeded from `seed` and its name, so that the bytes depend on nothing else."""
    weights: dict[str, torch.Tensor] = {}
    for name, parameter in model.parameters.items():
        if ".lora_B." in name:
            weights[name] = torch.zeros(parameter.shape)
            continue
        own = int.from_bytes(blake3(f"fedtrain/initialise/1 {seed} {name}".encode()).digest(length=8), "little")
        generator = torch.Generator().manual_seed(own >> 1)
        bound = parameter.shape[1] ** -0.5
        weights[name] = (torch.rand(parameter.shape, generator=generator) * 2 - 1) * bound
    return weights


def unloaded(folder: Path, config: Any) -> AdaptedModel:
    """The adapted model on the meta device: names, shapes and facts, no memory for weights and no tokenizer. If the
    weights are in `folder`, checks that none is missing."""
    from transformers import AutoConfig, AutoModelForCausalLM

    quiet()
    meta = torch.device("meta")
    if has_weights(folder):
        return _with_adapter(_loaded(folder, config, device_map="meta"), None, config, meta)
    with _as_refused(folder, config):
        settings = AutoConfig.from_pretrained(folder, local_files_only=True)
        with meta:
            base = AutoModelForCausalLM.from_config(settings)
    return _with_adapter(base, None, config, meta)


def _adapted(folder: Path, config: Any, dtype: torch.dtype, device: torch.device) -> AdaptedModel:
    from transformers import AutoTokenizer

    quiet()
    base = _loaded(folder, config, dtype=dtype)
    with _as_refused(folder, config):
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return _with_adapter(base, tokenizer, config, device)


@contextlib.contextmanager
def _as_refused(folder: Path, config: Any) -> Iterator[None]:
    """Raises Refused for what libraries raise about a model's files. Their words are in the participant's log."""
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    base = f"model.base {config.base_model_name_or_path}"
    try:
        yield
    except SafetensorError as error:
        log.exception("loading the base model")
        raise Refused(f"{base}: a file with weights is truncated or damaged. Copy the base model again") from error
    except (OSError, ValueError, LookupError, TypeError, RuntimeError, ImportError, StrictDataclassError) as error:
        log.exception("loading the base model")
        raise Refused(f"{base}: transformers cannot load it: {base_fault(folder, error)}") from error


def _loaded(folder: Path, config: Any, **options: Any) -> Any:
    """The base model of `folder`. Raises Refused if weights are missing."""
    from transformers import AutoModelForCausalLM

    with _as_refused(folder, config):
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, output_loading_info=True, **options
        )
    base, loading = loaded
    if lacking := sorted({*map(str, loading["missing_keys"]), *map(str, loading["mismatched_keys"])}):
        raise Refused(
            f"model.base {config.base_model_name_or_path}: {len(lacking)} weights are missing or have another shape, "
            f"for example {lacking[0]}. Download or save the model again"
        )
    return base


def _with_adapter(base: Any, tokenizer: Any, config: Any, device: torch.device) -> AdaptedModel:
    """Add LoRA layers to `base`."""
    from peft import get_peft_model

    check_targets(base, config)
    try:
        peft = get_peft_model(base, _fresh(config), low_cpu_mem_usage=False)
    except ValueError as error:
        raise Refused(f"model.adapter.targetModules: {error}; the base has {', '.join(linear_names(base))}") from error
    module = peft.get_base_model().to(device)
    parameters: dict[str, torch.nn.Parameter] = {}
    for name, parameter in peft.named_parameters():
        parameter.requires_grad_(False)
        if ".lora_A." in name or ".lora_B." in name:
            parameters[name.replace(".default.", ".")] = parameter
    resolved = peft.peft_config["default"]
    resolved.base_model_name_or_path, resolved.revision = config.base_model_name_or_path, config.revision
    resolved.target_modules = shortest_names(module, set(resolved.target_modules))
    model = AdaptedModel(module, tokenizer, resolved, device, parameters)
    if (output := module.get_output_embeddings()) is not None:
        output.register_forward_pre_hook(model.head)
    return model


def _fresh(config: Any) -> Any:
    """Return a copy for PEFT, which changes it and need not initialise what `load` overwrites."""
    from copy import deepcopy

    copy = deepcopy(config)
    copy.inference_mode = False
    copy.init_lora_weights = True
    copy.base_model_name_or_path = copy.revision = None  # PEFT would warn and write the folder that was loaded
    return copy


def _essence(config: Any) -> str:
    """Return the part of a config that decides about the modules."""
    plain = config.to_dict() | {"inference_mode": None, "peft_version": None}
    plain["target_modules"] = sorted(targets) if not isinstance(targets := plain["target_modules"], str) else targets
    return repr(sorted(plain.items()))
