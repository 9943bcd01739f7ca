"""What is known of a robot's body, from what its link has measured: the record of the bus process becomes a BodyState.

    joint_position, joint_velocity, root_*, contact_force, muscle_tension    as measured
    muscle_length         length sensor of the artificial muscle + its inelastic rest
    muscle_velocity       difference of two lengths over the time between them
    muscle_activation     from the measured pressure, by equal force: the inverse of `muscle_model.ExcitationToPressure`

      a = (p F/p(l) / F0 - f_P(L)) / (f_L(L) f_V(V)), 0..1

What the link does not measure stays NaN. Nothing is filled in from a model of the motion, from the command, or from zeros.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinesis_control.body_state import BodyDescription, BodyState
from kinesis_control.drivers.frames import Capabilities
from kinesis_control.drivers.muscle_model import HillTable, McKibbenBundle, force_length, force_velocity, passive_force
from kinesis_control.errors import LayoutError

Array = NDArray[np.float64]

_NO_GAIN = 1e-3
"""Below, f_L f_V is too small to tell an activation from a force."""

_SAME = (
    ("root_position", "root_position"), ("root_quaternion", "root_quaternion"), ("root_linear_velocity", "root_linear_velocity"),
    ("root_angular_velocity", "root_angular_velocity"), ("muscle_tension", "tension_n"),
)  # fmt: skip
"""Field of BodyState, field of the record, of equal shape."""

NEEDS = {
    "root_height": ("root_position",), "root_up": ("root_quaternion",), "root_linear_velocity": ("root_linear_velocity", "root_quaternion"),
    "root_angular_velocity": ("root_angular_velocity",), "joint_position": ("joint_position",), "joint_velocity": ("joint_velocity",),
    "muscle_length": ("muscle_length",), "muscle_velocity": ("muscle_velocity",), "muscle_tension": ("muscle_tension",),
    "muscle_activation": ("muscle_activation",), "contact_force": ("contact_force",), "reference_root_position_error": ("root_position", "root_quaternion"),
    "reference_root_rotation_error": ("root_quaternion",), "reference_joint_error": ("joint_position",),
}  # fmt: skip
"""Term of an observation -> fields of BodyState that it looks at; terms that are not here look at the reference alone."""


def needed_fields(terms: Iterable[str]) -> tuple[str, ...]:
    """Fields of BodyState that an observation of these terms looks at, without doubles."""
    return tuple(dict.fromkeys(field for term in terms for field in NEEDS.get(term, ())))


class BodyEstimate:
    """Turns records of the bus process into states.

    Attributes:
        state: what is known; NaN for what was not measured. Its seq, stamp and episode belong to the caller.
    """

    def __init__(self, body: BodyDescription, robot: Capabilities, table: HillTable | None, *, full_pressure_pa: float) -> None:
        """Args:
        table: the policy's muscles; None where there is no muscle model, which leaves lengths and activations unknown.
        full_pressure_pa: of the artificial muscles [Pa].

        Raises:
            LayoutError: the robot's muscles are not those of the body.
        """
        if difference := body.muscles.difference(robot.muscles):
            raise LayoutError(f"the robot's muscles are not those of body '{body.name}': {difference}")
        self.state = BodyState.zeros(body)
        for array in self.state.arrays().values():
            array.fill(np.nan)
        self._table, self._bundle = table, None if table is None else McKibbenBundle.for_table(table, full_pressure_pa=full_pressure_pa)
        self._has_length = robot.has_length and table is not None
        known = [(place, robot.joint_names.index(name)) for place, name in enumerate(body.joint_names) if name in robot.joint_names]
        self._joint_to = np.array([place for place, _ in known], dtype=np.intp)
        self._joint_from = np.array([source for _, source in known], dtype=np.intp)
        self._n_contacts = len(body.contact_names)
        self._before = np.full(len(body.muscles), np.nan)
        self._before_ns = 0

    def update(self, record: np.ndarray) -> BodyState:
        """Take in a state record (`bus.records.state_record`); returns `state`."""
        state = self.state
        for name, source in _SAME:
            getattr(state, name)[:] = record[source]
        state.joint_position[self._joint_to] = record["joint_position"][self._joint_from]
        state.joint_velocity[self._joint_to] = record["joint_velocity"][self._joint_from]
        measured = min(self._n_contacts, record["contact_force"].shape[-1])
        state.contact_force[:measured] = record["contact_force"][:measured]
        if self._has_length:
            self._muscles(record)
        return state

    def _muscles(self, record: np.ndarray) -> None:
        state, table, bundle = self.state, self._table, self._bundle
        assert table is not None and bundle is not None
        stamp_ns = int(record["stamp_ns"])
        np.add(record["length_m"], bundle.tendon_length, out=state.muscle_length)
        if stamp_ns > self._before_ns:
            np.subtract(state.muscle_length, self._before, out=state.muscle_velocity)
            state.muscle_velocity /= 1e-9 * (stamp_ns - self._before_ns)
            self._before[:], self._before_ns = state.muscle_length, stamp_ns
        state.muscle_activation[:] = self._activation(table, bundle, np.maximum(record["pressure_pa"], 0.0))

    def _activation(self, table: HillTable, bundle: McKibbenBundle, pressure_pa: Array) -> Array:
        """Activation at which the policy's muscle would give the force that this pressure gives; shape (n,)."""
        length = (self.state.muscle_length - table.tendon_length) * table.per_length
        gain = force_length(table, length) * force_velocity(table, self.state.muscle_velocity * table.per_velocity)
        share = pressure_pa * bundle.force_per_pa(self.state.muscle_length) / table.peak_force - passive_force(table, length)
        # Where the policy's muscle has no force at any activation, the pressure itself tells how strongly it is driven.
        plain = pressure_pa / bundle.full_pressure_pa
        return np.clip(np.where(gain < _NO_GAIN, plain, share / np.maximum(gain, _NO_GAIN)), 0.0, 1.0)

    def unknown(self, fields: Iterable[str]) -> tuple[str, ...]:
        """Those of `fields` in which something is not known now."""
        return tuple(name for name in fields if not np.isfinite(getattr(self.state, name)).all())

    def known_view(self) -> tuple[BodyState, tuple[str, ...]]:
        """A state that shares every array that is known now, with zeros in place of the others, and the names of those others.

        For checks that must notice when a sensor that once gave something gives nothing any more.
        """
        arrays = self.state.arrays()
        missing = self.unknown(arrays)
        shared: dict[str, Any] = {name: np.zeros_like(a) if name in missing else a for name, a in arrays.items()}
        return BodyState(**shared), missing
