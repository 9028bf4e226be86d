"""Gradients of each sequence of a batch, for the trained LoRA matrices, with Opacus's hooks."""

import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING

import torch

from fedtrain_trainer.lora import AdaptedModel
from fedtrain_trainer.outcome import Refused

if TYPE_CHECKING:
    from opacus.grad_sample.grad_sample_module import GradSampleHooks


warnings.filterwarnings("ignore", message="Full backward hook is firing")  # the base's input needs no gradient


class PerSampleGradients:
    """Hooks on the trained layers while the context is open. They only work on layers in training mode; the rest of the
    model is in evaluation mode, because with dropout, the base's own included, one row more would change the masks and
    so the gradients of other rows. Raises Refused for trained weights that are not those of linear layers which see
    whole sequences."""

    def __init__(self, model: AdaptedModel) -> None:
        self._model = model
        self._parameters = {name: one for name, one in model.parameters.items() if one.requires_grad}
        self.layers = _layers(model, self._parameters)
        self._hooks: GradSampleHooks | None = None

    def __enter__(self) -> "PerSampleGradients":
        from opacus.grad_sample.grad_sample_module import GradSampleHooks

        self._hooks = GradSampleHooks(self._model.module, loss_reduction="sum")
        self._model.module.eval()
        for layer in self.layers:
            layer.train()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._hooks is not None
        self._hooks.cleanup()
        self._model.module.train()
        for layer in self.layers:
            for left in ("activations", "max_batch_len"):
                if hasattr(layer, left):
                    delattr(layer, left)

    def of(self, loss: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """Return the gradients [sequences, ...] of a loss that is a sum over sequences, by the name of the weights."""
        loss.backward()
        found: dict[str, torch.Tensor] = {}
        for name, parameter in self._parameters.items():
            gradients = getattr(parameter, "grad_sample", None)
            if not isinstance(gradients, torch.Tensor):
                raise Refused(
                    f"{name} has no gradient for each row of a batch, so privacy.unit: Example cannot clip it. Train "
                    "another base model, or use `privacy.unit: Participant`"
                )
            found[name] = gradients
            parameter.grad_sample = None  # pyright: ignore[reportAttributeAccessIssue]
        return found


def _layers(model: AdaptedModel, parameters: Mapping[str, torch.nn.Parameter]) -> list[torch.nn.Module]:
    """Return the layers that own the trained weights. Raises Refused if one is not supported."""
    owners = {id(one): module for module in model.module.modules() for one in module.parameters(recurse=False)}
    output = model.module.get_output_embeddings()
    in_output = {id(one) for one in output.parameters()} if output is not None else set[int]()
    for name, parameter in parameters.items():
        owner = owners[id(parameter)]
        if type(owner) is not torch.nn.Linear:
            raise Refused(
                f"model.adapter.targetModules: {name} is in a {type(owner).__name__} layer, and privacy.unit: Example "
                "needs linear layers. Remove its module from `targetModules`"
            )
        if id(parameter) in in_output:
            raise Refused(
                f"model.adapter.targetModules: {name} adapts the output layer, which sees the answers of all rows as "
                "one list, so privacy.unit: Example cannot tell their gradients apart. Remove its module from "
                "targetModules"
            )
    return [owners[id(parameter)] for parameter in parameters.values()]
