"""What a body is (BodyDescription) and what is known of it at one instant (BodyState).

Frames follow REP-103: x forward, y left, z up. The world frame is `odom`, with the floor at z = 0. The root frame is
`base_link`. Quaternions are wxyz here; the ROS edge turns them into xyzw in one place (kinesis_control/ros/convert.py).
"""

from dataclasses import dataclass, field, fields
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import LayoutError
from kinesis_control.muscles import MuscleLayout

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class BodyDescription:
    """The constant facts of a body that the control side needs; it travels as the message MuscleLayout.

    Attributes:
        name: registry name, for example "legs80".
        muscles: ordered muscle names and their hash.
        joint_names: independent joint coordinates (coupled joints left out), in the order of every joint array.
        contact_names: foot contact regions, in the order of `BodyState.contact_force`.
        key_body_names: bodies whose positions are tracked; the first is the root segment.
        model_hash: hash of the physical model; a policy is bound to it.
        mass: total mass [kg].
        standing_height: root height above the floor in the standing pose [m].
    """

    name: str
    muscles: MuscleLayout
    joint_names: tuple[str, ...]
    contact_names: tuple[str, ...]
    key_body_names: tuple[str, ...]
    model_hash: str
    mass: float
    standing_height: float


@dataclass(kw_only=True)
class BodyState:
    """State of one body, or of a batch of bodies: every array may carry the same leading batch shape `...`.

    Attributes:
        seq: number of this state; grows by one a control tick and never restarts, not even at a reset.
        stamp_ns: time of sampling [ns], on the clock of the graph (simulated when `/clock` is).
        episode: grows by one at each reset of the body; whoever keeps history drops it then.
        fallen: the body's fall detector has latched.
        root_position: shape (..., 3), `base_link` in odom [m].
        root_quaternion: shape (..., 4), `base_link` in odom, wxyz, unit norm.
        root_linear_velocity: shape (..., 3), expressed in base_link [m/s].
        root_angular_velocity: shape (..., 3), expressed in base_link [rad/s], as a gyroscope gives it.
        joint_position, joint_velocity: shape (..., n_joints), [rad] and [rad/s].
        muscle_length: shape (..., n_muscles), musculotendon length [m].
        muscle_velocity: shape (..., n_muscles), lengthening positive [m/s].
        muscle_tension: shape (..., n_muscles), pulling positive [N].
        muscle_activation: shape (..., n_muscles), 0..1.
        contact_force: shape (..., n_contacts), normal force, never negative [N].
    """

    seq: int = 0
    stamp_ns: int = 0
    episode: int = 0
    fallen: bool = False
    root_position: Array = field(default_factory=lambda: np.zeros(3))
    root_quaternion: Array = field(default_factory=lambda: np.array([1.0, 0.0, 0.0, 0.0]))
    root_linear_velocity: Array = field(default_factory=lambda: np.zeros(3))
    root_angular_velocity: Array = field(default_factory=lambda: np.zeros(3))
    joint_position: Array
    joint_velocity: Array
    muscle_length: Array
    muscle_velocity: Array
    muscle_tension: Array
    muscle_activation: Array
    contact_force: Array

    @classmethod
    def zeros(cls, body: BodyDescription, batch: tuple[int, ...] = ()) -> "BodyState":
        """A state of zeros at the identity pose, with arrays of the right shape to be filled in place."""
        n, j, c = len(body.muscles), len(body.joint_names), len(body.contact_names)
        quaternion = np.zeros((*batch, 4))
        quaternion[..., 0] = 1.0
        return cls(
            root_position=np.zeros((*batch, 3)),
            root_quaternion=quaternion,
            root_linear_velocity=np.zeros((*batch, 3)),
            root_angular_velocity=np.zeros((*batch, 3)),
            joint_position=np.zeros((*batch, j)),
            joint_velocity=np.zeros((*batch, j)),
            muscle_length=np.zeros((*batch, n)),
            muscle_velocity=np.zeros((*batch, n)),
            muscle_tension=np.zeros((*batch, n)),
            muscle_activation=np.zeros((*batch, n)),
            contact_force=np.zeros((*batch, c)),
        )

    def arrays(self) -> dict[str, Array]:
        """Every array field by name."""
        return {name: getattr(self, name) for name in _ARRAYS}

    def first_non_finite(self) -> str | None:
        """Name of the first array field that holds a NaN or an infinity, or None."""
        for name in _ARRAYS:
            value = getattr(self, name).reshape(-1)
            # The sum of squares of a finite array is finite unless it overflows; the exact test runs only then.
            if not isfinite(value.dot(value)) and not np.isfinite(value).all():
                return name
        return None

    def require_shapes(self, body: BodyDescription) -> None:
        """Check the last axis of every array against the body.

        Raises:
            LayoutError: an array has another length than the body asks for.
        """
        expected = {name: value.shape[-1] for name, value in BodyState.zeros(body).arrays().items()}
        got = {name: value.shape[-1] for name, value in self.arrays().items()}
        wrong = [f"{k}: got {got[k]}, expected {expected[k]}" for k in expected if got[k] != expected[k]]
        if wrong:
            raise LayoutError(f"state does not fit body '{body.name}': " + "; ".join(wrong))


_ARRAYS = tuple(f.name for f in fields(BodyState) if f.type is Array)
