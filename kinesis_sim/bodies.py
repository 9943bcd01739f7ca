"""The bodies that the stack knows, as compiled MuJoCo models with their constant facts.

Adding a body is one entry in `BODIES` (docs/how-to/add-a-body.md). Models come from the pip package myo-sim (Apache-2.0).
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription
from kinesis_control.errors import UnknownNameError
from kinesis_control.muscles import MuscleLayout
from kinesis_sim.composition import BODIES, BodyEntry, compose
from kinesis_sim.coupling import JointCoupling
from kinesis_sim.mirror import MirrorMap, mirror_of

Array = NDArray[np.float64]

# Arrays that make the physics of a body; visuals, names and sensors may change without changing the hash.
PHYSICS_ARRAYS = (
    "body_mass", "body_inertia", "body_ipos", "body_iquat", "body_pos", "body_quat", "jnt_pos", "jnt_axis", "jnt_range",
    "dof_damping", "dof_armature", "geom_size", "geom_pos", "geom_contype", "geom_conaffinity", "geom_friction", "geom_solref",
    "site_pos", "tendon_range", "wrap_type", "wrap_prm", "actuator_gainprm", "actuator_biasprm", "actuator_dynprm",
    "actuator_ctrlrange", "actuator_lengthrange", "eq_data", "qpos0",
)  # fmt: skip


def body_names() -> tuple[str, ...]:
    """Names of every known body."""
    return tuple(BODIES)


def load_body(name: str) -> "Body":
    """Compose, clean and compile a body.

    Raises:
        UnknownNameError: no such body.
        UnavailableError: myo-sim is missing or gives another body.
    """
    if name not in BODIES:
        raise UnknownNameError("body", name, BODIES)
    return Body(entry=BODIES[name], model=compose(BODIES[name]))


def physics_hash(model: mujoco.MjModel) -> str:
    """First 16 hex digits of the SHA-256 over PHYSICS_ARRAYS, rounded to 6 significant digits; below 1e-9 counts as 0.

    Rounding keeps the hash equal across machines and MuJoCo releases whose compilers differ in the last bits: MuJoCo
    3.17.0 and 4.0.0 give the same hash for every body of the registry.
    """
    digest = hashlib.sha256()
    for name in PHYSICS_ARRAYS:
        values = np.asarray(getattr(model, name), dtype=float).ravel()
        digest.update(name.encode())
        digest.update(" ".join(f"{v + 0.0:.6g}" for v in np.where(np.abs(values) < 1e-9, 0.0, values)).encode())
    return digest.hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Body:
    """A compiled body.

    Attributes:
        entry: registry entry it was made from.
        model: compiled model; floor at z = 0, root joint free, gravity along -z.
    """

    entry: BodyEntry
    model: mujoco.MjModel

    @cached_property
    def coupling(self) -> JointCoupling:
        """Dependent joints (knee, patella, spine) as polynomials of the independent ones."""
        return JointCoupling.from_model(self.model)

    @cached_property
    def joint_ids(self) -> NDArray[np.intp]:
        """Model ids of the independent joints without the root; shape (n_joints,)."""
        dependent = set(self.coupling.dependent_joint_ids)
        free = int(mujoco.mjtJoint.mjJNT_FREE)
        ids = [j for j in range(self.model.njnt) if j not in dependent and int(self.model.jnt_type[j]) != free]
        return np.array(ids, dtype=np.intp)

    @cached_property
    def joint_qpos_adr(self) -> NDArray[np.intp]:
        """Index in qpos of each independent joint; shape (n_joints,)."""
        return self.model.jnt_qposadr[self.joint_ids].astype(np.intp)

    @cached_property
    def joint_dof_adr(self) -> NDArray[np.intp]:
        """Index in qvel of each independent joint; shape (n_joints,)."""
        return self.model.jnt_dofadr[self.joint_ids].astype(np.intp)

    @cached_property
    def joint_range(self) -> Array:
        """Lower and upper limits of the independent joints; shape (n_joints, 2) [rad]."""
        return self.model.jnt_range[self.joint_ids].copy()

    @cached_property
    def _all_joint_ids(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.model.jnt_type != int(mujoco.mjtJoint.mjJNT_FREE))

    @cached_property
    def all_joint_names(self) -> tuple[str, ...]:
        """Every joint but the root, coupled ones too, in model order."""
        return tuple(self.model.joint(int(j)).name for j in self._all_joint_ids)

    @cached_property
    def all_joint_qpos_adr(self) -> NDArray[np.intp]:
        """Index in qpos of each of `all_joint_names`."""
        return self.model.jnt_qposadr[self._all_joint_ids].astype(np.intp)

    @cached_property
    def all_joint_dof_adr(self) -> NDArray[np.intp]:
        """Index in qvel of each of `all_joint_names`."""
        return self.model.jnt_dofadr[self._all_joint_ids].astype(np.intp)

    @cached_property
    def part_names(self) -> tuple[str, ...]:
        """Names of the model's bodies without the world: what can be pushed."""
        return tuple(self.model.body(i).name for i in range(1, self.model.nbody))

    @cached_property
    def key_body_ids(self) -> NDArray[np.intp]:
        """Model ids of the key bodies; shape (n_key_bodies,)."""
        return np.array([self.model.body(n).id for n in self.entry.key_bodies], dtype=np.intp)

    @cached_property
    def description(self) -> BodyDescription:
        """The constant facts that the control side needs."""
        m = self.model
        return BodyDescription(
            name=self.entry.name,
            muscles=MuscleLayout(names=tuple(m.actuator(i).name for i in range(m.nu))),
            joint_names=tuple(m.joint(int(j)).name for j in self.joint_ids),
            contact_names=tuple(name for name, _ in self.entry.contact_regions),
            key_body_names=self.entry.key_bodies,
            model_hash=physics_hash(m),
            mass=round(float(m.body_subtreemass[0]), 6),
            standing_height=round(float(self.standing_qpos[2]), 6),
        )

    @cached_property
    def mirror(self) -> MirrorMap:
        """Left-right exchange of muscles, joints, contact regions and key bodies."""
        return mirror_of(self.model, self.description, self.joint_ids, self.standing_qpos)

    @cached_property
    def standing_qpos(self) -> Array:
        """A consistent standing pose, facing +x, soles on the floor, coupled joints filled in; shape (nq,)."""
        m = self.model
        qpos = m.qpos0.copy()
        qpos[:3] = 0.0
        qpos[3:7] = self.root_quaternion_from_base(np.array([1.0, 0.0, 0.0, 0.0]))
        for name, angle in self.entry.standing_pose.items():
            qpos[m.joint(name).qposadr[0]] = angle
        self.coupling.fill(qpos)
        qpos[2] -= self.lowest_point(qpos)
        return qpos

    def lowest_point(self, qpos: Array, scratch_data: mujoco.MjData | None = None) -> float:
        """Height of the lowest point of the feet above the floor at `qpos` [m]; negative when it sinks in.

        `scratch_data` is overwritten; without it, one is made.
        """
        data = scratch_data or mujoco.MjData(self.model)
        data.qpos[:] = qpos
        mujoco.mj_kinematics(self.model, data)
        scratch = np.zeros(6)
        floor = self.model.geom("floor").id
        return min(mujoco.mj_geomDistance(self.model, data, floor, int(g), 5.0, scratch) for g in self.foot_geom_ids)

    @cached_property
    def foot_geom_ids(self) -> NDArray[np.intp]:
        """Collidable geoms of the feet, region by region; shape (n_foot_geoms,)."""
        return np.concatenate([self.region_geom_ids(i) for i in range(len(self.entry.contact_regions))])

    def region_geom_ids(self, region: int) -> NDArray[np.intp]:
        """Collidable geoms of one contact region."""
        m = self.model
        body = m.body(self.entry.contact_regions[region][1]).id
        return np.array([g for g in range(m.ngeom) if m.geom_bodyid[g] == body and m.geom_contype[g]], dtype=np.intp)

    def root_quaternion_from_base(self, base: Array) -> Array:
        """Model root quaternion for a `base_link` quaternion, both wxyz; the two differ by a fixed yaw."""
        result = np.zeros(4)
        mujoco.mju_mulQuat(result, base, self.base_yaw_quaternion * np.array([1.0, -1.0, -1.0, -1.0]))
        return result

    @cached_property
    def base_yaw_quaternion(self) -> Array:
        """Rotation from the model's root frame to `base_link`, wxyz, about z."""
        half = 0.5 * self.entry.forward_yaw
        return np.array([np.cos(half), 0.0, 0.0, np.sin(half)])
