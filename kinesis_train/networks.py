"""The networks: a joint-level policy above a fixed muscle decoder, and the value function.

What ships is one graph from observation to excitation, so everything that training puts between the policy's output and
the muscles is part of it:

    q*  = q_ref + scale * action                    joint targets, from the policy's bounded offsets
    l*  = Length(q*),  v* = dLength/dt at q_ref     muscle targets, through a learned length-angle map
    u   = clip(FeedForward(ref) + kp (l - l*) + kd (v - v*), 0, 1)

The two decoder networks are fitted once to the model and to the muscle program, then frozen (the idea of a joint-level
policy above a muscle-coordination network: Lee et al., SIGGRAPH 2019).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class DecoderGains:
    """Gains of the length servo in every muscle.

    Attributes:
        stiffness: excitation per metre of stretch [1/m].
        damping: excitation per metre a second of stretch [s/m].
        offset_scale: joint-angle offset at a policy output of one [rad].
    """

    stiffness: float = 20.0
    damping: float = 1.2
    offset_scale: float = 0.25


def mlp(sizes: Sequence[int], activation: type[nn.Module] = nn.SiLU) -> nn.Sequential:
    """Linear layers with an activation between them."""
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(pairwise(sizes)):
        layers += [nn.Linear(a, b)] + ([activation()] if i < len(sizes) - 2 else [])
    return nn.Sequential(*layers)


class Normalised(nn.Module):
    """A network whose inputs and outputs are shifted and scaled by constants that travel with it."""

    def __init__(self, net: nn.Module, inputs: int, outputs: int) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("input_mean", torch.zeros(inputs))
        self.register_buffer("input_scale", torch.ones(inputs))
        self.register_buffer("output_mean", torch.zeros(outputs))
        self.register_buffer("output_scale", torch.ones(outputs))

    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Take the constants from samples x (n, inputs) and y (n, outputs)."""
        self.input_mean.copy_(x.mean(0))
        self.input_scale.copy_(1.0 / (x.std(0) + 1e-4))
        self.output_mean.copy_(y.mean(0))
        self.output_scale.copy_(y.std(0) + 1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return self.net((x - self.input_mean) * self.input_scale) * self.output_scale + self.output_mean

    def rate(self, x: Tensor, dx: Tensor) -> Tensor:
        """Time derivative of the output for inputs x that move at dx; for tanh networks, by the chain rule.

        A difference quotient would do too, but it multiplies float32 rounding by a thousand.
        """
        h, dh = (x - self.input_mean) * self.input_scale, dx * self.input_scale
        for layer in self.net:
            if isinstance(layer, nn.Linear):
                h, dh = layer(h), dh @ layer.weight.T
            else:
                h = torch.tanh(h)
                dh = dh * (1.0 - h * h)
        return dh * self.output_scale


class RunningNorm(nn.Module):
    """Running mean and variance of the observation, part of the graph; clips to 5 standard deviations."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("var", torch.ones(size, dtype=torch.float64))
        self.register_buffer("count", torch.tensor(1e-4, dtype=torch.float64))

    @torch.no_grad()
    def update(self, x: Tensor) -> None:
        """Fold in a batch (n, size) by the parallel variance formula of Chan et al. (1979)."""
        x = x.double()
        mean, var, n = x.mean(0), x.var(0, unbiased=False), float(x.shape[0])
        total = self.count + n
        delta = mean - self.mean
        self.var.copy_((self.var * self.count + var * n + delta**2 * self.count * n / total) / total)
        self.mean.add_(delta * n / total)
        self.count.copy_(total)

    def forward(self, x: Tensor) -> Tensor:
        return torch.clamp((x - self.mean.float()) * torch.rsqrt(self.var.float() + 1e-6), -5.0, 5.0)


class MuscleDecoder(nn.Module):
    """Joint offsets -> excitations, with the frozen length and feed-forward networks.

    The decoder's own part of the observation stands at its end, unscaled: muscle length and velocity (n_muscles each),
    next reference joint position and velocity (n_joints each). `reference` picks the inputs of the feed-forward network.
    """

    def __init__(self, joints: int, muscles: int, context: int, gains: DecoderGains) -> None:
        super().__init__()
        self.joints, self.muscles, self.gains = joints, muscles, gains
        self.length = Normalised(mlp((joints, 160, 160, muscles), nn.Tanh), joints, muscles)
        self.feed_forward = Normalised(mlp((2 * joints + context, 160, 160, muscles), nn.Tanh), 2 * joints + context, muscles)

    @property
    def tail(self) -> int:
        """Length of the decoder's part of the observation."""
        return 2 * self.muscles + 2 * self.joints

    @property
    def outputs(self) -> int:
        """Length of the action."""
        return self.joints

    @property
    def rest(self) -> Tensor:
        """Action to start from; shape (outputs,)."""
        return torch.zeros(self.outputs)

    def drive(self, tail: Tensor, context: Tensor, offsets: Tensor) -> Tensor:
        """Excitations before they are kept in 0..1; shape (n, n_muscles)."""
        m, j = self.muscles, self.joints
        length, velocity, q, dq = tail.split((m, m, j, j), dim=1)
        target = self.length(q + self.gains.offset_scale * offsets)
        rate = self.length.rate(q, dq)
        forward = self.feed_forward(torch.cat([q, dq, context], dim=1))
        return forward + self.gains.stiffness * (length - target) + self.gains.damping * (velocity - rate)

    def forward(self, tail: Tensor, context: Tensor, offsets: Tensor) -> Tensor:
        return torch.clamp(self.drive(tail, context, offsets), 0.0, 1.0)


class MusclePolicy(nn.Module):
    """Observation -> excitation; the module that is exported.

    The observation is [trunk | decoder tail]; the last `context` numbers of the trunk are the feed-forward context.
    """

    def __init__(self, observation: int, decoder: MuscleDecoder, context: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.trunk_size, self.context = observation - decoder.tail, context
        self.norm = RunningNorm(self.trunk_size)
        self.actor = mlp((self.trunk_size, *hidden, decoder.outputs))
        self.decoder = decoder
        with torch.no_grad():  # start from the plain feed-forward servo, or whatever else the decoder does at rest
            self.actor[-1].weight.mul_(0.01)
            self.actor[-1].bias.copy_(decoder.rest)

    def offsets(self, observation: Tensor) -> Tensor:
        """Mean action: for the structured one joint offsets, in units of `offset_scale`; shape (n, outputs)."""
        return self.actor(self.norm(observation[:, : self.trunk_size]))

    def decode(self, observation: Tensor, offsets: Tensor) -> Tensor:
        """Excitations of a given action; shape (n, n_muscles), 0..1."""
        trunk, tail = observation.split((self.trunk_size, self.decoder.tail), dim=1)
        return self.decoder(tail, trunk[:, self.trunk_size - self.context :], offsets)

    def forward(self, observation: Tensor) -> Tensor:
        return self.decode(observation, self.offsets(observation))
