"""`model.adapter.targetModules`: the layers of the base model that get LoRA adapters."""

from typing import Any

import torch

from fedtrain_trainer.outcome import Refused


def shortest_names(module: Any, targets: set[str]) -> set[str]:
    """Return last names (q_proj) instead of a name for every layer, where both mean the same layers."""
    last = {target.rpartition(".")[2] for target in targets}
    adapted = {name for name, child in module.named_modules() if hasattr(child, "lora_A")}
    meant = {
        name.removesuffix(".base_layer")
        for name, _ in module.named_modules()
        if name.removesuffix(".base_layer").rpartition(".")[2] in last
    }
    return last if meant == adapted else targets


def linear_names(base: Any) -> list[str]:
    """Return the last names of the layers that LoRA can adapt, such as q_proj."""
    return sorted({name.rpartition(".")[2] for name, _ in _linear_layers(base)})


def _linear_layers(base: Any) -> list[tuple[str, torch.nn.Module]]:
    from transformers.pytorch_utils import Conv1D

    return [(name, module) for name, module in base.named_modules() if isinstance(module, torch.nn.Linear | Conv1D)]


def check_targets(base: Any, config: Any) -> None:
    """Raise Refused for a name that is not a linear layer. PEFT ignores a misspelt name if another one matches."""
    from transformers.pytorch_utils import Conv1D

    if isinstance(config.target_modules, str):
        _check_experts(base)
        return
    modules = list(base.named_modules())
    for target in sorted(config.target_modules):
        matched = [module for name, module in modules if name == target or name.endswith(f".{target}")]
        if not matched or not all(isinstance(module, torch.nn.Linear | Conv1D) for module in matched):
            raise Refused(
                f"model.adapter.targetModules.names: {target} is not a {'' if not matched else 'linear '}layer of the "
                f"base model. Use one or more of {', '.join(linear_names(base))}"
            )


def _check_experts(base: Any) -> None:
    """Raise Refused for experts fused in one tensor [experts, rows, columns], which are not linear layers."""
    experts = [name for name, parameter in base.named_parameters() if ".experts." in name and parameter.dim() == 3]
    if experts:
        head = base.get_output_embeddings()
        names = sorted({name.rpartition(".")[2] for name, module in _linear_layers(base) if module is not head})
        raise Refused(
            f"model.adapter.targetModules is AllLinear, but the base model fuses its experts in one tensor a layer "
            f"({experts[0]} and {len(experts) - 1} more), which fedtrain does not adapt. Set "
            f"`targetModules: {{type: Names, names: [{', '.join(names)}]}}`"
        )
