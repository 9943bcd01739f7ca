"""Body state and reference window -> observation. The one implementation: training calls it on a batch, the node on one body.

Every term is computed element by element, with no matrix library and no transcendental function, so that a body gets the
same bits alone as in a batch (a test holds this).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.contract import ObservationTerm
from kinesis_control.errors import LayoutError, UnknownNameError
from kinesis_control.reference import ReferenceWindow

Array = NDArray[np.float64]


@dataclass(kw_only=True)
class Scene:
    """What the terms look at; rotation entries are computed once for all of them.

    Attributes:
        rotation: entries of the root rotation matrix, rotation[i][j] of shape (...).
        forward: cosine and sine of the heading, each of shape (...).
    """

    state: BodyState
    reference: ReferenceWindow
    previous_action: Array
    rotation: list[list[Array]]
    forward: tuple[Array, Array]


def rotation_entries(q: Array) -> list[list[Array]]:
    """Entries of the rotation matrix of a wxyz quaternion, shape (..., 4): a 3 x 3 list of arrays of shape (...)."""
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    return [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)],
        [2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)],
        [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)],
    ]


def _root_height(s: Scene) -> Array:
    return s.state.root_position[..., 2:3]


def _root_up(s: Scene) -> Array:
    return np.stack(s.rotation[2], axis=-1)


def _root_linear_velocity(s: Scene) -> Array:
    v, r, (c, n) = s.state.root_linear_velocity, s.rotation, s.forward
    x, y, z = (r[i][0] * v[..., 0] + r[i][1] * v[..., 1] + r[i][2] * v[..., 2] for i in range(3))
    return np.stack([c * x + n * y, c * y - n * x, z], axis=-1)


def _reference_root_position_error(s: Scene) -> Array:
    d = s.reference.root_position - s.state.root_position[..., None, :]
    c, n = s.forward[0][..., None], s.forward[1][..., None]
    return np.stack([c * d[..., 0] + n * d[..., 1], c * d[..., 1] - n * d[..., 0], d[..., 2]], axis=-1)


def _reference_root_rotation_error(s: Scene) -> Array:
    """First and third column of the rotation from the root to the reference root, for each frame: 6 K numbers."""
    q, r = s.state.root_quaternion[..., None, :], s.reference.root_quaternion
    a, b, c, d = q[..., 0], -q[..., 1], -q[..., 2], -q[..., 3]
    w, x, y, z = r[..., 0], r[..., 1], r[..., 2], r[..., 3]
    relative = np.stack([
        a * w - b * x - c * y - d * z, a * x + b * w + c * z - d * y,
        a * y - b * z + c * w + d * x, a * z + b * y - c * x + d * w,
    ], axis=-1)  # fmt: skip
    e = rotation_entries(relative)
    return np.stack([e[0][0], e[1][0], e[2][0], e[0][2], e[1][2], e[2][2]], axis=-1)


def _reference_joint_error(s: Scene) -> Array:
    return s.reference.joint_position - s.state.joint_position[..., None, :]


Term = Callable[[Scene], Array]
TERMS: dict[str, Term] = {
    "root_height": _root_height,
    "root_up": _root_up,
    "root_linear_velocity": _root_linear_velocity,
    "root_angular_velocity": lambda s: s.state.root_angular_velocity,
    "joint_position": lambda s: s.state.joint_position,
    "joint_velocity": lambda s: s.state.joint_velocity,
    "muscle_length": lambda s: s.state.muscle_length,
    "muscle_velocity": lambda s: s.state.muscle_velocity,
    "muscle_tension": lambda s: s.state.muscle_tension,
    "muscle_activation": lambda s: s.state.muscle_activation,
    "contact_force": lambda s: s.state.contact_force,
    "previous_action": lambda s: s.previous_action,
    "reference_root_position_error": _reference_root_position_error,
    "reference_root_rotation_error": _reference_root_rotation_error,
    "reference_root_linear_velocity": lambda s: s.reference.root_linear_velocity,
    "reference_root_angular_velocity": lambda s: s.reference.root_angular_velocity,
    "reference_joint_position": lambda s: s.reference.joint_position,
    "reference_joint_velocity": lambda s: s.reference.joint_velocity,
    "reference_joint_error": _reference_joint_error,
    "reference_contact": lambda s: s.reference.contact,
    "reference_next_joint_position": lambda s: s.reference.joint_position[..., 0, :],
    "reference_next_joint_velocity": lambda s: s.reference.joint_velocity[..., 0, :],
    "reference_next_contact": lambda s: s.reference.contact[..., 0, :],
    "reference_next_root_linear_velocity": lambda s: s.reference.root_linear_velocity[..., 0, :],
}


def term_size(name: str, body: BodyDescription, frames: int) -> int:
    """How many numbers a term adds for a body and a window of `frames` frames.

    Raises:
        UnknownNameError: no such term.
    """
    joints, muscles, contacts = len(body.joint_names), len(body.muscles), len(body.contact_names)
    per_frame = {
        "root_position_error": 3, "root_rotation_error": 6, "root_linear_velocity": 3, "root_angular_velocity": 3,
        "joint_position": joints, "joint_velocity": joints, "joint_error": joints, "contact": contacts,
    }  # fmt: skip
    sizes = {"root_height": 1, "root_up": 3, "root_linear_velocity": 3, "root_angular_velocity": 3, "previous_action": muscles}
    sizes |= {"joint_position": joints, "joint_velocity": joints, "contact_force": contacts}
    sizes |= {f"muscle_{what}": muscles for what in ("length", "velocity", "tension", "activation")}
    sizes |= {f"reference_{what}": frames * size for what, size in per_frame.items()}
    sizes |= {"reference_next_joint_position": joints, "reference_next_joint_velocity": joints}
    sizes |= {"reference_next_contact": contacts, "reference_next_root_linear_velocity": 3}
    if name not in TERMS:
        raise UnknownNameError("observation term", name, TERMS)
    return sizes[name]


class ObservationBuilder:
    """Fills observations, term after term, each times its scale.

    Attributes:
        size: length of an observation.
        terms: as given.
        slices: where each term stands, by name.
    """

    def __init__(self, terms: Sequence[ObservationTerm], body: BodyDescription, frames: int) -> None:
        """Check the terms against the body.

        Raises:
            UnknownNameError: a term is not known.
            LayoutError: a term has another size than this body gives.
        """
        self.terms = tuple(terms)
        self.slices: dict[str, slice] = {}
        self._plan: list[tuple[Term, slice]] = []
        at = 0
        for term in terms:
            expected = term_size(term.name, body, frames)
            if term.size != expected:
                raise LayoutError(f"observation term '{term.name}' has size {term.size}; body '{body.name}' with {frames} frames gives {expected}")
            self.slices[term.name] = slice(at, at + term.size)
            self._plan.append((TERMS[term.name], self.slices[term.name]))
            at += term.size
        self.size = at
        self._scale = np.repeat([float(t.scale) for t in terms], [t.size for t in terms])
        self._unscaled = np.zeros(at)

    def build(self, state: BodyState, reference: ReferenceWindow, previous_action: Array, out: NDArray[np.float32]) -> NDArray[np.float32]:
        """Fill `out`, float32 of shape (..., size), and return it. `previous_action` has shape (..., n_muscles)."""
        rotation = rotation_entries(state.root_quaternion)
        x, y = rotation[0][0], rotation[1][0]
        # Looking straight up or down there is no heading; the floor on the norm keeps the numbers finite.
        norm = np.maximum(np.sqrt(x * x + y * y), 1e-6)
        scene = Scene(state=state, reference=reference, previous_action=previous_action, rotation=rotation, forward=(x / norm, y / norm))
        batch = out.shape[:-1]
        if self._unscaled.shape != out.shape:
            self._unscaled = np.zeros(out.shape)
        for term, place in self._plan:
            self._unscaled[..., place] = term(scene).reshape(*batch, -1)
        np.multiply(self._unscaled, self._scale, out=out, casting="same_kind")
        return out
