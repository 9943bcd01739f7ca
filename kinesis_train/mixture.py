"""A mixture of frozen experts: a gate looks at the observation and names the one expert that acts.

The gate is deterministic (argmax) wherever it is not being trained. Experts are any modules from observation to excitation; each brings its
own normalisation and decoder. In the exported file (mixture_export.py) experts that are not chosen are not evaluated.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kinesis_control.errors import ConfigurationError
from kinesis_train.networks import RunningNorm, mlp


class Gate(nn.Module):
    """Observation -> one logit an expert, with its own normalisation; looks at the first `trunk_size` numbers of an observation."""

    def __init__(self, trunk_size: int, experts: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.trunk_size = trunk_size
        self.norm = RunningNorm(trunk_size)
        self.net = mlp((trunk_size, *hidden, experts))
        with torch.no_grad():  # start without a preference
            self.net[-1].weight.mul_(0.01)
            self.net[-1].bias.zero_()

    def forward(self, observation: Tensor) -> Tensor:
        return self.net(self.norm(observation[:, : self.trunk_size]))


class ExpertMixture(nn.Module):
    """Gate and experts.

    Attributes:
        experts: frozen; observation -> excitation.
    """

    def __init__(self, experts: Sequence[nn.Module], trunk_size: int, hidden: Sequence[int]) -> None:
        """`trunk_size`: how much of the observation the gate sees; `hidden`: widths of its hidden layers.

        Raises:
            ConfigurationError: there is no expert.
        """
        super().__init__()
        if not experts:
            raise ConfigurationError("mixture: got no expert, expected at least one")
        self.experts = nn.ModuleList(experts).requires_grad_(False)
        self.gate = Gate(trunk_size, len(experts), hidden)

    def choice(self, observation: Tensor) -> Tensor:
        """Number of the chosen expert; shape (n,)."""
        return self.gate(observation).argmax(dim=1)

    def by(self, observation: Tensor, choice: Tensor) -> Tensor:
        """Excitations (n, n_muscles) of the experts named by `choice`, shape (n,); each expert sees its own rows alone."""
        result: Tensor | None = None
        for number, expert in enumerate(self.experts):
            rows = (choice == number).nonzero()[:, 0]
            if len(rows):
                given = expert(observation[rows])
                result = observation.new_zeros(len(observation), given.shape[1]) if result is None else result
                result[rows] = given
        if result is None:
            raise ConfigurationError(f"mixture: got choices {choice.unique().tolist()}, expected 0 to {len(self.experts) - 1}")
        return result

    def forward(self, observation: Tensor) -> Tensor:
        return self.by(observation, self.choice(observation))
