"""What a policy's output means: three kinds of action, each decoded into excitations inside the exported graph.

    structured   joint-angle offsets -> muscle lengths -> length servo + feed-forward (networks.py); by far the fastest start
    residual     the same, and a residual for every muscle on top
    direct       excitation = (a + 1) / 2
    length       a target length for every muscle: L* = (a + 1) / 2 Lmax, F = clip(kp (L* - L) - kd v, -Fpeak, 0),
                 excitation = clip((F - bias) / min(-1, gain), 0, 1), with kp = 5 Fpeak per metre and kd = 0.1 kp

`direct` and `length` are those of KINESIS (arXiv 2503.14637). There, `length` is evaluated at every physics step; here it is
part of a graph that sees the body once a control tick. Gain and bias are MuJoCo's muscle model.
"""

from typing import Any

import mujoco
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kinesis_control.errors import ConfigurationError, UnknownNameError
from kinesis_sim.bodies import Body
from kinesis_train.fit import muscle_lengths
from kinesis_train.networks import DecoderGains, MuscleDecoder

Array = NDArray[np.float64]
ACTIONS = ("structured", "residual", "direct", "length")
SMALLEST = 1e-15  # MuJoCo's mjMINVAL: what it divides by at least
STIFFNESS, DAMPING = 5.0, 0.1  # kp / Fpeak [1/m], kd / kp [s]
RELAXED = -0.9  # a direct action to start from: an excitation of 0.05, not the 0.5 of a zero


class ResidualDecoder(MuscleDecoder):
    """Joint offsets, then a residual for every muscle, in units of `residual_scale` of excitation."""

    residual_scale = 0.1

    @property
    def outputs(self) -> int:
        return self.joints + self.muscles

    def forward(self, tail: Tensor, context: Tensor, offsets: Tensor) -> Tensor:
        joints, residual = offsets.split((self.joints, self.muscles), dim=1)
        return torch.clamp(self.drive(tail, context, joints) + self.residual_scale * residual, 0.0, 1.0)


class DirectDecoder(nn.Module):
    """One excitation for every output."""

    def __init__(self, joints: int, muscles: int) -> None:
        super().__init__()
        self.joints, self.muscles = joints, muscles

    @property
    def outputs(self) -> int:
        """Length of the action."""
        return self.muscles

    @property
    def tail(self) -> int:
        """Length of the part of the observation that decoders look at; the policy itself does not."""
        return 2 * self.muscles + 2 * self.joints

    @property
    def rest(self) -> Tensor:
        """Action to start from; shape (n_muscles,)."""
        return torch.full((self.muscles,), RELAXED)

    def forward(self, tail: Tensor, context: Tensor, action: Tensor) -> Tensor:
        return torch.clamp(0.5 * (action + 1.0), 0.0, 1.0)


class LengthDecoder(DirectDecoder):
    """One target length for every muscle, and a force-limited servo towards it."""

    def __init__(self, joints: int, muscles: "MuscleModel", standing: Array) -> None:
        """`standing`: muscle lengths that the policy starts from; shape (n_muscles,) [m]."""
        super().__init__(joints, len(standing))
        self.model = muscles
        self.register_buffer("standing", torch.from_numpy(standing).float())

    @property
    def rest(self) -> Tensor:
        return 2.0 * self.standing / self.model.longest - 1.0

    def forward(self, tail: Tensor, context: Tensor, action: Tensor) -> Tensor:
        length, velocity = tail[:, : self.muscles], tail[:, self.muscles : 2 * self.muscles]
        return length_servo(self.model, action, length, velocity)


def length_servo(model: "MuscleModel", action: Tensor, length: Tensor, velocity: Tensor) -> Tensor:
    """Excitations of the length servo, the formula of `length` above; all of shape (n, n_muscles)."""
    peak = model.peak
    target = 0.5 * (action + 1.0) * model.longest
    stiffness = STIFFNESS * peak
    force = torch.minimum(torch.maximum(stiffness * (target - length) - DAMPING * stiffness * velocity, -peak), torch.zeros_like(peak))
    gain, bias = model.gain_and_bias(length, velocity)
    return torch.clamp((force - bias) / torch.clamp(gain, max=-1.0), 0.0, 1.0)


class MuscleModel(nn.Module):
    """MuJoCo's muscle, all muscles at once: force = gain(length, velocity) * activation + bias(length), pulling negative.

    Attributes:
        peak: peak active force of each muscle [N]; longest: upper end of its length range [m]; shape (n_muscles,).
    """

    def __init__(self, body: Body, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        m = body.model
        p, span = m.actuator_gainprm[:, :9], m.actuator_lengthrange
        stated = p[:, 2] >= 0.0
        peak = np.where(stated, p[:, 2], p[:, 3] / np.maximum(SMALLEST, m.actuator_acc0))
        optimal = (span[:, 1] - span[:, 0]) / np.maximum(SMALLEST, p[:, 1] - p[:, 0])
        values: dict[str, Any] = {
            "peak": peak, "longest": span[:, 1], "shortest": span[:, 0], "optimal": np.maximum(SMALLEST, optimal), "low": p[:, 0],
            "lmin": p[:, 4], "lmax": p[:, 5], "vmax": p[:, 6], "fpmax": p[:, 7], "fvmax": p[:, 8],
        }  # fmt: skip
        for name, value in values.items():
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(value)).to(dtype))

    def gain_and_bias(self, length: Tensor, velocity: Tensor) -> tuple[Tensor, Tensor]:
        """As mju_muscleGain and mju_muscleBias, for lengths [m] and velocities [m/s] of shape (..., n_muscles)."""
        share = self.low + (length - self.shortest) / self.optimal
        pace = velocity / torch.clamp(self.optimal * self.vmax, min=SMALLEST)
        return -self.peak * self._at_length(share) * self._at_pace(pace), -self.peak * self.fpmax * self._stretched(share)

    def _at_length(self, x: Tensor) -> Tensor:
        """Active force over normalised length: four parabolas between lmin, 1 and lmax."""
        a, b = 0.5 * (self.lmin + 1.0), 0.5 * (1.0 + self.lmax)
        rising = (x - self.lmin) / _above(a - self.lmin)
        to_top, from_top = (1.0 - x) / _above(1.0 - a), (x - 1.0) / _above(b - 1.0)
        falling = (self.lmax - x) / _above(self.lmax - b)
        inner = torch.where(x <= 1.0, 1.0 - 0.5 * to_top**2, 1.0 - 0.5 * from_top**2)
        value = torch.where(x <= a, 0.5 * rising**2, torch.where(x <= b, inner, 0.5 * falling**2))
        return torch.where((x >= self.lmin) & (x <= self.lmax), value, torch.zeros_like(value))

    def _at_pace(self, v: Tensor) -> Tensor:
        """Active force over normalised velocity, shortening negative."""
        y = self.fvmax - 1.0
        shortening = torch.where(v <= -1.0, torch.zeros_like(v), (v + 1.0) ** 2)
        lengthening = torch.where(v <= y, self.fvmax - (y - v) ** 2 / _above(y), self.fvmax.expand_as(v))
        return torch.where(v <= 0.0, shortening, lengthening)

    def _stretched(self, x: Tensor) -> Tensor:
        """Passive force over normalised length, in units of fpmax times peak."""
        b = 0.5 * (1.0 + self.lmax)
        share, beyond = (x - 1.0) / _above(b - 1.0), (x - b) / _above(b - 1.0)
        return torch.where(x <= 1.0, torch.zeros_like(x), torch.where(x <= b, 0.5 * share**2, 0.5 + beyond))


def _above(x: Tensor) -> Tensor:
    return torch.clamp(x, min=SMALLEST)


def make_decoder(action: str, body: Body, context: int) -> nn.Module:
    """The decoder of a kind of action.

    Args:
        context: numbers at the end of the trunk that the feed-forward network looks at.

    Raises:
        UnknownNameError: no such kind.
        ConfigurationError: the body has actuators that are no muscles.
    """
    joints, muscles = len(body.joint_ids), body.model.nu
    if action not in ACTIONS:
        raise UnknownNameError("kind of action", action, ACTIONS)
    if action == "direct":
        return DirectDecoder(joints, muscles)
    if action == "length":
        require_muscles(body)
        return LengthDecoder(joints, MuscleModel(body), standing_lengths(body))
    return (MuscleDecoder if action == "structured" else ResidualDecoder)(joints, muscles, context, DecoderGains())


def require_muscles(body: Body) -> None:
    """Check that every actuator is a MuJoCo muscle.

    Raises:
        ConfigurationError: one is not.
    """
    m = body.model
    kinds = (m.actuator_gaintype == int(mujoco.mjtGain.mjGAIN_MUSCLE)) & (m.actuator_biastype == int(mujoco.mjtBias.mjBIAS_MUSCLE))
    others = [body.description.muscles.names[i] for i in np.flatnonzero(~kinds)]
    if others:
        raise ConfigurationError(f"action 'length': {len(others)} actuators of '{body.description.name}' are no MuJoCo muscles: {', '.join(others[:5])}")


def standing_lengths(body: Body) -> Array:
    """Muscle lengths of the standing body; shape (n_muscles,) [m]."""
    return np.asarray(muscle_lengths(body, body.standing_qpos[None, body.joint_qpos_adr])[0])
