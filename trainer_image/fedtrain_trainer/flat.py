"""All trained weights of an adapter in one tensor, so that an optimizer step is a handful of operations instead of a
handful for each of hundreds of small matrices, and one all-reduce moves every gradient and the loss.
"""

import torch

from fedtrain_trainer.group import Group
from fedtrain_trainer.lora import AdaptedModel

BLOCK = 4096


class FlatWeights:
    """`weights`: fp32[padded count], the storage of the model's trained parameters while this object is in use;
    `received`: a copy of what they were; `count`: number of trained values, without padding. Padding keeps the norm
    independent of the number of threads: each block is summed by one."""

    def __init__(self, model: AdaptedModel) -> None:
        self._parameters = {name: p for name, p in model.parameters.items() if p.requires_grad}
        self.count = sum(parameter.numel() for parameter in self._parameters.values())
        padded = -(-self.count // BLOCK) * BLOCK
        self.weights = torch.nn.Parameter(torch.zeros(padded, device=model.device))
        self._sums = torch.zeros(padded + 1, device=model.device)
        """The gradient, and the loss in the last element."""
        self.weights.grad = self._sums[:padded]
        for name, view in self.views(self.weights.data).items():
            parameter = self._parameters[name]
            view.copy_(parameter.data)
            parameter.data = view
        self._gradients = [(self._parameters[name], view) for name, view in self.views(self.gradient).items()]
        self._bind_gradients()
        self.received = self.weights.data.clone()

    @property
    def gradient(self) -> torch.Tensor:
        return self._sums[:-1]

    def clear(self) -> None:
        """Set gradient and loss to zero, and bind gradients that autograd replaced again."""
        self._sums.zero_()
        self._bind_gradients()

    def add_loss(self, loss: torch.Tensor) -> None:
        self._sums[-1] += loss.detach()

    def reduce(self, group: Group) -> torch.Tensor:
        """Sums gradient and loss over all processes; the loss, a scalar tensor."""
        group.sum_(self._sums)
        return self._sums[-1]

    def norm(self) -> torch.Tensor:
        """L2 norm of the gradient."""
        return torch.linalg.vector_norm(torch.linalg.vector_norm(self.gradient.view(-1, BLOCK), dim=1))

    def update(self) -> dict[str, torch.Tensor]:
        """Trained minus received, by name."""
        return self.views(self.weights.data - self.received)

    def views(self, flat: torch.Tensor) -> dict[str, torch.Tensor]:
        """Views of `flat`, at least as long as `count`, in the shapes of the trained parameters, by name."""
        views: dict[str, torch.Tensor] = {}
        at = 0
        for name, parameter in self._parameters.items():
            views[name] = flat[at : at + parameter.numel()].view(parameter.shape)
            at += parameter.numel()
        return views

    def _bind_gradients(self) -> None:
        for parameter, view in self._gradients:
            parameter.grad = view
