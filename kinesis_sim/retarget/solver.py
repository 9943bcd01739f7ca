"""Inverse kinematics with mink, in the body's independent coordinates.

mink states the problem over all velocities of the model: 1/2 v'Hv + c'v. Knee, patella and spine follow other joints through
polynomials, v = Z u with u the independent velocities; so 1/2 u'(Z'HZ)u + (Z'c)'u is solved for u within the joint limits (a
box, daqp) and the dependent joints are filled in. The coupling holds exactly at every frame, and the problem is smaller.
"""

from collections.abc import Sequence

import daqp
import mink
import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import KinesisError
from kinesis_sim.bodies import Body
from kinesis_sim.retarget.config import RetargetConfig
from kinesis_sim.retarget.geometry import LEG_JOINTS, SIDES, BodyGeometry
from kinesis_sim.retarget.planting import Targets
from kinesis_sim.retarget.signals import quaternions

Array = NDArray[np.float64]
FIRST_ITERATIONS = 40
MAX_STEP = 0.35  # largest change of a joint in one step [rad]; linearisation holds to about here
SUBTALAR_COST = 0.1  # pull to neutral: left free it goes to its limit in the swing
ROLL_SHARE = 0.2  # of the weight of a foot's rotation that its roll has: a sole 2 degrees askew is 1 mm off the floor, a knee then 10 mm aside
ARM_JOINTS = ("elv_angle", "shoulder_elv", "shoulder_rot", "elbow_flexion")
ARM_POSTURE, ARM_DAMPING = 0.3, 1.0  # an arm that hangs down can turn about itself at will: hold it to rest, and slow it [1/rad]
_ROOT = 6


class CoupledConfiguration(mink.Configuration):
    """A configuration whose dependent joints always follow."""

    def __init__(self, body: Body, q: Array) -> None:
        self._coupling = body.coupling
        super().__init__(body.model, q)

    def update(self, q: Array | None = None) -> None:
        """Forward kinematics, after filling in the dependent joints."""
        if q is not None:
            self.data.qpos = q
        self._coupling.fill(self.data.qpos)
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)


class PlaceTask(mink.FrameTask):
    """A place for a body that may be turned any way."""

    def __init__(self, body_id: int, cost: float) -> None:
        super().__init__(body_id, "body", position_cost=cost, orientation_cost=0.0)
        self._body_id = body_id

    def keep_orientation(self, configuration: mink.Configuration) -> None:
        """Take the present orientation for the wanted one: far off it, an error of place would be seen askew."""
        assert self.transform_target_to_world is not None
        self.transform_target_to_world.wxyz_xyz[:4] = configuration.data.xquat[self._body_id]


class LimbTask(PlaceTask):
    """A place that only the joints of one limb are to reach: a hand does not pull the trunk along."""

    def __init__(self, body_id: int, cost: float, dofs: NDArray[np.intp]) -> None:
        super().__init__(body_id, cost)
        self._dofs = dofs

    def compute_qp_residual(self, configuration: mink.Configuration) -> tuple[Array, Array, float]:
        """That of FrameTask with every other column of the Jacobian set to zero."""
        jacobian, error, damping = super().compute_qp_residual(configuration)
        own = np.zeros_like(jacobian)
        own[:, self._dofs] = jacobian[:, self._dofs]
        return own, error, damping


class PoseSolver:
    """Frame by frame, each from the last one's solution."""

    def __init__(self, geometry: BodyGeometry, config: RetargetConfig) -> None:
        self.geometry, self.config, self.body = geometry, config, geometry.body
        m = self.body.model
        self.configuration = CoupledConfiguration(self.body, self.body.standing_qpos.copy())
        driven = self._driven()
        self._free = np.r_[np.arange(_ROOT), self.body.joint_dof_adr[driven]].astype(np.intp)
        self._angles = self.body.joint_qpos_adr[driven]
        low, high = self.body.joint_range[driven].T
        self._low, self._high = low + config.limit_margin, high - config.limit_margin
        self._selection = np.zeros((m.nv, len(self._free)))
        self._selection[self._free, np.arange(len(self._free))] = 1.0
        self._empty = np.zeros((0, len(self._free)))
        self._tasks()

    def _driven(self) -> NDArray[np.intp]:
        """Independent joints that targets say something of, as indices; the others (fingers, wrists) stay as in standing."""
        wanted = {f"{j}_{s}" for j in LEG_JOINTS for s in SIDES} | set(self.geometry.trunk_joints) | self._arm_names()
        return np.array([i for i, n in enumerate(self.body.description.joint_names) if n in wanted], dtype=np.intp)

    def _arm_names(self) -> set[str]:
        return {f"{j}_{s}" for j in ARM_JOINTS for s in SIDES} if self.geometry.has_arms else set()

    def _tasks(self) -> None:
        c, m = self.config, self.body.model
        root = self.body.entry.key_bodies[0]
        self.pelvis = mink.FrameTask(root, "body", position_cost=c.pelvis_position, orientation_cost=c.pelvis_rotation)
        self.feet = [mink.FrameTask(f"calcn_{s}", "body", position_cost=c.foot_position, orientation_cost=c.foot_rotation) for s in SIDES]
        self.knees = [PlaceTask(m.body(f"tibia_{s}").id, c.knee) for s in SIDES]
        self.balls = [PlaceTask(m.body(f"toes_{s}").id, c.ball) for s in SIDES]
        self.trunk = mink.FrameTask("torso", "body", position_cost=0.0, orientation_cost=c.trunk) if self.geometry.trunk_joints else None
        names = [(b, s) for b in ("radius", "lunate") for s in SIDES] if self.geometry.has_arms else []
        self.arms = [LimbTask(m.body(f"{b}_{s}").id, c.arm, self._arm_dofs(s)) for b, s in names]
        calm = np.zeros(m.nv)
        calm[self._arm_dofs(*SIDES)] = ARM_DAMPING
        self.calm = mink.DampingTask(m, cost=calm) if self.arms else None
        self.posture = mink.PostureTask(m, cost=self._posture_cost())
        self.posture_target = self.body.standing_qpos.copy()

    def _arm_dofs(self, *sides: str) -> NDArray[np.intp]:
        names = [n for n in self._arm_names() if n[-1] in sides]
        return np.array([self.body.model.joint(n).dofadr[0] for n in names], dtype=np.intp)

    def _posture_cost(self) -> Array:
        cost = np.zeros(self.body.model.nv)
        cost[self.body.joint_dof_adr] = self.config.posture
        for side in SIDES:
            cost[self.body.model.joint(f"subtalar_angle_{side}").dofadr[0]] = SUBTALAR_COST
        cost[self._arm_dofs(*SIDES)] = ARM_POSTURE
        self._toe_joints = [self.body.model.joint(f"mtp_angle_{s}") for s in SIDES]
        for joint in self._toe_joints:
            cost[joint.dofadr[0]] = 2.0  # the toe angle is known, not sought
        return cost

    def solve(self, targets: Targets) -> Array:
        """Poses of all frames, shape (F, nq)."""
        frames = len(targets.hips)
        result = np.zeros((frames, self.body.model.nq))
        frame_targets = self._frame_targets(targets)
        self.configuration.update(self._start(frame_targets))
        for t in range(frames):
            for i in range(self.config.iterations if t else FIRST_ITERATIONS):
                if i == 0 or t == 0:  # on the way to the first frame the shoulders move far, and the arms' targets with them
                    tasks = self._aim(targets, frame_targets, t)
                self._step(tasks)
            result[t] = self.configuration.q
        return result

    def _start(self, frame_targets: dict[str, Array]) -> Array:
        qpos = self.body.standing_qpos.copy()
        qpos[:7] = frame_targets["root"][0]
        return qpos

    def _frame_targets(self, targets: Targets) -> dict[str, Array]:
        """Poses as wxyz + xyz for mink, except `root` which is xyz + wxyz as in qpos; shapes (F, 7)."""
        g = self.geometry
        root = targets.hips + targets.pelvis @ g.root_from_hips
        rotation = quaternions(targets.pelvis @ g.base)
        poses = {"root": np.hstack([root, rotation]), "pelvis": np.hstack([rotation, root])}
        for i, side in enumerate(SIDES):
            heel = targets.ankle[:, i] + targets.foot[:, i] @ g.calcaneus[i]
            poses[f"foot_{side}"] = np.hstack([quaternions(targets.foot[:, i] @ g.calcaneus_rotation[i]), heel])
            poses[f"ball_{side}"] = _place(targets.ankle[:, i] + targets.foot[:, i] @ g.ball[i])
            poses[f"knee_{side}"] = _place(targets.knee[:, i])
        if self.trunk is not None:
            poses["trunk"] = np.hstack([quaternions(targets.trunk @ g.rotation("torso")), root])
        return poses

    def _aim(self, targets: Targets, poses: dict[str, Array], t: int) -> list[mink.Task]:
        """Set the targets of frame t; the tasks that apply."""
        c = self.config
        _set(self.pelvis, poses["pelvis"][t])
        for i, side in enumerate(SIDES):
            _set(self.feet[i], poses[f"foot_{side}"][t])
            _set(self.knees[i], poses[f"knee_{side}"][t])
            _set(self.balls[i], poses[f"ball_{side}"][t])
            firm = targets.firmness[t, i]
            self.feet[i].cost[:3] = c.foot_position * (1.0 + (c.planted - 1.0) * firm)
            self.feet[i].cost[3:] = c.foot_rotation * (c.swing_rotation + (c.planted - c.swing_rotation) * firm)
            self.feet[i].cost[3] *= ROLL_SHARE
            self.posture_target[self._toe_joints[i].qposadr[0]] = self.geometry.toe_sign[i] * targets.toes[t, i]
        self.posture.set_target(self.posture_target)
        tasks: list[mink.Task] = [self.pelvis, *self.feet, *self.knees, *self.balls, self.posture]
        if self.trunk is not None:
            _set(self.trunk, poses["trunk"][t])
            tasks.append(self.trunk)
        return tasks + self._aim_arms(targets, t)

    def _aim_arms(self, targets: Targets, t: int) -> list[mink.Task]:
        """Elbow and wrist from where the shoulder is now: it moves with the trunk, and a little with the arm."""
        if not self.arms or targets.elbow is None or targets.wrist is None:
            return []
        data, m = self.configuration.data, self.body.model
        for i, side in enumerate(SIDES):
            elbow = data.xpos[m.body(f"humerus_{side}").id] + targets.elbow[t, i]
            _set(self.arms[i], _place(elbow[None])[0])
            _set(self.arms[2 + i], _place((elbow + targets.wrist[t, i])[None])[0])
        return [*self.arms, self.calm]

    def _step(self, tasks: Sequence[mink.Task]) -> None:
        """One step: mink's objective, reduced, solved within limits, applied."""
        for task in tasks:
            if isinstance(task, PlaceTask):
                task.keep_orientation(self.configuration)
        problem = mink.build_ik(self.configuration, tasks, 1.0, damping=1e-6, limits=[])
        z = self._coupled_columns()
        hessian = z.T @ problem.P @ z
        gradient = z.T @ problem.q
        low, high = self._bounds()
        solution, _, flag, _ = daqp.solve(hessian, gradient, self._empty, high, low)
        if flag < 1:
            raise KinesisError(f"inverse kinematics: daqp returned {flag}, expected an optimum")
        self.configuration.integrate_inplace(z @ solution, 1.0)

    def _bounds(self) -> tuple[Array, Array]:
        angle = self.configuration.q[self._angles]
        low = np.r_[np.full(_ROOT, -MAX_STEP), np.clip(self._low - angle, -MAX_STEP, MAX_STEP)]
        high = np.r_[np.full(_ROOT, MAX_STEP), np.clip(self._high - angle, -MAX_STEP, MAX_STEP)]
        return low, np.maximum(high, low + 1e-9)

    def _coupled_columns(self) -> Array:
        """Z of the module's text, shape (nv, 6 + n_joints); chains of couplings take a pass for each link."""
        z, coupling = self._selection.copy(), self.body.coupling
        slope = coupling.slope(self.configuration.data.qpos)[:, None]
        for _ in range(3):
            z[coupling.dof_adr] = slope * z[coupling.source_dof_adr]
        return z


def _set(task: mink.FrameTask, pose: Array) -> None:
    task.transform_target_to_world = mink.SE3(wxyz_xyz=pose.copy())


def _place(points: Array) -> Array:
    """Poses of points with any orientation, shape (F, 7)."""
    return np.hstack([np.tile([1.0, 0.0, 0.0, 0.0], (len(points), 1)), points])
