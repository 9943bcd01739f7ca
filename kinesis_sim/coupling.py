"""Joint coupling: dependent joints (knee, patella, spine) that a model ties to independent ones by polynomials."""

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class JointCoupling:
    """Every active joint equality of a model, as arrays over the C couplings.

    MuJoCo's joint equality is y - y0 = a0 + a1 x + a2 x^2 + a3 x^3 + a4 x^4, with x the source joint from its own qpos0.

    Attributes:
        joint: dependent joint ids; shape (C,).
        source: ids of the joints they follow, -1 for a constant; shape (C,).
        coefficients: a0..a4; shape (C, 5).
        dependent_joint_ids: the same as `joint`, as a tuple.
    """

    joint: NDArray[np.intp]
    source: NDArray[np.intp]
    coefficients: Array
    qpos_adr: NDArray[np.intp]
    dof_adr: NDArray[np.intp]
    source_qpos_adr: NDArray[np.intp]
    source_dof_adr: NDArray[np.intp]
    offset: Array
    source_offset: Array

    @classmethod
    def from_model(cls, model: mujoco.MjModel) -> "JointCoupling":
        """Read the active joint equalities of a compiled model."""
        joint_equality = int(mujoco.mjtEq.mjEQ_JOINT)
        rows = [e for e in range(model.neq) if int(model.eq_type[e]) == joint_equality and model.eq_active0[e]]
        joint = model.eq_obj1id[rows].astype(np.intp)
        source = model.eq_obj2id[rows].astype(np.intp)
        followed = np.maximum(source, 0)
        return cls(
            joint=joint,
            source=source,
            coefficients=model.eq_data[rows, :5].copy(),
            qpos_adr=model.jnt_qposadr[joint].astype(np.intp),
            dof_adr=model.jnt_dofadr[joint].astype(np.intp),
            source_qpos_adr=model.jnt_qposadr[followed].astype(np.intp),
            source_dof_adr=model.jnt_dofadr[followed].astype(np.intp),
            offset=model.qpos0[model.jnt_qposadr[joint]].copy(),
            source_offset=model.qpos0[model.jnt_qposadr[followed]].copy(),
        )

    @property
    def dependent_joint_ids(self) -> tuple[int, ...]:
        return tuple(int(j) for j in self.joint)

    def fill(self, qpos: Array) -> Array:
        """Set the dependent joints of `qpos`, shape (..., nq), from the independent ones, in place.

        A chain (a dependent joint that follows another dependent one) needs a pass for each link, so passes repeat
        until nothing moves.
        """
        for _ in range(len(self.joint) + 1):
            x = np.where(self.source >= 0, qpos[..., self.source_qpos_adr] - self.source_offset, 0.0)
            c = self.coefficients
            value = self.offset + c[:, 0] + x * (c[:, 1] + x * (c[:, 2] + x * (c[:, 3] + x * c[:, 4])))
            if np.array_equal(value, qpos[..., self.qpos_adr]):
                break
            qpos[..., self.qpos_adr] = value
        return qpos

    def slope(self, qpos: Array) -> Array:
        """d(dependent)/d(source) of each coupling at `qpos`, shape (..., nq); result shape (..., C)."""
        x = np.where(self.source >= 0, qpos[..., self.source_qpos_adr] - self.source_offset, 0.0)
        c = self.coefficients
        return np.where(self.source >= 0, c[:, 1] + x * (2 * c[:, 2] + x * (3 * c[:, 3] + x * 4 * c[:, 4])), 0.0)

    def fill_velocity(self, qpos: Array, qvel: Array) -> Array:
        """Set the dependent velocities of `qvel`, shape (..., nv), from the independent ones, in place."""
        for _ in range(len(self.joint) + 1):
            value = self.slope(qpos) * qvel[..., self.source_dof_adr]
            if np.array_equal(value, qvel[..., self.dof_adr]):
                break
            qvel[..., self.dof_adr] = value
        return qvel
