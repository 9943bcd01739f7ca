"""Left-right symmetry of observations and actions: every sample of a symmetric body teaches twice.

A mirrored situation asks for the mirrored action. As in rsl_rl's data augmentation (Mittal et al. 2024), mirrored samples
keep the old log-probability, return and advantage of the original.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinesis_control.contract import ObservationTerm
from kinesis_control.errors import LayoutError
from kinesis_sim.bodies import Body

Index = NDArray[np.intp]
# Signs of vectors under y -> -y. Angular velocity is an axial vector: its x and z change sign.
POLAR, AXIAL = np.array([1.0, -1.0, 1.0]), np.array([-1.0, 1.0, -1.0])
# First and third column of a rotation R become those of S R S with S = diag(1, -1, 1).
ROTATION = np.array([1.0, -1.0, 1.0, 1.0, -1.0, 1.0])
SIGNS = {
    "root_height": np.ones(1), "root_up": POLAR, "root_linear_velocity": POLAR, "root_angular_velocity": AXIAL,
    "reference_root_position_error": POLAR, "reference_root_rotation_error": ROTATION, "reference_root_linear_velocity": POLAR,
    "reference_root_angular_velocity": AXIAL, "reference_next_root_linear_velocity": POLAR,
}  # fmt: skip


class Mirror:
    """mirrored = sign * x[..., index], for observations and for actions."""

    def __init__(self, body: Body, terms: Sequence[ObservationTerm]) -> None:
        m = body.mirror
        index, sign, at = [], [], 0
        for term in terms:
            unit_index, unit_sign = _unit(term.name, body)
            repeats = term.size // len(unit_index)
            for k in range(repeats):
                index.append(at + k * len(unit_index) + unit_index)
                sign.append(unit_sign)
            at += term.size
        self._index, self._sign = torch.from_numpy(np.concatenate(index)), torch.from_numpy(np.concatenate(sign)).float()
        joint_sign, muscle_sign = torch.from_numpy(m.joint_sign).float(), torch.ones(len(m.muscles))
        joints, muscles = torch.from_numpy(m.joints), torch.from_numpy(m.muscles)
        both = torch.cat([joints, len(joints) + muscles]), torch.cat([joint_sign, muscle_sign])
        # What an action is shows in its size: joint offsets, muscles, or joint offsets and then muscles.
        self._actions = {len(i): (i, sign) for i, sign in ((joints, joint_sign), (muscles, muscle_sign), both)}

    def observation(self, x: Tensor) -> Tensor:
        """Mirrored observations; shape (n, size)."""
        return x[:, self._index] * self._sign

    def action(self, a: Tensor) -> Tensor:
        """Mirrored actions, shape (n, size): of joint offsets, of muscles, or of both one after the other.

        Raises:
            LayoutError: the size is that of none of them.
        """
        if a.shape[1] not in self._actions:
            raise LayoutError(f"an action of {a.shape[1]} numbers has no mirror image; known sizes: {', '.join(map(str, self._actions))}")
        index, sign = self._actions[a.shape[1]]
        return a[:, index] * sign


def _unit(name: str, body: Body) -> tuple[Index, NDArray[np.float64]]:
    """Index and sign within one frame of a term."""
    m = body.mirror
    if name in SIGNS:
        return np.arange(len(SIGNS[name])), SIGNS[name]
    if "joint" in name:
        return m.joints, m.joint_sign
    which = m.contacts if "contact" in name else m.muscles
    return which, np.ones(len(which))
