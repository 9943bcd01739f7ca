"""Several processes that learn one policy: gradients and statistics are averaged through torch.distributed (`torchrun`).

Every process steps its own environments with its own seed; after each backward pass the gradients are averaged, so that all hold the same
weights at every moment. Alone, nothing here does anything.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn


@dataclass(frozen=True, kw_only=True)
class Team:
    """The processes of one training.

    Attributes:
        rank: number of this process, from 0; process 0 writes logs and checkpoints.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def join(cls) -> "Team":
        """The team that `torchrun` started, through gloo; a team of one where this was started alone."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls()
        if not distributed.is_initialized():
            distributed.init_process_group("gloo")
        return cls(rank=distributed.get_rank(), size=distributed.get_world_size())

    @property
    def leads(self) -> bool:
        """Whether this process writes logs and checkpoints."""
        return self.rank == 0

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            distributed.barrier()

    def leave(self) -> None:
        """Wait for the others, then end the team."""
        if self.size > 1 and distributed.is_initialized():
            distributed.barrier()
            distributed.destroy_process_group()

    def sum(self, value: Tensor) -> Tensor:
        """Sum over the team, in place; a tensor of one shape in every process."""
        if self.size > 1:
            distributed.all_reduce(value)
        return value

    def mean(self, figures: dict[str, float]) -> dict[str, float]:
        """Every figure averaged over the team; the same names in every process."""
        if self.size == 1:
            return figures
        values = self.sum(torch.tensor(list(figures.values()), dtype=torch.float64)) / self.size
        return dict(zip(figures, values.tolist(), strict=True))

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Average the gradients of the parameters; one that has none counts as zero."""
        if self.size == 1:
            return
        parameters = list(parameters)
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = self.sum(torch.cat([g.flatten() for g in grads])) / self.size
        for p, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            p.grad = part.view_as(p).clone()

    def share(self, modules: Iterable[nn.Module | nn.Parameter]) -> None:
        """Give everybody the weights and buffers of process 0."""
        if self.size == 1:
            return
        for module in modules:
            tensors = [module.data] if isinstance(module, nn.Parameter) else [t.data for t in (*module.parameters(), *module.buffers())]
            for tensor in tensors:
                distributed.broadcast(tensor, src=0)

    def gather(self, value: Any) -> list[Any]:
        """What each process brought, by rank; in every process."""
        if self.size == 1:
            return [value]
        everything: list[Any] = [None] * self.size
        distributed.all_gather_object(everything, value)
        return everything
