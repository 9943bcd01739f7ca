"""The lengths and the soles of a body: what a person is scaled to and what stands on the floor."""

from dataclasses import dataclass
from functools import cached_property

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import LayoutError
from kinesis_sim.bodies import Body

Array = NDArray[np.float64]
SIDES = ("r", "l")
BENT_KNEE = 0.5  # at which the plane of a leg is clear [rad]
SUBTALAR_PROBE = 0.1  # turn of the subtalar joint from which the effect of a leaning leg is taken [rad]
LEG_JOINTS = ("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle", "subtalar_angle", "mtp_angle")
_CAPSULE, _SPHERE, _ELLIPSOID, _BOX = (int(getattr(mujoco.mjtGeom, f"mjGEOM_{n}")) for n in ("CAPSULE", "SPHERE", "ELLIPSOID", "BOX"))


def leg_turn(thigh: Array, shank: Array, foot: Array) -> tuple[Array, Array]:
    """Heading of a foot against the plane of its leg about the vertical, left positive, and how far the plane leans; shape (...) [rad].

    The plane's normal is thigh x shank, which points to the left where the knee is bent; it leans where the normal rises.
    """
    left = np.cross(thigh, shank)
    turn = np.arctan2(foot[..., 1], foot[..., 0]) - np.arctan2(-left[..., 0], left[..., 1])
    return turn, np.arctan2(left[..., 2], np.hypot(left[..., 0], left[..., 1]))


class BodyGeometry:
    """Places of a standing body in `base_link` axes (x ahead, y left, z up); sides are ordered right, left.

    Attributes:
        base: root orientation that makes `base_link` the world's axes, shape (3, 3).
        root_from_hips: from the middle between the hips to the root, shape (3,) [m].
        hip_half_width: half the distance between the hips [m].
        thigh, shank: lengths hip-knee and knee-ankle [m].
        shortest_leg: distance hip-ankle with the knee bent up to its limit, shape (2,) [m].
        ankle_height: of the talus above the floor with the sole flat [m].
        largest_lean: of a shank ahead over a flat foot, where the ankle is at its limit, shape (2,) [rad].
        calcaneus_rotation: orientation of each flat calcaneus, shape (2, 3, 3).
        calcaneus, ball, heel: from the ankle to the calcaneus frame, to the toe joint and to the lowest point of the heel, shape (2, 3) [m].
        neutral_turn: heading of each flat foot against the plane of its upright leg with a bent knee, left positive, shape (2,) [rad].
        turn_per_lean: by how much that heading changes where the leg's plane leans over the flat foot: the subtalar axis lies
            obliquely, so a foot that stays flat under a leaning leg also turns; shape (2,).
        toe_axis: unit axis of the toe joint of a flat foot, toe extension positive, shape (2, 3).
        toe_sign: +1 where the model counts toe extension positive, else -1; shape (2,).
    """

    def __init__(self, body: Body) -> None:
        self.body, m = body, body.model
        self._require_human_legs()
        data = mujoco.MjData(m)
        data.qpos[:] = body.standing_qpos
        mujoco.mj_kinematics(m, data)
        mujoco.mj_comPos(m, data)
        self.data = data
        self.base = data.xmat[m.body(body.entry.key_bodies[0]).id].reshape(3, 3).copy()
        root = data.qpos[:3].copy()
        hip, knee, ankle, calcaneus, toes = (np.array([self.place(f"{n}_{s}") for s in SIDES]) for n in ("femur", "tibia", "talus", "calcn", "toes"))
        self.root_from_hips = root - hip.mean(axis=0)
        self.hip_half_width = 0.5 * float(np.linalg.norm(hip[0] - hip[1]))
        self.thigh = float(np.linalg.norm(knee - hip, axis=1).mean())
        self.shank = float(np.linalg.norm(ankle - knee, axis=1).mean())
        self.shortest_leg = self._shortest_leg()
        self.ankle_height = float(ankle[:, 2].mean())
        self.largest_lean = self._largest_lean(knee - ankle)
        self.calcaneus_rotation = np.array([self.rotation(f"calcn_{s}") for s in SIDES])
        self.calcaneus, self.ball = calcaneus - ankle, toes - ankle
        axis = np.array([data.xaxis[m.joint(f"mtp_angle_{s}").id] for s in SIDES])
        self.toe_sign = -np.sign(axis[:, 1])  # toes go up in a turn about -y
        self.toe_axis = axis * self.toe_sign[:, None]
        self.soles = [Sole.of(body, data, side, ankle[i]) for i, side in enumerate(SIDES)]
        self.neutral_turn, upright = self._flat_turn(0.0)
        turned, leant = self._flat_turn(SUBTALAR_PROBE)
        self.turn_per_lean = (turned - self.neutral_turn) / (leant - upright)
        self.heel = np.array([sole.heel_point() for sole in self.soles])

    def _require_human_legs(self) -> None:
        m = self.body.model
        known = {m.joint(j).name for j in range(m.njnt)}
        missing = [f"{j}_{s}" for j in LEG_JOINTS for s in SIDES if f"{j}_{s}" not in known]
        if missing:
            raise LayoutError(f"body '{self.body.entry.name}' cannot take human motion: it has no joint {', '.join(missing)}")

    def _flat_turn(self, subtalar: float) -> tuple[Array, Array]:
        """Heading of each foot against the plane of its leg, and lean of that plane, seen from a flat foot; shape (2,) each [rad].

        The knee is bent, hip and ankle by half of it, the subtalar joint as given; every other joint is as in standing.
        """
        m, data, qpos = self.body.model, mujoco.MjData(self.body.model), self.body.standing_qpos.copy()
        for side in SIDES:
            for joint, angle in (("hip_flexion", 0.5 * BENT_KNEE), ("knee_angle", BENT_KNEE), ("ankle_angle", 0.5 * BENT_KNEE), ("subtalar_angle", subtalar)):
                qpos[m.joint(f"{joint}_{side}").qposadr[0]] = angle
        data.qpos[:] = self.body.coupling.fill(qpos)
        mujoco.mj_kinematics(m, data)
        turn, lean = np.zeros(2), np.zeros(2)
        for i, side in enumerate(SIDES):
            hip, knee, ankle, toes = (data.xpos[m.body(f"{n}_{side}").id] for n in ("femur", "tibia", "talus", "toes"))
            flat = self.calcaneus_rotation[i] @ data.xmat[m.body(f"calcn_{side}").id].reshape(3, 3).T
            turn[i], lean[i] = leg_turn(flat @ (knee - hip), flat @ (ankle - knee), flat @ (toes - ankle))
        return turn, lean

    def _shortest_leg(self) -> Array:
        m, data, qpos = self.body.model, mujoco.MjData(self.body.model), self.body.standing_qpos.copy()
        for side in SIDES:
            knee = m.joint(f"knee_angle_{side}")
            qpos[knee.qposadr[0]] = knee.range[1]
        data.qpos[:] = self.body.coupling.fill(qpos)
        mujoco.mj_kinematics(m, data)
        return np.array([np.linalg.norm(data.xpos[m.body(f"talus_{s}").id] - data.xpos[m.body(f"femur_{s}").id]) for s in SIDES])

    def _largest_lean(self, shank: Array) -> Array:
        """`shank` points up from the ankle in the standing pose, shape (2, 3) [m]."""
        joints = [self.body.model.joint(f"ankle_angle_{s}") for s in SIDES]
        left = [float(joint.range[1] - self.body.standing_qpos[joint.qposadr[0]]) for joint in joints]
        return np.arctan2(shank[:, 0], shank[:, 2]) + left

    def place(self, name: str) -> Array:
        """Position of a model body in the standing pose, shape (3,) [m]."""
        return self.data.xpos[self.body.model.body(name).id].copy()

    def rotation(self, name: str) -> Array:
        """Orientation of a model body in the standing pose, shape (3, 3)."""
        return self.data.xmat[self.body.model.body(name).id].reshape(3, 3).copy()

    def has(self, name: str) -> bool:
        """Whether the model has a body of this name."""
        return mujoco.mj_name2id(self.body.model, int(mujoco.mjtObj.mjOBJ_BODY), name) >= 0

    @cached_property
    def trunk_joints(self) -> tuple[str, ...]:
        """Independent joints between pelvis and trunk; empty where the trunk is fixed to the pelvis."""
        return tuple(n for n in self.body.description.joint_names if n in ("flex_extension", "lat_bending", "axial_rotation"))

    @cached_property
    def has_arms(self) -> bool:
        """Whether arms can follow the person's."""
        return all(self.has(f"{n}_{s}") for n in ("humerus", "radius", "lunate", "thirdmc") for s in SIDES)


@dataclass(frozen=True, kw_only=True)
class Sole:
    """Collision shapes of one foot, in axes of the flat foot.

    Attributes:
        kind: mjtGeom of each shape; shape (G,).
        size: as in MuJoCo; shape (G, 3) [m].
        centre: from the ankle (shapes of the heel region) or from the toe joint (shapes of the toes), shape (G, 3) [m].
        frame: orientation of each shape; shape (G, 3, 3).
        on_toes: which belong to the toes; shape (G,).
    """

    kind: NDArray[np.intp]
    size: Array
    centre: Array
    frame: Array
    on_toes: NDArray[np.bool_]

    @classmethod
    def of(cls, body: Body, data: mujoco.MjData, side: str, ankle: Array) -> "Sole":
        m = body.model
        toe_body = m.body(f"toes_{side}").id
        geoms = [int(g) for g in body.foot_geom_ids if m.body(m.geom_bodyid[g]).name.endswith(f"_{side}")]
        on_toes = np.array([m.geom_bodyid[g] == toe_body for g in geoms])
        origin = np.where(on_toes[:, None], data.xpos[toe_body], ankle)
        return cls(
            kind=m.geom_type[geoms].astype(np.intp),
            size=m.geom_size[geoms].copy(),
            centre=data.geom_xpos[geoms] - origin,
            frame=data.geom_xmat[geoms].reshape(-1, 3, 3).copy(),
            on_toes=on_toes,
        )

    def lowest(self, foot: Array, toes: Array, ball: Array) -> tuple[Array, Array, Array]:
        """Lowest point of every shape.

        Args:
            foot, toes: rotations of foot and toes from the flat foot; shape (F, 3, 3).
            ball: from the ankle to the toe joint on the flat foot; shape (3,) [m].

        Returns:
            Heights above the ankle, shape (F, G) [m]; points from the ankle in world axes, shape (F, G, 3) [m].
        """
        turn = np.where(self.on_toes[None, :, None, None], toes[:, None], foot[:, None])
        origin = np.where(self.on_toes[None, :, None], (foot @ ball)[:, None], 0.0)
        frame = turn @ self.frame
        centre = origin + np.einsum("fgij,gj->fgi", turn, self.centre)
        down = -frame[..., 2, :]  # the vertical, in each shape's own axes
        local = self._support(down)
        point = centre + np.einsum("fgij,fgj->fgi", frame, local)
        point[..., 2] -= self._radius()
        return point[..., 2], point, centre

    def _radius(self) -> Array:
        round_shapes = (self.kind == _CAPSULE) | (self.kind == _SPHERE)
        return np.where(round_shapes, self.size[:, 0], 0.0)

    def _support(self, direction: Array) -> Array:
        """Furthest point of the core of every shape along `direction`, both in the shape's axes; shape (F, G, 3).

        The end of a capsule's segment counts in full once the capsule is clearly tilted; nearly level it moves over
        smoothly, so that the point of contact does not jump from end to end.
        """
        point = np.zeros_like(direction)
        for g, kind in enumerate(self.kind):
            d, size = direction[:, g], self.size[g]
            if kind == _CAPSULE:
                point[:, g, 2] = np.clip(d[:, 2] / 0.02, -1.0, 1.0) * size[1]
            elif kind == _ELLIPSOID:
                point[:, g] = size**2 * d / np.linalg.norm(size * d, axis=1, keepdims=True)
            elif kind == _BOX:
                point[:, g] = np.sign(d) * size
        return point

    def heel_point(self) -> Array:
        """The hindmost point that touches the floor of a flat foot, from the ankle; shape (3,) [m]."""
        ends = []
        for kind, size, centre, frame, toe in zip(self.kind, self.size, self.centre, self.frame, self.on_toes, strict=True):
            if not toe:
                back = -abs(size[1]) * np.sign(frame[0, 2]) * frame[:, 2] if kind == _CAPSULE else np.zeros(3)
                ends.append(centre + back - np.array([0.0, 0.0, size[0] if kind in (_CAPSULE, _SPHERE) else 0.0]))
        return ends[int(np.argmin([e[0] for e in ends]))]
