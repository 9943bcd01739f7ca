"""A ring of the last states of a world, written to a file at the first bad one, with a way to replay it."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import KinesisError, UnavailableError
from kinesis_sim.bodies import Body, load_body

Array = NDArray[np.float64]
# Positions, velocities, activations, controls, applied forces and the solver's warm start: enough to repeat a step exactly.
STATE = int(mujoco.mjtState.mjSTATE_INTEGRATION)


class PhysicsError(KinesisError):
    """The simulation left the finite numbers. `dump` is the file of the flight recorder, or None if none was written."""

    exit_code = 6

    def __init__(self, message: str, dump: Path | None) -> None:
        super().__init__(message)
        self.dump = dump


def advance(model: mujoco.MjModel, data: mujoco.MjData, substeps: int) -> None:
    """Integrate `substeps` physics steps and leave every position and velocity quantity up to date.

    `mj_step` is `mj_step1` (positions, velocities and their sensors) followed by `mj_step2` (forces, integration), so it
    leaves tendon lengths, poses and sensors one sub-step behind qpos. Starting with the second half and ending with the
    first half does the same arithmetic at the same cost, and ends consistent. `data` must be consistent at the start.
    """
    mujoco.mj_step2(model, data)
    if substeps > 1:
        mujoco.mj_step(model, data, substeps - 1)
    mujoco.mj_step1(model, data)


class FlightRecorder:
    """Keeps the last `depth` states before a control tick; allocates nothing while recording."""

    def __init__(self, body: Body, model: mujoco.MjModel, *, substeps: int, depth: int = 80) -> None:
        self._body, self._model, self._substeps = body, model, substeps
        self._ring = np.zeros((depth, mujoco.mj_stateSize(model, STATE)))
        self._rows = list(self._ring)
        self._count = 0

    def clear(self) -> None:
        """Forget every state."""
        self._count = 0

    def record(self, data: mujoco.MjData) -> None:
        """Store the state and the controls that the next tick starts from."""
        mujoco.mj_getState(self._model, data, self._rows[self._count % len(self._rows)], STATE)
        self._count += 1

    def states(self) -> Array:
        """Stored states, oldest first; shape (n, state size)."""
        depth = len(self._ring)
        if self._count <= depth:
            return self._ring[: self._count].copy()
        return np.roll(self._ring, -(self._count % depth), axis=0)

    def dump(self, folder: Path | None = None) -> Path:
        """Write the ring as .npz and return its path; `folder` defaults to the temporary folder of the system.

        Raises:
            UnavailableError: the folder cannot be written.
        """
        return write_record(folder or Path(tempfile.gettempdir()), self._body, self._model, self.states(), self._substeps)


def write_record(folder: Path, body: Body, model: mujoco.MjModel, states: Array, substeps: int) -> Path:
    """Write states, each the start of a control tick of `substeps` physics steps, as a file that `replay` reads; returns its path.

    Raises:
        UnavailableError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f"kinesis-{body.entry.name}-", suffix=".npz", delete=False) as file:
            np.savez_compressed(
                file, body=body.entry.name, model_hash=body.description.model_hash, states=states, timestep=model.opt.timestep,
                substeps=substeps, mujoco=mujoco.__version__,
            )  # fmt: skip
            return Path(file.name)
    except OSError as error:
        raise UnavailableError(f"cannot write the flight record to {folder}: {error}") from error


@dataclass(frozen=True, kw_only=True)
class Flight:
    """A replayed record.

    Attributes:
        time: shape (n,) [s], time of each recorded state.
        qpos, qvel: shapes (n, nq) and (n, nv), the recorded states stepped once more, one control tick later.
        first_bad: index of the first tick whose result is not finite, or -1.
    """

    time: Array
    qpos: Array
    qvel: Array
    first_bad: int


def replay(path: Path) -> Flight:
    """Step every state of a flight record once more, exactly as it was stepped.

    Raises:
        UnavailableError: the file cannot be read.
        KinesisError: the record was made with another model of the body.
    """
    try:
        with np.load(path) as record:
            stored = {key: record[key] for key in record.files}
        body = load_body(str(stored["body"]))
        states, timestep, substeps, expected = stored["states"], stored["timestep"], stored["substeps"], str(stored["model_hash"])
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise UnavailableError(f"{path} is not a flight record: {error}") from error
    if expected != body.description.model_hash:
        raise KinesisError(f"{path}: recorded on model {expected}, but body '{body.entry.name}' is now {body.description.model_hash}")
    model = private_model(body, float(timestep))
    data = mujoco.MjData(model)
    qpos, qvel, time = np.zeros((len(states), model.nq)), np.zeros((len(states), model.nv)), np.zeros(len(states))
    for i, state in enumerate(states):
        mujoco.mj_setState(model, data, state, STATE)
        time[i] = data.time
        mujoco.mj_step1(model, data)
        advance(model, data, int(substeps))
        qpos[i], qvel[i] = data.qpos, data.qvel
    bad = np.flatnonzero(~np.isfinite(qvel).all(axis=1))
    return Flight(time=time, qpos=qpos, qvel=qvel, first_bad=int(bad[0]) if len(bad) else -1)


def private_model(body: Body, physics_dt: float) -> mujoco.MjModel:
    """A copy of the body's model with its own time step and without MuJoCo's silent reset after bad numbers."""
    model = body.model.__copy__()
    model.opt.timestep = physics_dt
    model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
    return model
